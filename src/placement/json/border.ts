import { z } from 'zod';
import { failure, type Result, success } from '../../base/index.ts';
import { digestOf, type PlanDocument } from '../document.ts';
import { maxReplicationFactor } from '../model.ts';
import type { ReassignmentJson } from '../reassignment.ts';
import type { ClusterState, TopicState } from '../state.ts';

/** What is wrong with a document, and where: `brokers[2].capacity.diskBytes`. */
export type BorderProblem = { readonly field: string; readonly message: string };

const id = z.int().min(0).max(2_147_483_647);
const amount = z.number().min(0);
const name = z.string().min(1).max(249);

export const capacity = z.strictObject({
  diskBytes: amount.optional(),
  inBytesPerSecond: amount.optional(),
  outBytesPerSecond: amount.optional(),
  cpuCores: amount.optional(),
  replicas: z.int().min(0).optional(),
});

const broker = z.strictObject({
  id,
  zone: z.string().optional(),
  node: z.string().optional(),
  brokerSet: z.string().optional(),
  state: z.enum(['active', 'draining', 'cordoned', 'dead', 'away']).optional(),
  awayForMs: amount.optional(),
  mayLead: z.boolean().optional(),
  capacity: capacity.optional(),
  disks: z
    .array(
      z.strictObject({
        path: z.string().min(1),
        sizeBytes: amount.optional(),
        state: z.enum(['active', 'draining', 'dead']).optional(),
      }),
    )
    .optional(),
});

const partition = z.strictObject({
  id,
  replicas: z.array(id).max(maxReplicationFactor),
  leader: z.int().min(-1).optional(),
  inSync: z.array(id).max(maxReplicationFactor).optional(),
  sizeBytes: amount.optional(),
  inBytesPerSecond: amount.optional(),
  outBytesPerSecond: amount.optional(),
  growthBytesPerSecond: z.number().optional(),
  cpuCores: amount.optional(),
  disks: z.array(z.string()).max(maxReplicationFactor).optional(),
});

const topic = z.strictObject({
  name,
  minInSyncReplicas: z.int().min(1).max(maxReplicationFactor).optional(),
  brokerSet: z.string().optional(),
  pinned: z.boolean().optional(),
  partitions: z.array(partition),
});

const head = z.strictObject({ version: z.literal(1), brokers: z.array(broker).min(1) });
const cluster = z.strictObject({ ...head.shape, topics: z.array(topic) });

const reassignment = z.object({
  version: z.literal(1),
  partitions: z.array(
    z.object({
      topic: name,
      partition: id,
      replicas: z.array(id).min(1).max(maxReplicationFactor),
      log_dirs: z.array(z.string()).optional(),
    }),
  ),
});

const change = z.object({
  topic: name,
  partition: id,
  bytes: amount,
  from: z.array(id),
  to: z.array(id).min(1),
});
const folder = z.string().min(1);
const plan = z.looseObject({
  version: z.literal(1),
  operation: z.looseObject({ kind: z.string() }),
  inputHash: z.string(),
  hash: z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in hexadecimal'),
  batches: z.array(z.array(change)),
  diskMoves: z.array(z.object({ topic: name, partition: id, broker: id, from: folder, to: folder, bytes: amount })),
  ends: z.array(z.object({ broker: id, shares: z.array(z.number()) })).optional(),
  digest: z.string(),
});

/** The whole document as text. Sizes, ids and references are checked: what passes, `modelOf` takes. */
export function parseCluster(text: string): Result<ClusterState, BorderProblem> {
  const parsed = parseJson(text);
  if (!parsed.ok) {
    // Several documents: the form of one topic a line.
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    return lines.length > 1 && lines[0]!.trimEnd().endsWith('}') ? collect(lines) : parsed;
  }
  const checked = check(cluster, parsed.value, '');
  return checked.ok ? withReferences(checked.value as ClusterState) : checked;
}

