import { failure, type Result, success } from '../../base/index.ts';
import { type ConfigChange, type ConfigResource, configSources, type KafkaAdmin } from '../../client/kafka/index.ts';
import { type PlanDocument, type PlannedChange, remainingOf, type Stale } from '../../placement/index.ts';
import type { Progress } from './progress.ts';

export type ExecuteOptions = {
  /** Bytes per second that each broker may send and receive for copies; undefined: no throttle is set. */
  readonly throttle: number | undefined;
  /** Replicas copied to one broker at once. */
  readonly movesPerBroker: number;
  readonly pollMs: number;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal;
};

export type Execution = {
  readonly moved: number;
  readonly bytes: number;
  readonly elapsedMs: number;
  /** Cut short by the signal: what ran was cancelled, the rest was not begun. */
  readonly isInterrupted: boolean;
};

export type ExecuteProblem =
  | { readonly kind: 'stale'; readonly stale: readonly Stale[] }
  | { readonly kind: 'refused'; readonly message: string };

/** How long a broker may take to hear of a move, or a change of settings, that the controller has finished. */
const metadataLagMs = 15_000;
const unthrottledPollMs = 200;
/** Partitions asked for in one request. */
const partitionsPerRequest = 500;
const throttleRates = ['leader.replication.throttled.rate', 'follower.replication.throttled.rate'] as const;
const throttledReplicas = ['leader.replication.throttled.replicas', 'follower.replication.throttled.replicas'] as const;

/**
 * Carries a plan out on a live cluster, batch by batch, from wherever it stands: what has arrived is skipped, what is
 * under way is waited for. Between batches preferred leaders are elected where the plan changes them.
 *
 * The throttle is set before the first copy and taken away at the end, also when interrupted. An interruption cancels
 * the copies under way (Kafka keeps the old replicas) and leaves the rest for a later run. After a `kill -9` the
 * cluster finishes the running batch by itself; the next run goes on from there and takes the throttle away.
 */
export async function execute(
  admin: KafkaAdmin,
  document: PlanDocument,
  options: ExecuteOptions,
): Promise<Result<Execution, ExecuteProblem>> {
  const startedMs = performance.now();
  const all = document.batches.flat();
  const now = await replicasNow(admin, all);
  if (!now.ok) return now;
  const remaining = remainingOf(document, (topic, partition) => now.value.get(`${topic} ${partition}`)?.replicas);
  if (!remaining.ok) return failure({ kind: 'stale', stale: remaining.problem });
  const { batches, done } = remaining.value;
  const total = all.length;
  const bytesTotal = sum(all);
  const bytesLeft = sum(batches.flat());
  let finished = done;
  let bytesDone = bytesTotal - bytesLeft;
  let batchNumber = document.batches.length - batches.length;
  const report = (): void =>
    options.onProgress({
      done: finished,
      total,
      bytesDone,
      bytesTotal,
      batch: batchNumber,
      batches: document.batches.length,
      elapsedMs: performance.now() - startedMs,
    });
  report();
  const brokers = brokersOf(all);
  let unthrottled: Result<undefined, ExecuteProblem> = success(undefined);
  try {
    if (options.throttle !== undefined && bytesLeft > 0) {
      const set = await setThrottle(admin, brokers, batches.flat(), options.throttle);
      if (!set.ok) return set;
    }
    for (const batch of batches) {
      if (options.signal.aborted) break;
      batchNumber++;
      const ran = await runBatch(admin, batch, options, (change) => {
        finished++;
        bytesDone += copiedBytes(change);
        report();
      });
      if (!ran.ok) return ran;
      const elected = await electPreferred(admin, batch);
      if (!elected.ok) return elected;
    }
  } finally {
    unthrottled = await removeThrottle(admin, brokers, all);
  }
  if (!unthrottled.ok) return unthrottled;
  return success({
    moved: finished - done,
    bytes: bytesDone - (bytesTotal - bytesLeft),
    elapsedMs: performance.now() - startedMs,
    isInterrupted: options.signal.aborted && finished < total,
  });
}

