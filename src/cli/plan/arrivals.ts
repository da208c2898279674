import type { KafkaAdmin } from '../../client/kafka/index.ts';
import { nameOf } from './cluster-moves.ts';
import type { Step } from './steps.ts';

/** What came to each broker, and left each, since the sample before. */
export type Sample = {
  readonly seconds: number;
  readonly received: ReadonlyMap<number, number>;
  readonly sent: ReadonlyMap<number, number>;
  /** What in-sync followers fetched of throttled partitions, by leader: Kafka counts it against the leader's quota. */
  readonly besides: ReadonlyMap<number, number>;
};

/** A step whose copies are under way, or have just ended. */
export type Copying = {
  readonly step: Step;
  /** The broker that its copies are read from; -1 while there is none. */
  readonly source: number;
  /** Whether the source's quota holds it back. */
  readonly isThrottled: boolean;
  /** In-sync followers of its partition, whose fetches are then counted against that quota. */
  readonly followers: number;
};

/** Bytes of one copy: what it is to become by now, and what has arrived. */
export type CopyBytes = { readonly all: number; readonly arrived: number };

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

  /**
   * Of the copy of a step that is the furthest behind; undefined until its source has been looked at. What is produced
   * meanwhile counts: a log in use may have grown by much since the plan was made.
   */
  lastBytesOf({ change: { topic, partition }, receivers }: Step, source: number): CopyBytes | undefined {
    const sizeAt = (broker: number): number | undefined => this.sizes.get(`${broker} ${topic} ${partition}`);
    const all = sizeAt(source);
    return all === undefined ? undefined : { all, arrived: Math.min(...receivers.map((id) => sizeAt(id) ?? 0)) };
  }

  /** Of brokers that are there; the first sample is only what is there already. */
  async sample(copies: readonly Copying[], isLive: (broker: number) => boolean): Promise<Sample> {
    const atMs = performance.now();
    const isFirst = this.lastMs === undefined;
    const seconds = (atMs - (this.lastMs ?? atMs)) / 1000;
    this.lastMs = atMs;
    const received = new Map<number, number>();
    const sent = new Map<number, number>();
    const besides = new Map<number, number>();
    const add = (sums: Map<number, number>, id: number, bytes: number): void => {
      sums.set(id, (sums.get(id) ?? 0) + bytes);
    };
    const watched = Map.groupBy(
      copies.flatMap((copy) => {
        const { step, source, isThrottled } = copy;
        return [...step.receivers, ...(isThrottled ? [source] : [])].map((broker) => ({ broker, copy }));
      }),
      ({ broker }) => broker,
    );
    await Promise.all(
      [...watched].map(async ([broker, some]) => {
        if (!isLive(broker)) return;
        const copyOf = new Map(some.map(({ copy }) => [nameOf(copy.step.change), copy]));
        const topics = [...Map.groupBy(copyOf.values(), ({ step }) => step.change.topic)].map(([topic, each]) => ({
          topic,
          partitions: each.map(({ step }) => step.change.partition),
        }));
        const answer = await this.admin.describeLogDirs([broker], topics);
        if (!answer.ok) return;
        for (const { topic, partition, sizeBytes, isFuture } of answer.value.flatMap(({ replicas }) => replicas)) {
          const copy = copyOf.get(nameOf({ topic, partition }));
          if (isFuture || copy === undefined) continue;
          const key = `${broker} ${topic} ${partition}`;
          const before = this.sizes.get(key);
          this.sizes.set(key, sizeBytes);
          const isReceiver = copy.step.receivers.includes(broker);
          // A copy grows from nothing; a log that is only now looked at does not.
          const grown = sizeBytes - (before ?? (isReceiver ? 0 : sizeBytes));
          if (isFirst || grown <= 0) continue;
          if (!isReceiver) {
            add(besides, broker, grown * copy.followers);
            continue;
          }
          add(received, broker, grown);
          if (copy.source >= 0) add(sent, copy.source, grown);
        }
      }),
    );
    return { seconds, received, sent, besides };
  }
}
