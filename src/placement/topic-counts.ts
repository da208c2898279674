import { constants } from './constants.ts';
import type { Model } from './model.ts';
import { inSlices } from './slices.ts';

const { nobody } = constants;

/** Topics with more cells than this are counted in a table; the cells of smaller ones are looked through. */
const smallCells = 96;
/** Counters that the table may have: the border is raised until they are enough. */
const mostCounters = 8_000_000;

/**
 * How many replicas of each topic each broker holds. A topic's partitions are rows side by side, so of a small topic
 * the replicas are counted when asked for: that is one or two cache lines, and needs no table of topics x brokers.
 */
export class TopicCounts {
  readonly #width: number;
  readonly #replicas: Int32Array;
  /** Rows of topic t: `first[t]` to `first[t + 1]` (exclusive). */
  readonly #first: Int32Array;
  /** Start of a topic's counters, -1 for a small topic. */
  readonly #slots: Int32Array;
  readonly #counts: Uint16Array;

  readonly #wanted: Int32Array;

  /** @param replicas  the assignment that is counted, as it changes */
  constructor(model: Model, replicas: Int32Array) {
    const { topicNames, brokerIds, width } = model;
    const brokers = brokerIds.length;
    const topics = topicNames.length;
    const first = new Int32Array(topics + 1);
    const wanted = new Int32Array(topics);
    inSlices(model.topicOf.length, (from, to) => addRows(model, first, wanted, from, to));
    for (let topic = 0; topic < topics; topic++) first[topic + 1]! += first[topic]!;
    const slots = new Int32Array(topics);
    let border = smallCells / 2;
    let large: number;
    do {
      border *= 2;
      large = 0;
      for (let topic = 0; topic < topics; topic++) {
        slots[topic] = (first[topic + 1]! - first[topic]!) * width <= border ? -1 : large++ * brokers;
      }
    } while (large > 1 && large * brokers > mostCounters);
    this.#width = width;
    this.#replicas = replicas;
    this.#first = first;
    this.#wanted = wanted;
    this.#slots = slots;
    this.#counts = new Uint16Array(large * brokers);
    for (let topic = 0; topic < topics; topic++) {
      if (slots[topic] !== -1) this.#count(topic);
    }
  }

  /** Replicas that the topic is to have, on all brokers. */
  replicasOf(topic: number): number {
    return this.#wanted[topic]!;
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

  #count(topic: number): void {
    const replicas = this.#replicas;
    const counts = this.#counts;
    const slot = this.#slots[topic]!;
    const end = this.#first[topic + 1]! * this.#width;
    for (let cell = this.#first[topic]! * this.#width; cell < end; cell++) {
      if (replicas[cell] !== nobody) counts[slot + replicas[cell]!]!++;
    }
  }

  /** Must be told of each replica that comes (1) or goes (-1). */
  add(topic: number, broker: number, change: number): void {
    const slot = this.#slots[topic]!;
    if (slot !== -1) this.#counts[slot + broker]! += change;
  }
}

/** Adds rows to the numbers of rows (one place late) and of replicas that each topic has. */
function addRows({ topicOf, factors }: Model, rows: Int32Array, replicas: Int32Array, from: number, to: number): void {
  for (let row = from; row < to; row++) {
    rows[topicOf[row]! + 1]!++;
    replicas[topicOf[row]!]! += factors[row]!;
  }
}
