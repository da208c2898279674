import { randomBytes } from 'node:crypto';
import type { Brand } from '../../../base/index.ts';

/** A 16-byte id in Kafka's text form (base64url, 22 characters, no padding); equal ids are equal strings. */
export type Uuid = Brand<string, 'Uuid'>;

/** "No id". */
export const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA' as Uuid;
/** Topic id of `__cluster_metadata`; never given to another topic. */
export const metadataTopicId = 'AAAAAAAAAAAAAAAAAAAAAQ' as Uuid;

/** A fresh id. Kafka's own tools read a leading dash as an option, so none is made. */
export function randomUuid(bytes: () => Buffer = () => randomBytes(16)): Uuid {
  for (;;) {
    const raw = bytes();
    raw[6] = ((raw[6] as number) & 0x0f) | 0x40;
    raw[8] = ((raw[8] as number) & 0x3f) | 0x80;
    const text = raw.toString('base64url');
    if (!text.startsWith('-')) return text as Uuid;
  }
}

/** @returns undefined when the text is not the one canonical spelling of 16 bytes */
export function parseUuid(text: string): Uuid | undefined {
  if (text.length !== 22) return undefined;
  return Buffer.from(text, 'base64url').toString('base64url') === text ? (text as Uuid) : undefined;
}
