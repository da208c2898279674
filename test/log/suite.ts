import type { Clock, Disk, Logger } from '../../src/base/index.ts';
import {
  defaultLogConfig,
  type LogConfig,
  type LogDeps,
  PartitionLog,
  SyncQueue,
  TurnEnd,
} from '../../src/log/index.ts';
import { buildBatch, wholeBatches } from '../../src/protocol/kafka/index.ts';

export const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

/** A clock that stands still until the test moves it. */
export class StillClock implements Clock {
  now = 1_700_000_000_000;
  nowMs = (): number => this.now;
  monotonicMs = (): number => this.now;
  after = (): { cancel(): void } => ({ cancel() {} });
  every = (): { cancel(): void } => ({ cancel() {} });
}

export type TestDeps = LogDeps & { readonly clock: StillClock; endTurn(): void };

/** Turns of the event loop end when the test says so. */
export function depsOn(disk: Disk): TestDeps {
  const ends: (() => void)[] = [];
  return {
    disk,
    clock: new StillClock(),
    logger: quiet,
    turnEnd: new TurnEnd((call) => ends.push(call)),
    syncQueue: new SyncQueue(),
    endTurn: () => {
      for (const end of ends.splice(0)) end();
    },
  };
}

export const client = { origin: 'client', isZstdAllowed: true } as const;
export const folder = '/logs/orders-0';

export function openLog(
  deps: LogDeps,
  config: Partial<LogConfig> = {},
  hints: Partial<Parameters<typeof PartitionLog.load>[2]> = {},
): PartitionLog {
  return PartitionLog.load(
    { folder, topic: 'orders', partition: 0 },
    { ...defaultLogConfig, ...config },
    { wasClean: false, recoveryPoint: 0, logStartOffset: undefined, ...hints },
    deps,
  );
}

export type BatchShape = {
  readonly records?: number;
  readonly valueBytes?: number;
  readonly timestampMs?: number;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
};

export function batchOf({
  records = 1,
  valueBytes = 10,
  timestampMs = 1_700_000_000_000,
  ...producer
}: BatchShape = {}): Buffer {
  const value = Buffer.alloc(valueBytes, 'v');
  return buildBatch({
    records: Array.from({ length: records }, (_, index) => ({
      key: Buffer.from(`k${index}`),
      value,
      timestampMs: timestampMs + index,
    })),
    ...producer,
  });
}

/** Base offsets of the batches that a read gave. */
export async function offsetsRead(log: PartitionLog, offset: number, maxBytes = 1 << 20): Promise<number[]> {
  const buffers = await log.read(offset, log.writtenEndOffset, maxBytes);
  return buffers.flatMap((buffer) => [...wholeBatches(buffer)].map((batch) => batch.baseOffset));
}

export function appended(log: PartitionLog, batch: Buffer, leaderEpoch = 0): number {
  const outcome = log.append(batch, leaderEpoch, client);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problem));
  return outcome.value.baseOffset;
}
