import { errorCode } from '../../protocol/kafka/index.ts';
import { createTopics } from './create-topics.ts';
import { offsetsTopic, type Services } from './services.ts';

/** A client that asks for a topic waits so long for it to be there; then it is told to ask again. */
const waitMs = 2_000;
/** One request makes so many topics at most; the rest is made by the next. */
const topicsAtOnce = 100;
/** The offsets of groups have one replica too as long as no topic can have more. */
const replicationFactor = 1;

type TopicToMake = {
  readonly name: string;
  readonly numPartitions: number;
  readonly replicationFactor: number;
  readonly configs: { name: string; value: string }[];
};

/**
 * Makes topics that clients have asked for by name, through the controller, and waits until this broker knows them.
 *
 * @returns error codes of those that are not there: retriable while they are on the way
 *
 * Source: AutoTopicCreationManager.scala.
 */
export async function autoCreate(services: Services, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { metadata, clock } = services;
  const topics = names.slice(0, topicsAtOnce).map((name) => topicToMake(services, name));
  const codes = new Map<string, number>(names.map((name) => [name, errorCode.LEADER_NOT_AVAILABLE]));
  const answer = await createTopics(services, {
    topics: topics.map((topic) => ({ ...topic, assignments: [] })),
    timeoutMs: waitMs,
    validateOnly: false,
  });
  for (const { name, errorCode: code } of answer.topics) {
    const isOnItsWay =
      code === errorCode.NONE ||
      code === errorCode.TOPIC_ALREADY_EXISTS ||
      code === errorCode.REQUEST_TIMED_OUT ||
      code === errorCode.NOT_CONTROLLER;
    if (!isOnItsWay) codes.set(name, code);
  }
  const coming = names.filter((name) => codes.get(name) === errorCode.LEADER_NOT_AVAILABLE);
  await metadata.waitFor(
    (image) => coming.every((name) => image.topics.has(name)),
    waitMs,
    (delayMs, call) => clock.after(delayMs, call),
  );
  return codes;
}

function topicToMake({ settings }: Services, name: string): TopicToMake {
  if (name !== offsetsTopic) return { name, numPartitions: -1, replicationFactor: -1, configs: [] };
  return {
    name,
    numPartitions: settings.get('offsets.topic.num.partitions'),
    replicationFactor,
    configs: [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'compression.type', value: 'producer' },
      { name: 'segment.bytes', value: String(settings.get('offsets.topic.segment.bytes')) },
    ],
  };
}