/** Cancels what runs of a plan and takes its throttle away. @returns how many copies were cancelled */
export async function cancel(admin: KafkaAdmin, document: PlanDocument): Promise<Result<number, ExecuteProblem>> {
  const all = document.batches.flat();
  const cancelled = await cancelRunning(admin, all);
  const unthrottled = await removeThrottle(admin, brokersOf(all), all);
  return cancelled.ok && !unthrottled.ok ? unthrottled : cancelled;
}

type Held = { readonly replicas: readonly number[]; readonly leader: number };

/** Replicas of the plan's partitions now; of one that is moving, those it is moving to count with those it leaves. */
async function replicasNow(
  admin: KafkaAdmin,
  changes: readonly PlannedChange[],
): Promise<Result<ReadonlyMap<string, Held>, ExecuteProblem>> {
  const names = [...new Set(changes.map(({ topic }) => topic))];
  const topics = await admin.describeTopics(names);
  if (!topics.ok) return refused('reading the topics', topics.problem.sentence);
  const held = new Map<string, Held>();
  for (const { name, errorCode, partitions } of topics.value) {
    if (errorCode !== 0) continue;
    for (const { partition, replicas, leader } of partitions) held.set(`${name} ${partition}`, { replicas, leader });
  }
  return success(held);
}

const refused = (what: string, sentence: string) =>
  failure({ kind: 'refused' as const, message: `${what}: ${sentence}` });
