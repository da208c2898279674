import { failure, type Result, success } from '../../base/index.ts';
import type { KafkaAdmin } from '../../client/kafka/index.ts';
import type { PlanDocument, Stale } from '../../placement/index.ts';
import { cancelRunning, type Held, nameOf, replicasNow } from './cluster-moves.ts';
import { cancelDiskMoves, executeDiskMoves, keepOffLeavingDisks } from './disk-moves.ts';
import { Moves } from './moves.ts';
import { type Interrupted, Patience, pause, type Refusal } from './patience.ts';
import type { Progress } from './progress.ts';
import { standing } from './standing.ts';
import { copiedBytes, type Step, stepOf } from './steps.ts';
import { removeThrottle, setDiskThrottle } from './throttle.ts';

export type ExecuteOptions = {
  /** Bytes per second that each broker may send and receive for copies; undefined: no throttle is set. */
  readonly throttle: number | undefined;
  /** Replicas copied to one broker at once. */
  readonly movesPerBroker: number;
  /** Partitions that move at once. */
  readonly batchPartitions: number;
  readonly pollMs: number;
  /** How long the cluster may give no answer, or a broker that is needed may be away, before we give up. */
  readonly patienceMs: number;
  readonly onProgress: (progress: Progress) => void;
  /** What is waited for, or cannot be done now, in a sentence. */
  readonly onNotice: (sentence: string) => void;
  readonly signal: AbortSignal;
};

export type Execution = {
  readonly moved: number;
  readonly bytes: number;
  readonly elapsedMs: number;
  /** Cut short by the signal: what ran was cancelled, the rest was not begun. */
  readonly isInterrupted: boolean;
};

export type ExecuteProblem = { readonly kind: 'stale'; readonly stale: readonly Stale[] } | Refusal;

/** How long the cluster is asked to cancel copies and to take the throttle away once we have to end. */
const cleanUpMs = 20_000;
/** How long the brokers may disagree about where partitions are before the plan counts as stale. */
const metadataLagMs = 5000;
const lagPollMs = 500;

/**
 * Carries a plan out on a live cluster from wherever it stands: what has arrived is skipped, what is under way is waited
 * for. First the moves between brokers, then those between the log folders of one broker.
 *
 * The throttle is set before the first copy and taken away at the end, however it ends. An interruption, or a cluster
 * that refuses to go on, cancels the copies under way (Kafka keeps the old replicas) and leaves the rest for a later
 * run. After a `kill -9` the cluster finishes the copies under way by itself; the next run goes on from there and takes
 * the throttle away.
 */
export async function execute(
  admin: KafkaAdmin,
  document: PlanDocument,
  options: ExecuteOptions,
): Promise<Result<Execution, ExecuteProblem>> {
  const { signal, patienceMs, onNotice, throttle } = options;
  const startedMs = performance.now();
  const patience = new Patience({ signal, patienceMs, onWait: onNotice });
  const all = stepsOf(document);
  const diskBytes = document.diskMoves.reduce((sum, { bytes }) => sum + bytes, 0);
  const progress = { total: all.length + document.diskMoves.length, bytesTotal: sumOf(all) + diskBytes };
  let [moved, bytes] = [0, 0];
  let [doneBefore, bytesBefore] = [0, 0];
  const report = (done: number, bytesDone: number, bytesMoved: number): void => {
    [moved, bytes] = [done - doneBefore, bytesMoved];
    options.onProgress({ ...progress, done, bytesDone, bytesMoved, elapsedMs: performance.now() - startedMs });
  };
  const ended = async (): Promise<Result<undefined, ExecuteProblem | Interrupted>> => {
    const open = await openSteps(admin, patience, document, all, signal);
    if (!open.ok) return open;
    [doneBefore, bytesBefore] = [all.length - open.value.length, sumOf(all) - sumOf(open.value)];
    report(doneBefore, bytesBefore, 0);
    if (open.value.length > 0) {
      const moves = new Moves(admin, patience, options, open.value, (done, copied, copiedNow) => {
        report(doneBefore + done, bytesBefore + copied, copiedNow);
      });
      const chosen = await keepOffLeavingDisks(admin, patience, document.operation, open.value);
      if (!chosen.ok) return chosen;
      const ran = await moves.run();
      if (!ran.ok) return ran;
    }
    if (document.diskMoves.length === 0) return success(undefined);
    if (throttle !== undefined) {
      const set = await setDiskThrottle(admin, patience, throttledBy(document).diskBrokers, throttle);
      if (!set.ok) return set;
    }
    const movedBefore = bytes;
    return await executeDiskMoves(admin, patience, document.diskMoves, {
      ...options,
      onProgress: (done, copied) => report(all.length + done, sumOf(all) + copied, movedBefore + copied),
    });
  };
  let outcome: Awaited<ReturnType<typeof ended>> = failure({ kind: 'interrupted' });
  let cleaned: Result<unknown, ExecuteProblem> = success(undefined);
  try {
    outcome = await ended();
  } finally {
    const isWhole = outcome.ok;
    if (isWhole || outcome.problem.kind !== 'stale' || moved > 0) {
      cleaned = await cleanUp(admin, document, { isWhole, onNotice });
    }
  }
  const isInterrupted = !outcome.ok && outcome.problem.kind === 'interrupted';
  if (!outcome.ok && outcome.problem.kind !== 'interrupted') return failure(outcome.problem);
  if (!cleaned.ok) return cleaned;
  return success({ moved, bytes, elapsedMs: performance.now() - startedMs, isInterrupted });
}

