import { constants } from './constants.ts';
import { condition, type Model } from './model.ts';
import { inSlices } from './slices.ts';
import { type Kind, keeps, kindsOf, loadsOf, type SpreadTable } from './targets.ts';

const { nobody } = constants;

/** What is to be known of an assignment as it is before anything moves. */
export type Survey = {
  /** 1: some replica can be read, or there is none to read. Others cannot be copied, and stay. */
  readonly readable: Uint8Array;
  /**
   * Rows that a hard goal asks to change: replicas missing or too many, on a broker that must lose them or of another
   * set, zones less even than they could be, a leader where none may be. Ascending; all other rows are well.
   */
  readonly flawed: Int32Array;
  readonly loads: Float64Array;
  readonly kinds: readonly Kind[];
};

/**
 * Three passes over the partitions, each a short loop of its own: where one plan is all that a process makes, compiling
 * one long loop takes longer than running three short ones.
 */
export function surveyOf(model: Model, spreads: SpreadTable): Survey {
  return {
    readable: readableRows(model),
    flawed: flawedRows(model, model.replicas, spreads),
    loads: loadsOf(model, model.replicas),
    kinds: kindsOf(model),
  };
}

function readableRows({ replicas, width, conditions, topicOf }: Model): Uint8Array {
  const readable = new Uint8Array(topicOf.length);
  const isUp = (state: number): boolean => state !== condition.dead && state !== condition.away;
  if (conditions.every(isUp)) return readable.fill(1);
  for (let row = 0; row < readable.length; row++) {
    let held = 0;
    for (let cell = row * width; cell < (row + 1) * width; cell++) {
      const broker = replicas[cell]!;
      if (broker === nobody) continue;
      held++;
      if (isUp(conditions[broker]!)) readable[row] = 1;
    }
    if (held === 0) readable[row] = 1;
  }
  return readable;
}

/** See `Survey`. @param replicas  the assignment looked at */
export function flawedRows(model: Model, replicas: Int32Array, spreads: SpreadTable): Int32Array {
  // A broker that must lose its replicas is in no zone.
  const zoneOf = model.zoneOf.map((zone, broker) => (keeps(model, broker) ? zone : nowhere));
  const flawed: number[] = [];
  inSlices(model.topicOf.length, (from, to) => addFlawed(model, replicas, spreads, zoneOf, flawed, from, to));
  return Int32Array.from(flawed);
}

function addFlawed(
  model: Model,
  replicas: Int32Array,
  spreads: SpreadTable,
  zoneOf: Int32Array,
  flawed: number[],
  from: number,
  to: number,
): void {
  const { width, topicOf, poolOf, poolOfTopic, factors, mayLead } = model;
  const held = new Int32Array(spreads.zones);
  // Looked up again only where they change: rows of a topic follow each other.
  let pool: number = nobody;
  let factor = -1;
  let { least, most, owed: owedByAll } = spreads.of(0, 0);
  for (let row = from, first = from * width; row < to; row++, first += width) {
    if (poolOfTopic[topicOf[row]!] !== pool || factors[row] !== factor) {
      pool = poolOfTopic[topicOf[row]!]!;
      factor = factors[row]!;
      ({ least, most, owed: owedByAll } = spreads.of(pool, factor));
    }
    let count = 0;
    let owed = owedByAll;
    let isWell = replicas[first] === nobody || mayLead[replicas[first]!] === 1;
    for (let cell = first, end = first + width; cell < end; cell++) {
      const broker = replicas[cell]!;
      if (broker === nobody) continue;
      count++;
      const zone = zoneOf[broker]!;
      if (zone === nowhere || poolOf[broker] !== pool) {
        isWell = false;
        continue;
      }
      const inZone = ++held[zone]!;
      if (inZone <= least[zone]!) owed--;
      else if (inZone > most[zone]!) isWell = false;
    }
    if (!isWell || owed > 0 || count !== factor) flawed.push(row);
    for (let zone = 0; zone < held.length; zone++) held[zone] = 0;
  }
}

const nowhere = -1;