const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic} ${partition}`;
const copiedBytes = ({ bytes, from, to }: PlannedChange): number =>
  bytes * to.filter((id) => !from.includes(id)).length;
const sum = (changes: readonly PlannedChange[]): number =>
  changes.reduce((total, change) => total + copiedBytes(change), 0);
const brokersOf = (changes: readonly PlannedChange[]): number[] =>
  [...new Set(changes.flatMap(({ from, to }) => [...from, ...to]))].sort((one, other) => one - other);

async function runBatch(
  admin: KafkaAdmin,
  batch: readonly PlannedChange[],
  { pollMs, movesPerBroker, signal }: ExecuteOptions,
  onDone: (change: PlannedChange) => void,
): Promise<Result<undefined, ExecuteProblem>> {
  const before = await ongoing(admin, batch);
  if (!before.ok) return before;
  // What an earlier run began is waited for, not begun again.
  const running = new Map(batch.filter((change) => before.value.has(nameOf(change))).map((one) => [nameOf(one), one]));
  let waiting = batch.filter((change) => !before.value.has(nameOf(change)));
  while (running.size > 0 || waiting.length > 0) {
    const next = fitting(waiting, running.values(), movesPerBroker);
    const begun = await begin(admin, next);
    if (!begun.ok) return begun;
    for (const change of next) running.set(nameOf(change), change);
    waiting = waiting.filter((change) => !running.has(nameOf(change)));
    const still = await ongoing(admin, [...running.values()]);
    if (!still.ok) return still;
    for (const [name, change] of [...running]) {
      if (still.value.has(name)) continue;
      running.delete(name);
      onDone(change);
    }
    if (signal.aborted) {
      const cancelled = await cancelRunning(admin, [...running.values()]);
      return cancelled.ok ? success(undefined) : cancelled;
    }
    if (running.size > 0) await pause(pollMs, signal);
  }
  return await arrived(admin, batch, pollMs);
}

/** Brokers hear of a finished move one after the other: waits until the one that answers knows. */
async function arrived(
  admin: KafkaAdmin,
  batch: readonly PlannedChange[],
  pollMs: number,
): Promise<Result<undefined, ExecuteProblem>> {
  const untilMs = performance.now() + metadataLagMs;
  for (;;) {
    const now = await replicasNow(admin, batch);
    if (!now.ok) return now;
    const wrong = batch.find((change) => now.value.get(nameOf(change))?.replicas.join() !== change.to.join());
    if (wrong === undefined) return success(undefined);
    if (performance.now() > untilMs) {
      const is = now.value.get(nameOf(wrong))?.replicas.join(', ') ?? 'none';
      return refused(
        `moving ${wrong.topic}-${wrong.partition}`,
        `its replicas are ${is}; somebody cancelled or changed it`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Of what waits, in order, what no broker is too busy for: at most so many copies to one broker at once. */
function fitting(
  waiting: readonly PlannedChange[],
  running: Iterable<PlannedChange>,
  movesPerBroker: number,
): PlannedChange[] {
  const busy = new Map<number, number>();
  const receivers = ({ from, to }: PlannedChange): number[] => to.filter((id) => !from.includes(id));
  const count = (change: PlannedChange): void => {
    for (const id of receivers(change)) busy.set(id, (busy.get(id) ?? 0) + 1);
  };
  for (const change of running) count(change);
  const next: PlannedChange[] = [];
  for (const change of waiting) {
    if (receivers(change).some((id) => (busy.get(id) ?? 0) >= movesPerBroker)) continue;
    count(change);
    next.push(change);
  }
  return next;
}

async function begin(admin: KafkaAdmin, changes: readonly PlannedChange[]): Promise<Result<undefined, ExecuteProblem>> {
  for (let at = 0; at < changes.length; at += partitionsPerRequest) {
    const some = changes.slice(at, at + partitionsPerRequest);
    const answer = await admin.alterPartitionReassignments(
      some.map(({ topic, partition, to }) => ({ topic, partition, replicas: to })),
    );
    if (!answer.ok) return refused('moving partitions', answer.problem.sentence);
    const bad = answer.value.find(({ errorCode }) => errorCode !== 0);
    if (bad !== undefined) {
      return refused(`moving ${bad.topic}-${bad.partition}`, `${bad.errorMessage ?? ''} (error ${bad.errorCode})`);
    }
  }
  return success(undefined);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

async function ongoing(
  admin: KafkaAdmin,
  changes: readonly PlannedChange[],
): Promise<Result<ReadonlySet<string>, ExecuteProblem>> {
  const answer = await admin.listPartitionReassignments(null);
  if (!answer.ok) return refused('listing moves', answer.problem.sentence);
  const wanted = new Set(changes.map(nameOf));
  return success(new Set(answer.value.map(nameOf).filter((name) => wanted.has(name))));
}

async function cancelRunning(
  admin: KafkaAdmin,
  changes: readonly PlannedChange[],
): Promise<Result<number, ExecuteProblem>> {
  const running = await ongoing(admin, changes);
  if (!running.ok) return running;
  const some = changes.filter((change) => running.value.has(nameOf(change)));
  const answer = await admin.alterPartitionReassignments(
    some.map(({ topic, partition }) => ({ topic, partition, replicas: null })),
  );
  return answer.ok ? success(some.length) : refused('cancelling moves', answer.problem.sentence);
}

/** Elects the first replica where somebody else leads and the plan put it first. */
async function electPreferred(
  admin: KafkaAdmin,
  batch: readonly PlannedChange[],
): Promise<Result<undefined, ExecuteProblem>> {
  const now = await replicasNow(admin, batch);
  if (!now.ok) return now;
  const others = batch.filter((change) => {
    const held = now.value.get(nameOf(change));
    return held !== undefined && held.leader !== held.replicas[0] && held.replicas.join() === change.to.join();
  });
  if (others.length === 0) return success(undefined);
  const answer = await admin.electLeaders(others.map(({ topic, partition }) => ({ topic, partition })));
  if (!answer.ok) return refused('electing leaders', answer.problem.sentence);
  // A preferred leader that cannot lead yet is elected later by the cluster itself: worth no stop.
  return success(undefined);
}

/** Rates on the brokers, and on each topic the replicas that they count for: sources as leaders, copies as followers. */
async function setThrottle(
  admin: KafkaAdmin,
  brokers: readonly number[],
  changes: readonly PlannedChange[],
  rate: number,
): Promise<Result<undefined, ExecuteProblem>> {
  const all = [
    ...brokers.map((id) => ({
      resource: brokerResource(id),
      changes: throttleRates.map((name): ConfigChange => ({ name, operation: 'set', value: String(Math.round(rate)) })),
    })),
    ...[...Map.groupBy(changes, ({ topic }) => topic)].map(([topic, some]) => {
      const leaders = some.flatMap(({ partition, from }) => from.map((id) => `${partition}:${id}`));
      const followers = some.flatMap(({ partition, from, to }) =>
        to.filter((id) => !from.includes(id)).map((id) => `${partition}:${id}`),
      );
      return {
        resource: { type: 'topic', name: topic } as const,
        changes: throttledReplicas.map(
          (name, at): ConfigChange => ({ name, operation: 'set', value: (at === 0 ? leaders : followers).join(',') }),
        ),
      };
    }),
  ];
  const answer = await admin.incrementalAlterConfigs(all);
  if (!answer.ok) return refused('setting the throttle', answer.problem.sentence);
  const bad = answer.value.find(({ errorCode }) => errorCode !== 0);
  if (bad !== undefined)
    return refused(`setting the throttle of ${bad.type} ${bad.name}`, bad.errorMessage ?? `error ${bad.errorCode}`);
  return success(undefined);
}

const brokerResource = (id: number): ConfigResource => ({ type: 'broker', name: String(id) });

/**
 * Takes the throttle away and waits until every broker and topic says that it is gone: a broker of a KRaft cluster hears
 * of the change some moments after the one that answered. It also runs when the cluster has just refused something.
 * A broker that is away is not asked: its throttle would stand until the plan is run or cancelled again.
 */
async function removeThrottle(
  admin: KafkaAdmin,
  brokers: readonly number[],
  changes: readonly PlannedChange[],
): Promise<Result<undefined, ExecuteProblem>> {
  const cluster = await admin.describeCluster();
  if (!cluster.ok) return refused('taking the throttle away', cluster.problem.sentence);
  const live = new Set(cluster.value.brokers.map(({ id }) => id));
  const throttled = [
    ...brokers.filter((id) => live.has(id)).map((id) => ({ resource: brokerResource(id), names: throttleRates })),
    ...[...new Set(changes.map(({ topic }) => topic))].map((topic) => ({
      resource: { type: 'topic', name: topic } as const,
      names: throttledReplicas,
    })),
  ];
  const removals = throttled.map(({ resource, names }) => ({
    resource,
    changes: names.map((name): ConfigChange => ({ name, operation: 'delete' })),
  }));
  const untilMs = performance.now() + metadataLagMs;
  for (;;) {
    const answer = await admin.incrementalAlterConfigs(removals);
    const left = answer.ok ? await throttlesAt(admin, throttled) : answer.problem.sentence;
    if (left === undefined) return success(undefined);
    if (performance.now() > untilMs) {
      return refused(
        'taking the throttle away',
        `${left}; run the plan's cancel or resume again, or remove it by hand`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, unthrottledPollMs));
  }
}

/** Where a throttle still stands, as a sentence; undefined if nowhere. */
async function throttlesAt(
  admin: KafkaAdmin,
  throttled: readonly { readonly resource: ConfigResource; readonly names: readonly string[] }[],
): Promise<string | undefined> {
  const described = await admin.describeConfigs(throttled.map(({ resource }) => resource));
  if (!described.ok) return described.problem.sentence;
  const own: readonly number[] = [configSources.topic, configSources.dynamicBroker];
  for (const { type, name, entries } of described.value) {
    const names: readonly string[] = type === 'broker' ? throttleRates : throttledReplicas;
    const entry = entries.find((each) => names.includes(each.name) && own.includes(each.source));
    if (entry !== undefined) return `${type} ${name} still has ${entry.name}=${entry.value}`;
  }
  return undefined;
}
