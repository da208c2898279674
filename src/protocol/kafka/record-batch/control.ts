import { buildBatch } from './build.ts';

/** Kinds of control records, by the number in their key. Source: ControlRecordType.java. */
export const controlTypes = {
  abort: 0,
  commit: 1,
  leaderChange: 2,
  snapshotHeader: 3,
  snapshotFooter: 4,
  kraftVersion: 5,
  kraftVoters: 6,
} as const;
export type ControlType = keyof typeof controlTypes;

const names = new Map<number, ControlType>(
  Object.entries(controlTypes).map(([name, value]) => [value, name as ControlType]),
);

/** The key of a control record: `i16 version 0, i16 type`. */
export function controlKey(type: ControlType): Buffer {
  const key = Buffer.alloc(4);
  key.writeInt16BE(controlTypes[type], 2);
  return key;
}

/** @returns undefined for a key that is not a control record's, or of a type that we do not know */
export function controlTypeOf(key: Buffer | null): ControlType | undefined {
  if (key === null || key.length < 4 || key.readInt16BE(0) < 0) return undefined;
  return names.get(key.readInt16BE(2));
}

/** The value of an end-of-transaction marker: `i16 version 0, i32 coordinatorEpoch`. Source: EndTransactionMarker.java. */
export function coordinatorEpochOf(value: Buffer | null): number | undefined {
  if (value === null || value.length < 6 || value.readInt16BE(0) < 0) return undefined;
  return value.readInt32BE(2);
}

/** A batch with the one record that ends a producer's transaction in a partition. */
export function buildTransactionMarker(marker: {
  readonly outcome: 'commit' | 'abort';
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  readonly timestampMs: number;
  readonly partitionLeaderEpoch: number;
}): Buffer {
  const value = Buffer.alloc(6);
  value.writeInt32BE(marker.coordinatorEpoch, 2);
  return buildBatch({
    records: [{ key: controlKey(marker.outcome), value, timestampMs: marker.timestampMs }],
    isTransactional: true,
    isControl: true,
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    partitionLeaderEpoch: marker.partitionLeaderEpoch,
  });
}
