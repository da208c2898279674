import { type Model, nobody } from './model.ts';

/** Topics with more cells than this are counted in a table; the cells of smaller ones are looked through. */
const smallCells = 96;
/** Counters that the table may have: the border is raised until they are enough. */
const mostCounters = 8_000_000;

/**
 * How many replicas of each topic each broker holds. A topic's partitions are rows side by side, so of a small topic
 * the replicas are counted when asked for: that is one or two cache lines, and needs no table of topics x brokers.
 */
export class TopicCounts {
  readonly #brokers: number;
  readonly #width: number;
  readonly #replicas: Int32Array;
  /** Rows of topic t: `first[t]` to `first[t + 1]` (exclusive). */
  readonly #first: Int32Array;
  /** Start of a topic's counters, -1 for a small topic. */
  readonly #slots: Int32Array;
  readonly #counts: Uint16Array;

  /** @param replicas  the assignment that is counted, as it changes */
  constructor({ topicOf, topicNames, brokerIds, width }: Model, replicas: Int32Array) {
    this.#brokers = brokerIds.length;
    this.#width = width;
    this.#replicas = replicas;
    const topics = topicNames.length;
    this.#first = new Int32Array(topics + 1);
    for (let row = 0; row < topicOf.length; row++) this.#first[topicOf[row]! + 1]!++;
    for (let topic = 0; topic < topics; topic++) this.#first[topic + 1]! += this.#first[topic]!;
    this.#slots = new Int32Array(topics);
    let border = smallCells / 2;
    let large: number;
    do {
      border *= 2;
      large = 0;
      for (let topic = 0; topic < topics; topic++) {
        const cells = (this.#first[topic + 1]! - this.#first[topic]!) * width;
        this.#slots[topic] = cells <= border ? -1 : large++ * this.#brokers;
      }
    } while (large > 1 && large * this.#brokers > mostCounters);
    this.#counts = new Uint16Array(large * this.#brokers);
    for (let topic = 0; topic < topics; topic++) {
      if (this.#slots[topic] === -1) continue;
      for (let cell = this.#first[topic]! * width; cell < this.#first[topic + 1]! * width; cell++) {
        if (replicas[cell] !== nobody) this.#counts[this.#slots[topic]! + replicas[cell]!]!++;
      }
    }
  }

  get(topic: number, broker: number): number {
    const slot = this.#slots[topic]!;
    if (slot !== -1) return this.#counts[slot + broker]!;
    const replicas = this.#replicas;
    const end = this.#first[topic + 1]! * this.#width;
    let count = 0;
    for (let cell = this.#first[topic]! * this.#width; cell < end; cell++) if (replicas[cell] === broker) count++;
    return count;
  }

  /** Must be told of each replica that comes (1) or goes (-1). */
  add(topic: number, broker: number, change: number): void {
    const slot = this.#slots[topic]!;
    if (slot !== -1) this.#counts[slot + broker]! += change;
  }
}
