import { brokerId } from '../../base/index.ts';
import { type CandidateBroker, type ClusterState, placeNewTopics } from '../../placement/index.ts';
import type { Flags } from '../plan.ts';
import { withCluster } from './commands.ts';
import { InputError, wholeNumberOf } from './options.ts';
import { table } from './render.ts';

/** Chooses brokers for a new topic as the controller would, prints them, and (told so) creates it. */
export async function planTopic(flags: Flags): Promise<number> {
  const name = flags.name!;
  if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..') {
    throw new InputError('--name', `"${name}" is not a topic name: up to 249 letters, digits, dots, _ and -`);
  }
  const partitionCount = wholeNumberOf('--partitions', flags.partitions!, { least: 1, most: 1_000_000 });
  const replicationFactor = wholeNumberOf('--factor', flags.factor!, { least: 1, most: 32 });
  return await withCluster(flags, async (state, admin) => {
    if (state.topics.some((topic) => topic.name === name)) throw new InputError('--name', `topic ${name} exists`);
    const placed = placeNewTopics(candidatesOf(state), [{ name, partitionCount, replicationFactor }]);
    if (!placed.ok) throw new InputError('--factor', placed.problem.message);
    const [topic] = placed.value;
    const partitions = topic!.replicas.map((replicas, partition) => ({ topic: name, partition, replicas }));
    if (flags.output === 'text') {
      const rows = partitions.map(({ partition, replicas }) => [`${name}-${partition}`, replicas.join(', ')]);
      process.stdout.write(`${table([['partition', 'replicas (the first leads)'], ...rows])}\n`);
    } else process.stdout.write(`${JSON.stringify({ version: 1, partitions })}\n`);
    if (flags.execute !== true) return 0;
    if (admin === undefined) throw new InputError('--execute', 'needs a live cluster: name it with --bootstrap');
    const assignment = new Map(partitions.map(({ partition, replicas }) => [partition, replicas]));
    const created = await admin.createTopics([{ name, replicas: { assignment } }]);
    const problem = created.ok
      ? created.value.find(({ errorCode }) => errorCode !== 0)?.errorMessage
      : created.problem.sentence;
    if (problem !== undefined && problem !== null) {
      process.stderr.write(`topic ${name} was not created: ${problem}\n`);
      return 1;
    }
    process.stderr.write(`topic ${name} created\n`);
    return 0;
  });
}

export function candidatesOf({ brokers, topics }: ClusterState): CandidateBroker[] {
  const counts = new Map<number, { replicas: number; leaders: number }>();
  for (const { id } of brokers) counts.set(id, { replicas: 0, leaders: 0 });
  for (const { replicas } of topics.flatMap(({ partitions }) => partitions)) {
    for (const id of replicas) counts.get(id)!.replicas++;
    if (replicas[0] !== undefined) counts.get(replicas[0])!.leaders++;
  }
  return brokers.map(({ id, zone, state = 'active', capacity }) => ({
    id: brokerId(id),
    rack: zone,
    state,
    replicaCount: counts.get(id)!.replicas,
    leaderCount: counts.get(id)!.leaders,
    ...(capacity?.diskBytes === undefined ? {} : { weight: capacity.diskBytes }),
    ...(capacity?.replicas === undefined ? {} : { maxReplicas: capacity.replicas }),
  }));
}
