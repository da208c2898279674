/** Makes the topics of one cluster what their specs ask for, all in one pass: a thousand are a few calls. */
import { type KafkaTopic, parseKafkaTopic, type Refusal, topicFinalizer, topicNameOf } from '../../api/index.ts';
import { done, type Next, parseKey, requeueAfterMs, retryBecause } from '../../kube/index.ts';
import { fieldManager } from '../apply/apply.ts';
import { inParallel } from '../apply/in-parallel.ts';
import { applyTopics, type PlannedTopic, type TopicOutcome } from '../apply/kafka-topics.ts';
import {
  type LiveTopic,
  type LiveTopics,
  type ObservedTopicCluster,
  observeTopicCluster,
  observeTopics,
} from '../observe/kafka-topics.ts';
import { kafkaTopics, type RawObject } from '../observe/kinds.ts';
import type { Why } from '../plan/action.ts';
import { planTopic, type TopicPlan, topicOwners } from '../plan/kafka-topics.ts';
import { conditionsOf } from '../status/conditions.ts';
import { count } from '../status/counters.ts';
import { kafkaTopicFacts } from '../status/kafka-topic.ts';
import { reportTransition } from '../status/report.ts';
import { previousConditions, writeStatus } from '../status/write-status.ts';
import { type Context, settledPeriodMs, waitingPeriodMs } from './context.ts';
import { beginPass } from './pass.ts';

/** Requests to the API server at once: many small writes, and the server has other guests. */
const writesAtOnce = 16;
const askAgainMs = 500;

/** Topics that are made, changed or deleted in one pass. */
const topicsPerPass = 100;

/** One topic on its way through the pass. */
type Item = {
  readonly raw: RawObject;
  readonly topic: KafkaTopic | undefined;
  readonly invalid: readonly Refusal[];
};
type Verdict = {
  readonly refusals: readonly Refusal[];
  readonly waiting: Why | undefined;
  readonly live: LiveTopic | undefined;
  readonly isOurs: boolean;
  readonly isConfigured: boolean;
  /** The resource may go: its topic is gone, or was never its own. */
  readonly release?: string;
  /** Its turn comes in the next pass, which follows at once. */
  readonly isForLater?: boolean;
  /** What was done to the topic, for an event. */
  readonly did?: Why;
};

/** @param key  of the cluster: `namespace/name` */
export async function reconcileKafkaTopics(key: string, context: Context): Promise<Next> {
  const { namespace = '', name } = parseKey(key);
  const raws = context.cache.kafkaTopics.byIndex('cluster', key).map((raw) => context.fresh.newest(raw));
  if (raws.length === 0) return done;
  count(context.counters.passes, 'KafkaTopic');
  const begun = await inParallel(raws, writesAtOnce, async (raw) => ({
    raw,
    ended: await beginPass(raw, kafkaTopics, context),
  }));
  const items = begun
    .filter(({ ended }) => ended === undefined)
    .map(({ raw }): Item => {
      const newest = context.fresh.newest(raw);
      const parsed = parseKafkaTopic(newest);
      return parsed.ok
        ? { raw: newest, topic: parsed.value, invalid: [] }
        : { raw: newest, topic: undefined, invalid: parsed.problem };
    });
  const failedBegin = begun.find(({ ended }) => ended?.kind === 'retry')?.ended;

  const cluster = await observeTopicCluster({ namespace, name }, context);
  const verdicts = await decideAll(items, cluster, context);
  const problems = await inParallel(items, writesAtOnce, async (item) =>
    finish(item, verdicts.get(item) ?? nothing, context),
  );

  if ([...verdicts.values()].some(({ isForLater }) => isForLater === true)) return requeueAfterMs(0);
  const problem = problems.find((each) => each !== undefined);
  if (problem !== undefined) return retryBecause(problem);
  if (failedBegin !== undefined) return failedBegin;
  const waiting = [...verdicts.values()].map((verdict) => verdict.waiting?.reason);
  if (waiting.includes('WaitingForLeader') || waiting.includes('ApiError')) return requeueAfterMs(askAgainMs);
  if (waiting.some((reason) => reason !== undefined)) return requeueAfterMs(waitingPeriodMs);
  return requeueAfterMs(settledPeriodMs);
}

const nothing: Verdict = { refusals: [], waiting: undefined, live: undefined, isOurs: false, isConfigured: false };

