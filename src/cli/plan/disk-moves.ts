import { failure, type Result, success } from '../../base/index.ts';
import { errorCode, errorName, type KafkaAdmin, type LogDirMove } from '../../client/kafka/index.ts';
import type { Operation, PlannedDiskMove, Stale } from '../../placement/index.ts';
import { type Interrupted, type Patience, pause, type Refusal, refused } from './patience.ts';
import type { Step } from './steps.ts';

export type DiskOptions = {
  /** Copied at once inside one broker. */
  readonly movesPerBroker: number;
  readonly pollMs: number;
  readonly signal: AbortSignal;
  /** How many have ended, and the bytes of these and of the unfinished ones. */
  readonly onProgress: (done: number, bytes: number) => void;
};

export type DiskProblem = Refusal | Interrupted | { readonly kind: 'stale'; readonly stale: readonly Stale[] };

/** Where a replica is, and where a copy of it is being made. */
export type Place = {
  readonly path: string | undefined;
  readonly future: string | undefined;
  readonly futureBytes: number;
};

/**
 * Moves replicas between the log folders of their brokers: each broker copies for itself, and changes over when the copy
 * has caught up. What is there already is skipped, what is under way is waited for.
 */
export async function executeDiskMoves(
  admin: KafkaAdmin,
  patience: Patience,
  moves: readonly PlannedDiskMove[],
  { movesPerBroker, pollMs, signal, onProgress }: DiskOptions,
): Promise<Result<undefined, DiskProblem>> {
  let open = moves;
  const begun = new Set<PlannedDiskMove>();
  while (open.length > 0) {
    const places = await diskPlaces(admin, patience, open);
    if (!places.ok) return places;
    const stale = open.flatMap((move) => diskStaleness(move, places.value.get(diskKey(move))));
    if (stale.length > 0) return failure({ kind: 'stale', stale });
    const placeOf = (move: PlannedDiskMove): Place => places.value.get(diskKey(move))!;
    open = open.filter((move) => placeOf(move).path !== move.to || placeOf(move).future !== undefined);
    const running = open.filter((move) => placeOf(move).future !== undefined || begun.has(move));
    const bytesOf = (move: PlannedDiskMove): number => Math.min(move.bytes, placeOf(move).futureBytes);
    onProgress(
      moves.length - open.length,
      sum(moves, ({ bytes }) => bytes) - sum(open, ({ bytes }) => bytes) + sum(running, bytesOf),
    );
    const next = fitting(open, running, movesPerBroker);
    const started = await begin(admin, patience, next, ({ to }) => to);
    if (!started.ok) return started;
    for (const move of next) begun.add(move);
    if (open.length > 0) await pause(pollMs, signal);
    if (signal.aborted) return failure({ kind: 'interrupted' });
  }
  return success(undefined);
}

/**
 * Replicas that come to a broker while one of its disks is emptied: the broker is told beforehand to put them on another
 * one. It remembers that for replicas that it does not have yet.
 */
export async function keepOffLeavingDisks(
  admin: KafkaAdmin,
  patience: Patience,
  operation: Operation,
  steps: readonly Step[],
): Promise<Result<undefined, Refusal | Interrupted>> {
  if (operation.kind !== 'removeDisks') return success(undefined);
  const { broker, paths } = operation;
  const coming = steps.filter(({ receivers }) => receivers.includes(broker));
  if (coming.length === 0) return success(undefined);
  const folders = await patience.ask('reading the log folders', () => admin.describeLogDirs([broker], []));
  if (!folders.ok) return folders;
  const staying = folders.value
    .filter(({ path, errorCode: code }) => code === errorCode.NONE && !paths.includes(path))
    .map(({ path, usableBytes }) => ({ path, usableBytes }));
  if (staying.length === 0) return refused(`moving replicas to broker ${broker}`, 'it has no other disk');
  const moves = coming.map(({ change: { topic, partition, bytes } }): LogDirMove => {
    const freest = staying.reduce((best, each) => (each.usableBytes > best.usableBytes ? each : best));
    freest.usableBytes -= bytes;
    return { broker, topic, partition, path: freest.path };
  });
  const answer = await patience.ask('choosing disks', () => admin.alterReplicaLogDirs(moves));
  if (!answer.ok) return answer;
  const expected: readonly number[] = [errorCode.NONE, errorCode.REPLICA_NOT_AVAILABLE];
  const bad = answer.value.find(({ errorCode: code }) => !expected.includes(code));
  if (bad === undefined) return success(undefined);
  return refused(`choosing a disk for ${bad.topic}-${bad.partition} on broker ${broker}`, errorName(bad.errorCode));
}

