/** The only writes to brokers: topics in batches. */
import { type KafkaTopic, type Refusal, topicNameOf } from '../../api/index.ts';
import { type CallProblem, errorCode, errorName, type KafkaAdmin, type Outcome } from '../../client/kafka/index.ts';
import { chunks } from '../observe/kafka-topics.ts';
import type { TopicPlan } from '../plan/kafka-topics.ts';

/** What a call to the brokers did for one topic. */
export type TopicOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** It may pass: the next pass looks again. */
  | { readonly kind: 'failed'; readonly sentence: string };

export type PlannedTopic = { readonly topic: KafkaTopic; readonly plan: TopicPlan };

/** Topics in one request: small enough to be answered in time by a broker that writes several znodes for each. */
const topicsPerCall = 100;

/** Codes that only a change of the resource cures. */
const refusalCodes: readonly number[] = [
  errorCode.INVALID_TOPIC_EXCEPTION,
  errorCode.INVALID_PARTITIONS,
  errorCode.INVALID_REPLICATION_FACTOR,
  errorCode.INVALID_CONFIG,
  errorCode.INVALID_REQUEST,
  errorCode.POLICY_VIOLATION,
];

const said = ({ errorCode: code, errorMessage }: Outcome): string =>
  errorMessage === null || errorMessage === '' ? errorName(code) : `${errorName(code)}: ${errorMessage}`;

/** @returns by the resource's name; a resource with nothing to do is not in it */
export async function applyTopics(
  planned: readonly PlannedTopic[],
  admin: KafkaAdmin,
): Promise<ReadonlyMap<string, TopicOutcome>> {
  const outcomes = new Map<string, TopicOutcome>();
  const create = planned.filter(({ plan }) => plan.kind === 'create');
  for (const some of chunks(create, topicsPerCall)) {
    const answer = await admin.createTopics(
      some.map(({ topic }) => ({
        name: topicNameOf(topic),
        replicas: { partitions: topic.spec.partitions ?? -1, replicationFactor: topic.spec.replicas ?? -1 },
        config: topic.spec.config,
      })),
    );
    record(outcomes, some, answer, { field: 'spec', reason: 'TopicInvalid' }, [errorCode.TOPIC_ALREADY_EXISTS]);
  }
  const grow = planned.flatMap(({ topic, plan }) => (plan.kind === 'addPartitions' ? [{ topic, plan }] : []));
  for (const some of chunks(grow, topicsPerCall)) {
    const answer = await admin.createPartitions(
      some.map(({ topic, plan }) => ({ name: topicNameOf(topic), count: plan.count })),
    );
    record(outcomes, some, answer, { field: 'spec.partitions', reason: 'AddPartitionsNotSupported' });
  }
  const alter = planned.flatMap(({ topic, plan }) => (plan.kind === 'alterConfig' ? [{ topic, plan }] : []));
  for (const some of chunks(alter, topicsPerCall)) {
    const answer = await admin.incrementalAlterConfigs(
      some.map(({ topic, plan }) => ({ resource: { type: 'topic', name: topicNameOf(topic) }, changes: plan.changes })),
    );
    record(outcomes, some, answer, { field: 'spec.config', reason: 'TopicConfigChangeNotSupported' });
  }
  const remove = planned.filter(({ plan }) => plan.kind === 'delete');
  for (const some of chunks(remove, topicsPerCall)) {
    const answer = await admin.deleteTopics(some.map(({ topic }) => topicNameOf(topic)));
    record(outcomes, some, answer, { field: 'metadata.name', reason: 'TopicInvalid' }, [
      errorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]);
  }
  return outcomes;
}

type BatchAnswer =
  | { readonly ok: true; readonly value: readonly Outcome[] }
  | { readonly ok: false; readonly problem: CallProblem };

/** @param fine  codes that mean that it is so already */
function record(
  outcomes: Map<string, TopicOutcome>,
  some: readonly { readonly topic: KafkaTopic }[],
  answer: BatchAnswer,
  refusal: Pick<Refusal, 'field' | 'reason'>,
  fine: readonly number[] = [],
): void {
  const byName = new Map(answer.ok ? answer.value.map((outcome) => [outcome.name, outcome]) : []);
  for (const { topic } of some) {
    outcomes.set(topic.metadata.name, outcomeOf(topic));
  }

  function outcomeOf(topic: KafkaTopic): TopicOutcome {
    if (!answer.ok) {
      const { kind, sentence } = answer.problem;
      if (kind !== 'unsupportedVersion') return { kind: 'failed', sentence };
      const message =
        'the brokers do not support this change yet; set it back, or delete the resource and make a new one';
      return { kind: 'refused', refusal: { ...refusal, message } };
    }
    const outcome = byName.get(topicNameOf(topic));
    if (outcome === undefined) return { kind: 'failed', sentence: 'the brokers gave no answer for this topic' };
    if (outcome.errorCode === errorCode.NONE || fine.includes(outcome.errorCode)) return { kind: 'done' };
    if (!refusalCodes.includes(outcome.errorCode)) return { kind: 'failed', sentence: said(outcome) };
    const reason = outcome.errorCode === errorCode.INVALID_CONFIG ? ('ConfigInvalid' as const) : refusal.reason;
    return { kind: 'refused', refusal: { ...refusal, reason, message: said(outcome) } };
  }
}