/** Cancels what runs of a plan and takes its throttle away. @returns how many copies were cancelled */
export async function cancel(
  admin: KafkaAdmin,
  document: PlanDocument,
  onNotice: (sentence: string) => void,
): Promise<Result<number, ExecuteProblem>> {
  return await cleanUp(admin, document, { isWhole: false, onNotice });
}

/** Leaves nothing of a plan behind: no copy under way unless the plan ended by itself, and no throttle. */
async function cleanUp(
  admin: KafkaAdmin,
  document: PlanDocument,
  { isWhole, onNotice }: { readonly isWhole: boolean; readonly onNotice: (sentence: string) => void },
): Promise<Result<number, ExecuteProblem>> {
  const patience = new Patience({
    signal: new AbortController().signal,
    patienceMs: cleanUpMs,
    onWait: onNotice,
  });
  let cancelled = 0;
  if (!isWhole) {
    const moves = await cancelRunning(admin, patience, stepsOf(document));
    if (!moves.ok) return uninterrupted(moves.problem);
    const disks = await cancelDiskMoves(admin, patience, document.diskMoves);
    if (!disks.ok) return uninterrupted(disks.problem);
    cancelled = moves.value + disks.value;
  }
  const away = await removeThrottle(admin, patience, throttledBy(document));
  if (!away.ok) return uninterrupted(away.problem);
  if (away.value.length > 0) {
    onNotice(
      `broker ${away.value.join(', ')} is away: throttle rates that it may have stay there and throttle nothing`,
    );
  }
  return success(cancelled);
}

/** Nobody can interrupt a clean-up. */
const uninterrupted = (problem: Refusal | Interrupted): Result<never, ExecuteProblem> =>
  failure(problem.kind === 'refused' ? problem : { kind: 'refused', message: 'interrupted' });

const stepsOf = ({ batches }: PlanDocument): Step[] =>
  batches.flatMap((batch, at) => batch.map((change) => stepOf(change, at)));
const sumOf = (steps: readonly Step[]): number => steps.reduce((sum, step) => sum + copiedBytes(step), 0);

function throttledBy({ batches, diskMoves }: PlanDocument) {
  const changes = batches.flat();
  return {
    brokers: [...new Set(changes.flatMap(({ from, to }) => [...from, ...to]))].sort((one, other) => one - other),
    topics: [...new Set(changes.map(({ topic }) => topic))],
    diskBrokers: [...new Set(diskMoves.map(({ broker }) => broker))],
  };
}

/** Steps that are still to do, in order; a partition that is neither here nor there makes the plan stale. */
async function openSteps(
  admin: KafkaAdmin,
  patience: Patience,
  document: PlanDocument,
  all: readonly Step[],
  signal: AbortSignal,
): Promise<Result<Step[], ExecuteProblem | Interrupted>> {
  const untilMs = performance.now() + metadataLagMs;
  let now = await replicasNow(admin, patience, all);
  if (!now.ok) return now;
  const standsAt = (held: ReadonlyMap<string, Held>) => standing(document, (name) => held.get(name)?.replicas);
  let remaining = standsAt(now.value);
  // A broker that has just started, or hears of moves late, is no reason to give a plan up.
  while (!remaining.ok && performance.now() < untilMs) {
    await pause(lagPollMs, signal);
    now = await replicasNow(admin, patience, all);
    if (!now.ok) return now;
    remaining = standsAt(now.value);
  }
  if (!remaining.ok) return failure({ kind: 'stale', stale: remaining.problem });
  const held = now.value;
  const open = new Set(remaining.value.batches.flat().map(nameOf));
  // A leader that was to change and did not, because an earlier run was killed just before, is still to be elected.
  return success(
    all.filter(({ change }) => {
      const is = held.get(nameOf(change));
      return open.has(nameOf(change)) || (is !== undefined && is.leader !== change.to[0]);
    }),
  );
}