async function decideAll(
  items: readonly Item[],
  cluster: ObservedTopicCluster,
  context: Context,
): Promise<ReadonlyMap<Item, Verdict>> {
  const verdicts = new Map<Item, Verdict>();
  const valid: (Item & { readonly topic: KafkaTopic })[] = [];
  for (const item of items) {
    if (item.topic !== undefined) valid.push(item as Item & { topic: KafkaTopic });
    else verdicts.set(item, { ...nothing, refusals: item.invalid, ...whenInvalid(item) });
  }
  if (cluster.kind !== 'serving') {
    for (const item of valid) verdicts.set(item, withoutBrokers(item.topic, cluster));
    return verdicts;
  }

  const { admin } = cluster;
  const names = [...new Set(valid.map(({ topic }) => topicNameOf(topic)))];
  const configured = new Set(
    valid
      .filter(({ topic }) => Object.keys(topic.spec.config).length + Object.keys(topic.status.config ?? {}).length > 0)
      .map(({ topic }) => topicNameOf(topic)),
  );
  const before = await observeTopics(admin, names, (name) => configured.has(name));
  if (before.kind === 'failed') {
    const why: Why = { reason: 'BrokersUnreachable', message: before.sentence };
    for (const item of valid) verdicts.set(item, { ...nothing, waiting: why });
    return verdicts;
  }
  const owners = topicOwners(valid.map(({ topic }) => topic));
  const wanted = valid.map((item) => ({
    item,
    plan: planTopic(item.topic, {
      cluster: cluster.cluster,
      owners,
      live: before.topics.get(topicNameOf(item.topic)),
      notReadyForTopics: cluster.notReadyForTopics,
    }),
  }));
  // So many at a time: their statuses tell how far it is, and a change of plan is seen between.
  const withWork = wanted.filter(({ plan }) => isWork(plan));
  const later = new Set(withWork.slice(topicsPerPass).map(({ item }) => item));
  for (const item of later) verdicts.set(item, { ...nothing, isForLater: true });
  const planned = wanted.filter(({ item }) => !later.has(item));
  // A topic is made only once its resource cannot vanish without it.
  const held = new Map<Item, string | undefined>();
  await inParallel(
    planned.filter(({ item, plan }) => wantsFinalizer(item.topic, plan)),
    writesAtOnce,
    async ({ item }) => {
      held.set(
        item,
        await writeFinalizers(item.raw, [...(item.raw.metadata.finalizers ?? []), topicFinalizer], context),
      );
    },
  );
  const doable: PlannedTopic[] = planned
    .filter(({ item }) => held.get(item) === undefined)
    .map(({ item, plan }) => ({ topic: item.topic, plan }));
  const outcomes = await applyTopics(doable, admin);
  for (const outcome of outcomes.values()) if (outcome.kind === 'done') count(context.counters.writes, 'topic');
  const changed = planned.filter(({ item }) => outcomes.get(item.topic.metadata.name)?.kind === 'done');
  const after = await observeTopics(
    admin,
    changed.map(({ item }) => topicNameOf(item.topic)),
    () => false,
  );
  for (const { item, plan } of planned) {
    const failed = held.get(item);
    const verdict =
      failed === undefined
        ? verdictOf(item.topic, plan, outcomes.get(item.topic.metadata.name), { before, after })
        : { ...nothing, waiting: { reason: 'ApiError' as const, message: failed } };
    verdicts.set(item, verdict);
  }
  return verdicts;
}

const isWork = ({ kind }: TopicPlan): boolean =>
  kind === 'create' || kind === 'addPartitions' || kind === 'alterConfig' || kind === 'delete';

const wantsFinalizer = (topic: KafkaTopic, plan: TopicPlan): boolean =>
  topic.metadata.deletionTimestamp === undefined &&
  plan.kind !== 'refused' &&
  plan.kind !== 'wait' &&
  topic.metadata.finalizers?.includes(topicFinalizer) !== true;

/** A resource that is not valid any more goes without its topic: nobody can tell which that would be. */
const whenInvalid = ({ raw }: Item): Partial<Verdict> =>
  raw.metadata.deletionTimestamp === undefined ? {} : { release: 'the resource is not valid' };

function withoutBrokers(topic: KafkaTopic, cluster: Exclude<ObservedTopicCluster, { kind: 'serving' }>): Verdict {
  const isGoing = topic.metadata.deletionTimestamp !== undefined;
  const wasMade = topic.status.partitions !== undefined;
  // Nobody is left who could delete the topic, or there never was one.
  if (isGoing && (cluster.kind === 'gone' || !wasMade)) return { ...nothing, release: cluster.because };
  const reason = cluster.kind === 'gone' ? 'WaitingForCluster' : cluster.reason;
  return { ...nothing, waiting: { reason, message: cluster.because } };
}