/** The form of one topic a line, read as it comes. */
export async function parseClusterLines(lines: AsyncIterable<string>): Promise<Result<ClusterState, BorderProblem>> {
  let state: Gathered | undefined;
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const step = gather(state, line);
    if (!step.ok) return step;
    state = step.value;
  }
  if (state === undefined) return failure({ field: 'version', message: 'the document is empty' });
  return withReferences({ version: 1, brokers: state.brokers, topics: state.topics });
}

type Gathered = { readonly brokers: ClusterState['brokers']; readonly topics: TopicState[] };

function gather(state: Gathered | undefined, line: string): Result<Gathered, BorderProblem> {
  const field = state === undefined ? 'line 1' : `line ${state.topics.length + 2}`;
  const parsed = parseJson(line, field);
  if (!parsed.ok) return parsed;
  if (state === undefined) {
    const checked = check(head, parsed.value, field);
    return checked.ok ? success({ brokers: checked.value.brokers as ClusterState['brokers'], topics: [] }) : checked;
  }
  const checked = check(topic, parsed.value, field);
  if (!checked.ok) return checked;
  state.topics.push(checked.value as TopicState);
  return success(state);
}

function collect(lines: readonly string[]): Result<ClusterState, BorderProblem> {
  let state: Gathered | undefined;
  for (const line of lines) {
    const step = gather(state, line);
    if (!step.ok) return step;
    state = step.value;
  }
  return withReferences({ version: 1, brokers: state!.brokers, topics: state!.topics });
}

export function parseReassignment(text: string): Result<ReassignmentJson, BorderProblem> {
  const parsed = parseJson(text);
  if (!parsed.ok) return parsed;
  return check(reassignment, parsed.value, '') as Result<ReassignmentJson, BorderProblem>;
}

/** A plan as it was written: one that was changed since does not fit its digest. */
export function parsePlan(text: string): Result<PlanDocument, BorderProblem> {
  const parsed = parseJson(text);
  if (!parsed.ok) return parsed;
  const checked = check(plan, parsed.value, '') as unknown as Result<PlanDocument, BorderProblem>;
  if (!checked.ok || checked.value.digest === digestOf(checked.value)) return checked;
  return failure({ field: 'digest', message: 'does not fit the plan: it was changed after it was written' });
}

function parseJson(text: string, field = '(document)'): Result<unknown, BorderProblem> {
  try {
    return success(JSON.parse(text));
  } catch (error) {
    return failure({ field, message: `is not JSON: ${(error as Error).message}` });
  }
}

function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  prefix: string,
): Result<z.infer<Schema>, BorderProblem> {
  const checked = schema.safeParse(value);
  if (checked.success) return success(checked.data);
  const issue = checked.error.issues[0]!;
  const path = issue.path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
  const field = [prefix, path].filter((part) => part !== '').join(': ') || '(document)';
  return failure({ field, message: issue.message });
}

/** What single values cannot show: ids that occur twice, replicas on brokers that are not there. */
function withReferences(state: ClusterState): Result<ClusterState, BorderProblem> {
  const ids = new Set<number>();
  for (const [at, { id: own }] of state.brokers.entries()) {
    if (ids.has(own)) return failure({ field: `brokers[${at}].id`, message: `broker ${own} is there twice` });
    ids.add(own);
  }
  const names = new Set<string>();
  for (const [at, { name: own, partitions }] of state.topics.entries()) {
    const field = `topics[${at}]`;
    if (names.has(own)) return failure({ field: `${field}.name`, message: `topic ${own} is there twice` });
    names.add(own);
    const numbers = new Set<number>();
    for (const [index, { id: number, replicas }] of partitions.entries()) {
      const where = `${field}.partitions[${index}]`;
      if (numbers.has(number)) {
        return failure({ field: `${where}.id`, message: `partition ${own}-${number} is there twice` });
      }
      numbers.add(number);
      for (const [column, replica] of replicas.entries()) {
        const own = `${where}.replicas[${column}]`;
        if (!ids.has(replica)) return failure({ field: own, message: `broker ${replica} is not in the cluster` });
        if (replicas.indexOf(replica) !== column) {
          return failure({ field: own, message: `broker ${replica} is there twice` });
        }
      }
    }
  }
  return success(state);
}