/** Drops the copies that are being made: the broker is told that the replica belongs where it is. */
export async function cancelDiskMoves(
  admin: KafkaAdmin,
  patience: Patience,
  moves: readonly PlannedDiskMove[],
): Promise<Result<number, Refusal | Interrupted>> {
  const places = await diskPlaces(admin, patience, moves);
  if (!places.ok) return places;
  const running = moves.filter((move) => places.value.get(diskKey(move))?.future !== undefined);
  const stopped = await begin(admin, patience, running, (move) => places.value.get(diskKey(move))!.path ?? move.from);
  return stopped.ok ? success(running.length) : stopped;
}

export const diskKey = ({
  broker,
  topic,
  partition,
}: Pick<PlannedDiskMove, 'broker' | 'topic' | 'partition'>): string => `${broker} ${topic} ${partition}`;
const sum = (moves: readonly PlannedDiskMove[], of: (move: PlannedDiskMove) => number): number =>
  moves.reduce((total, move) => total + of(move), 0);

export async function diskPlaces(
  admin: KafkaAdmin,
  patience: Patience,
  moves: readonly PlannedDiskMove[],
): Promise<Result<ReadonlyMap<string, Place>, Refusal | Interrupted>> {
  if (moves.length === 0) return success(new Map());
  const brokers = [...new Set(moves.map(({ broker }) => broker))];
  const topics = [...Map.groupBy(moves, ({ topic }) => topic)].map(([topic, some]) => ({
    topic,
    partitions: [...new Set(some.map(({ partition }) => partition))],
  }));
  const answer = await patience.ask('reading the log folders', () => admin.describeLogDirs(brokers, topics));
  if (!answer.ok) return answer;
  const places = new Map<string, Place>();
  for (const { broker, path, replicas } of answer.value) {
    for (const { topic, partition, isFuture, sizeBytes } of replicas) {
      const key = diskKey({ broker, topic, partition });
      const place = places.get(key) ?? { path: undefined, future: undefined, futureBytes: 0 };
      places.set(key, isFuture ? { ...place, future: path, futureBytes: sizeBytes } : { ...place, path });
    }
  }
  return success(places);
}

export function diskStaleness(
  { broker, topic, partition, from, to }: PlannedDiskMove,
  place: Place | undefined,
): Stale[] {
  if (place?.path === undefined) return [{ topic, partition, message: `has no replica on broker ${broker}` }];
  if (place.path !== from && place.path !== to) {
    return [{ topic, partition, message: `is in ${place.path} of broker ${broker}; the plan knows ${from} and ${to}` }];
  }
  if (place.future !== undefined && place.future !== to) {
    return [{ topic, partition, message: `is being moved to ${place.future} on broker ${broker} by somebody else` }];
  }
  return [];
}

function fitting(
  open: readonly PlannedDiskMove[],
  running: readonly PlannedDiskMove[],
  movesPerBroker: number,
): PlannedDiskMove[] {
  const busy = new Map<number, number>();
  for (const { broker } of running) busy.set(broker, (busy.get(broker) ?? 0) + 1);
  const isRunning = new Set(running);
  return open.filter((move) => {
    const count = busy.get(move.broker) ?? 0;
    if (isRunning.has(move) || count >= movesPerBroker) return false;
    busy.set(move.broker, count + 1);
    return true;
  });
}

async function begin(
  admin: KafkaAdmin,
  patience: Patience,
  moves: readonly PlannedDiskMove[],
  pathOf: (move: PlannedDiskMove) => string,
): Promise<Result<undefined, Refusal | Interrupted>> {
  if (moves.length === 0) return success(undefined);
  const answer = await patience.ask('moving replicas between disks', () =>
    admin.alterReplicaLogDirs(
      moves.map((move) => ({
        broker: move.broker,
        topic: move.topic,
        partition: move.partition,
        path: pathOf(move),
      })),
    ),
  );
  if (!answer.ok) return answer;
  const bad = answer.value.find(({ errorCode: code }) => code !== errorCode.NONE);
  if (bad === undefined) return success(undefined);
  return refused(`moving ${bad.topic}-${bad.partition} on broker ${bad.broker}`, errorName(bad.errorCode));
}