/** Turns what was planned and what came of it into what is said. */
function verdictOf(
  topic: KafkaTopic,
  plan: TopicPlan,
  outcome: TopicOutcome | undefined,
  { before, after }: { readonly before: LiveTopics & { kind: 'answered' }; readonly after: LiveTopics },
): Verdict {
  const name = topicNameOf(topic);
  const was = before.topics.get(name);
  const is = (after.kind === 'answered' ? after.topics.get(name) : undefined) ?? was;
  const base: Verdict = { ...nothing, live: is, isOurs: plan.kind !== 'refused' };
  if (plan.kind === 'refused') return { ...base, isOurs: topic.status.topicName === name, refusals: plan.refusals };
  if (plan.kind === 'wait') return { ...base, waiting: plan.why, isConfigured: plan.why.reason === 'WaitingForLeader' };
  if (plan.kind === 'settled') return { ...base, isConfigured: true };
  if (plan.kind === 'release') return { ...base, release: plan.because };
  const why = doing(topic, plan);
  if (outcome?.kind === 'refused') return { ...base, refusals: [outcome.refusal] };
  if (outcome?.kind === 'failed') {
    return { ...base, waiting: { reason: 'ApiError', message: `${why.message} failed: ${outcome.sentence}` } };
  }
  if (plan.kind === 'delete') return { ...base, release: `topic ${name} is deleted`, did: why };
  const leaderless = is === undefined || is.leaderless > 0;
  return {
    ...base,
    did: why,
    // After new partitions the properties are looked at in the next pass.
    isConfigured: plan.kind !== 'addPartitions',
    waiting: leaderless
      ? { reason: 'WaitingForLeader', message: `${why.message}; waiting for its partitions to have leaders` }
      : plan.kind === 'addPartitions' && Object.keys(topic.spec.config).length > 0
        ? { reason: 'ChangingConfig', message: 'comparing the properties' }
        : undefined,
  };
}

function doing(
  topic: KafkaTopic,
  plan: Extract<TopicPlan, { kind: 'create' | 'addPartitions' | 'alterConfig' | 'delete' }>,
): Why {
  const name = topicNameOf(topic);
  switch (plan.kind) {
    case 'create':
      return { reason: 'CreatingTopic', message: `making topic ${name}` };
    case 'addPartitions':
      return { reason: 'AddingPartitions', message: `raising topic ${name} to ${plan.count} partitions` };
    case 'alterConfig': {
      const changes = plan.changes.map((change) =>
        change.operation === 'delete' ? `${change.name} to its default` : `${change.name} to ${change.value}`,
      );
      return { reason: 'ChangingConfig', message: `setting of topic ${name}: ${changes.join(', ')}` };
    }
    case 'delete':
      return { reason: 'DeletingTopic', message: `deleting topic ${name}` };
  }
}

/** Status, event, finalizer. @returns what went wrong */
async function finish({ raw, topic }: Item, verdict: Verdict, context: Context): Promise<string | undefined> {
  if (verdict.isForLater === true) return undefined;
  const { did } = verdict;
  if (did !== undefined) {
    context.events.record(raw, { type: 'Normal', reason: did.reason, note: did.message });
    context.logger.info({ topic: raw.metadata.name, reason: did.reason }, did.message);
  }
  const newest = context.fresh.newest(raw);
  if (verdict.release !== undefined) {
    const finalizers = newest.metadata.finalizers ?? [];
    if (!finalizers.includes(topicFinalizer)) return undefined;
    context.logger.info({ topic: raw.metadata.name, because: verdict.release }, 'letting the resource go');
    return writeFinalizers(
      newest,
      finalizers.filter((finalizer) => finalizer !== topicFinalizer),
      context,
    );
  }
  const before = previousConditions(newest);
  const generation = raw.metadata.generation ?? 0;
  const facts = topic === undefined ? withoutConditions(newest.status) : kafkaTopicFacts(topic, verdict);
  const { partitions, replicas } = facts as { readonly partitions?: number; readonly replicas?: number };
  const conditions = conditionsOf(
    {
      refusals: verdict.refusals,
      waiting: verdict.waiting,
      serving: partitions === undefined ? '' : `${partitions} partitions, replication factor ${replicas}`,
    },
    { generation, previous: before, nowMs: context.clock.nowMs() },
  );
  if (did === undefined) reportTransition(raw, before, conditions, context.events);
  const written = await writeStatus(
    newest,
    { observedGeneration: generation, conditions, ...facts },
    kafkaTopics,
    context,
  );
  if (written.written) count(context.counters.writes, 'status');
  return written.problem?.message;
}

function withoutConditions(status: unknown): object {
  const {
    conditions: _conditions,
    observedGeneration: _generation,
    ...facts
  } = (status ?? {}) as Record<string, unknown>;
  return facts;
}

/** @returns what went wrong; undefined also for a resource that is gone already */
async function writeFinalizers(
  raw: RawObject,
  finalizers: readonly string[],
  context: Context,
): Promise<string | undefined> {
  const { namespace, name, resourceVersion } = raw.metadata;
  // The version makes it fail if somebody else has changed the list meanwhile.
  const patch = { metadata: { resourceVersion, finalizers } };
  const answer = await context.client.mergePatch(kafkaTopics, { namespace, name }, patch, { fieldManager });
  if (answer.ok) {
    context.fresh.wrote(raw, answer.value);
    count(context.counters.writes, 'finalizer');
    return undefined;
  }
  return answer.problem.kind === 'notFound' ? undefined : answer.problem.message;
}
