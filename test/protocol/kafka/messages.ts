import {
  type AnyApi,
  apis,
  consumerProtocol,
  controlRecords,
  groupRecords,
  metadataRecords,
  principalData,
  transactionRecords,
} from '../../../src/protocol/kafka/index.ts';
import type { Struct } from '../../../src/protocol/kafka/schema/field.ts';
import type { Message } from '../../../src/protocol/kafka/schema/message.ts';

export const allApis = Object.values(apis) as unknown as readonly AnyApi[];

/** Every message that there is, requests and responses among them. */
export const allMessages: readonly Message<Struct>[] = [
  ...allApis.flatMap((api) => [api.request, api.response]),
  ...[consumerProtocol, controlRecords, groupRecords, metadataRecords, principalData, transactionRecords].flatMap(
    (group) => Object.values(group) as unknown as Message<Struct>[],
  ),
];

export function versionsOf(message: { readonly versions: { readonly min: number; readonly max: number } }): number[] {
  const { min, max } = message.versions;
  return Array.from({ length: max - min + 1 }, (_, index) => min + index);
}
