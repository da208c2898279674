import type { KafkaAdmin } from '../../client/kafka/index.ts';
import type { Step } from './steps.ts';

/** What came to each broker, and left each, since the sample before. */
export type Sample = {
  readonly seconds: number;
  readonly received: ReadonlyMap<number, number>;
  readonly sent: ReadonlyMap<number, number>;
};

/**
 * Watches copies grow in their brokers' log folders. Brokers that do not answer are left out of a sample, and what came
 * to them meanwhile is in a later one.
 */
export class Arrivals {
  private readonly admin: KafkaAdmin;
  private readonly sizes = new Map<string, number>();
  private lastMs: number | undefined;

  constructor(admin: KafkaAdmin) {
    this.admin = admin;
  }

  /** Bytes of unfinished copies so far. */
  bytesOf({ change: { topic, partition, bytes }, receivers }: Step): number {
    let sum = 0;
    for (const id of receivers) sum += Math.min(bytes, this.sizes.get(`${id} ${topic} ${partition}`) ?? 0);
    return sum;
  }

  /** @param sourceOf  the broker that a step's copies are read from */
  async sample(
    running: readonly Step[],
    isLive: (broker: number) => boolean,
    sourceOf: (step: Step) => number,
  ): Promise<Sample> {
    const atMs = performance.now();
    // The first sample is only what is there already.
    const isFirst = this.lastMs === undefined;
    const seconds = (atMs - (this.lastMs ?? atMs)) / 1000;
    this.lastMs = atMs;
    const received = new Map<number, number>();
    const sent = new Map<number, number>();
    const add = (sums: Map<number, number>, id: number, bytes: number): void => {
      sums.set(id, (sums.get(id) ?? 0) + bytes);
    };
    const byBroker = Map.groupBy(
      running.flatMap((step) => step.receivers.filter(isLive).map((broker) => ({ broker, step }))),
      ({ broker }) => broker,
    );
    await Promise.all(
      [...byBroker].map(async ([broker, some]) => {
        const sources = new Map(
          some.map(({ step }) => [`${step.change.topic} ${step.change.partition}`, sourceOf(step)]),
        );
        const topics = [...Map.groupBy(some, ({ step }) => step.change.topic)].map(([topic, each]) => ({
          topic,
          partitions: each.map(({ step }) => step.change.partition),
        }));
        const answer = await this.admin.describeLogDirs([broker], topics);
        if (!answer.ok) return;
        for (const { topic, partition, sizeBytes, isFuture } of answer.value.flatMap(({ replicas }) => replicas)) {
          if (isFuture) continue;
          const key = `${broker} ${topic} ${partition}`;
          const grown = sizeBytes - (this.sizes.get(key) ?? 0);
          this.sizes.set(key, sizeBytes);
          if (isFirst || grown <= 0) continue;
          add(received, broker, grown);
          const source = sources.get(`${topic} ${partition}`);
          if (source !== undefined) add(sent, source, grown);
        }
      }),
    );
    return { seconds, received, sent };
  }
}
