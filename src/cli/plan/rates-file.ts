import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { ClusterState, PartitionState } from '../../placement/index.ts';
import { capacity } from '../../placement/json/index.ts';
import { InputError } from './options.ts';

const amount = z.number().min(0);
const rates = {
  inBytesPerSecond: amount.optional(),
  outBytesPerSecond: amount.optional(),
  growthBytesPerSecond: z.number().optional(),
  cpuCores: amount.optional(),
};

/** What brokers do not tell over the Kafka protocol: capacities, who is on which node, and what consumers read. */
const schema = z.strictObject({
  brokers: z
    .array(
      z.strictObject({
        id: z.int().min(0),
        zone: z.string().optional(),
        node: z.string().optional(),
        brokerSet: z.string().optional(),
        mayLead: z.boolean().optional(),
        capacity: capacity.optional(),
      }),
    )
    .default([]),
  topics: z
    .array(
      z.strictObject({
        name: z.string(),
        brokerSet: z.string().optional(),
        pinned: z.boolean().optional(),
        /** Of the whole topic: each partition has its even part, unless it is named. */
        ...rates,
        partitions: z.array(z.strictObject({ id: z.int().min(0), ...rates })).default([]),
      }),
    )
    .default([]),
});

type Rates = z.infer<typeof schema>;

export async function readRates(path: string): Promise<Rates> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new InputError('--rates', `cannot read ${path}: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path: at, message } = parsed.error.issues[0]!;
  throw new InputError(`${path}: ${placeOf(at)}`, message);
}

const placeOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text === '' ? '' : `${text}.`}${String(part)}`),
    '',
  ) || '(document)';

/**
 * Puts what a file knows over what was read of a cluster: where both say something, the file is right.
 *
 * @throws InputError for a broker, topic or partition that the cluster does not have
 */
export function withRates(state: ClusterState, known: Rates, path: string): ClusterState {
  const brokers = new Map(state.brokers.map((broker) => [broker.id, broker]));
  for (const [at, { id, capacity, ...rest }] of known.brokers.entries()) {
    const broker = brokers.get(id);
    if (broker === undefined) throw new InputError(`${path}: brokers[${at}].id`, `broker ${id} is not in the cluster`);
    brokers.set(id, { ...broker, ...rest, capacity: { ...broker.capacity, ...capacity } });
  }
  const topics = new Map(state.topics.map((topic) => [topic.name, topic]));
  for (const [at, given] of known.topics.entries()) {
    const { name, partitions: named, brokerSet, pinned, ...whole } = given;
    const topic = topics.get(name);
    if (topic === undefined) throw new InputError(`${path}: topics[${at}].name`, `topic ${name} is not in the cluster`);
    const share = Object.fromEntries(
      Object.entries(whole).map(([key, value = 0]) => [key, value / Math.max(1, topic.partitions.length)]),
    );
    const own = new Map(named.map((partition) => [partition.id, partition]));
    for (const [index, { id }] of named.entries()) {
      if (topic.partitions.some((partition) => partition.id === id)) continue;
      throw new InputError(`${path}: topics[${at}].partitions[${index}].id`, `${name}-${id} is not in the cluster`);
    }
    const partitions = topic.partitions.map((each): PartitionState => ({ ...each, ...share, ...own.get(each.id) }));
    topics.set(name, {
      ...topic,
      brokerSet: brokerSet ?? topic.brokerSet,
      pinned: pinned ?? topic.pinned,
      partitions,
    });
  }
  return { ...state, brokers: [...brokers.values()], topics: [...topics.values()] };
}
