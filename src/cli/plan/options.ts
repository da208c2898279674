import type { Operation, PlanOptions } from '../../placement/index.ts';
import { defaultOptions } from '../../placement/index.ts';
import type { Manner } from './state-file.ts';

/** Input that is wrong or impossible: the process says the field and ends with code 2. */
export class InputError extends Error {
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** The flag that a field of an operation comes from. */
export function flagOf({ kind }: Operation, field: string): string {
  const ofKind: Partial<Record<Operation['kind'], Readonly<Record<string, string>>>> = {
    zoneLost: { zone: '--lost' },
    zoneBack: { zone: '--back' },
    zoneRelabel: { brokers: '--relabel' },
    removeDisks: { broker: '--brokers', paths: '--disks' },
    move: { from: '--broker', to: '--by' },
    relieve: { use: '--relieve-disks' },
    copysets: { scatterWidth: '--scatter-width' },
  };
  return ofKind[kind]?.[field] ?? `--${field}`;
}

/** Options that every subcommand of `plan` has, as commander hands them over. */
export type CommonFlags = {
  readonly cluster?: string;
  readonly bootstrap?: string;
  readonly rates?: string;
  readonly output: string;
  readonly sample: string;
  readonly dead?: string;
  readonly pin?: string;
  readonly seed: string;
  readonly band: string;
  readonly trigger: string;
  readonly maxBytes?: string;
  readonly maxMoves?: string;
  readonly batchPartitions?: string;
  readonly movesPerBroker?: string;
  readonly patience: string;
  readonly throttle?: string;
  readonly sameZone?: boolean;
  readonly scatterWidth?: string;
  readonly execute?: boolean;
  readonly approve?: string;
  readonly state?: string;
  readonly earlier?: string;
};

const units: Readonly<Record<string, number>> = {
  '': 1,
  k: 1000,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
  ti: 1024 ** 4,
};

/** `500`, `20M`, `1.5Gi`, `10MB`, `10MiB/s`. */
export function bytesOf(field: string, text: string): number {
  const [, number, unit = ''] = /^([0-9]*\.?[0-9]+)\s*([kmgt]i?)?b?(?:\/s)?$/i.exec(text.trim()) ?? [];
  if (number === undefined) {
    throw new InputError(field, `"${text}" is not an amount of bytes; write for example 500M or 1.5Gi`);
  }
  return Number(number) * units[unit.toLowerCase()]!;
}

export function numberOf(field: string, text: string, { least, most }: { least: number; most: number }): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most)) {
    throw new InputError(field, `"${text}" is not a number from ${least} to ${most}`);
  }
  return value;
}

export function wholeNumberOf(field: string, text: string, limits: { least: number; most: number }): number {
  const value = numberOf(field, text, limits);
  if (!Number.isInteger(value)) throw new InputError(field, `"${text}" is not a whole number`);
  return value;
}

const mostId = 2_147_483_647;

/** `1,2,5-7` */
export function idsOf(field: string, text: string): number[] {
  const ids: number[] = [];
  for (const part of text.split(',')) {
    const [, from, to = from] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    if (from === undefined) throw new InputError(field, `"${part}" is not a broker id; write for example 1,2,5-7`);
    const first = wholeNumberOf(field, from, { least: 0, most: mostId });
    const last = wholeNumberOf(field, to!, { least: first, most: Math.min(mostId, first + 10_000) });
    for (let id = first; id <= last; id++) ids.push(id);
  }
  return ids;
}

export const namesOf = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

const many = { least: 1, most: 1e9 };

/** How a plan is carried out: as the flags say, else as it was begun, else by default. */
export function mannerFor(flags: CommonFlags, kept: Manner) {
  const { batchPartitions, movesPerBroker, patience, throttle } = flags;
  const { batch } = defaultOptions;
  return {
    throttle: throttle === undefined ? kept.throttle : throttleOf(throttle),
    movesPerBroker:
      movesPerBroker === undefined
        ? (kept.movesPerBroker ?? batch.movesPerBroker)
        : wholeNumberOf('--moves-per-broker', movesPerBroker, many),
    batchPartitions:
      batchPartitions === undefined
        ? (kept.batchPartitions ?? batch.partitions)
        : wholeNumberOf('--batch-partitions', batchPartitions, many),
    patienceMs: 1000 * numberOf('--patience', patience, { least: 1, most: 86_400 }),
  };
}

/** Undefined: none is to be set. */
function throttleOf(text: string): number | undefined {
  if (text === 'none') return undefined;
  const throttle = bytesOf('--throttle', text);
  if (throttle < 1) throw new InputError('--throttle', 'a throttle of 0 would move nothing; "none" sets none');
  return throttle;
}

export function planOptionsOf(flags: CommonFlags): PlanOptions {
  const { throttle, movesPerBroker, batchPartitions } = mannerFor(flags, {});
  return {
    ...defaultOptions,
    seed: wholeNumberOf('--seed', flags.seed, { least: 0, most: 2 ** 32 - 1 }),
    band: numberOf('--band', flags.band, { least: 0.005, most: 1 }),
    trigger: numberOf('--trigger', flags.trigger, { least: 0.005, most: 10 }),
    maxBytes: flags.maxBytes === undefined ? defaultOptions.maxBytes : bytesOf('--max-bytes', flags.maxBytes),
    maxMoves:
      flags.maxMoves === undefined
        ? defaultOptions.maxMoves
        : wholeNumberOf('--max-moves', flags.maxMoves, { least: 0, most: 1e9 }),
    sameZoneAllowed: flags.sameZone === true,
    scatterWidth:
      flags.scatterWidth === undefined
        ? undefined
        : wholeNumberOf('--scatter-width', flags.scatterWidth, { least: 1, most: 100_000 }),
    batch: {
      ...defaultOptions.batch,
      partitions: batchPartitions,
      movesPerBroker,
      ...(throttle === undefined ? {} : { throttle }),
    },
  };
}
