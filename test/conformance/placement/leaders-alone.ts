import { openAdmin } from './admin.ts';
import { type Live, topic } from './live.ts';
import { sleep } from './load.ts';

/**
 * Changes leaders and copies nothing: what producers see of that is Apache Kafka's own, and no tool that moves leaders
 * as often can stay below it.
 *
 * @param count    changes, each of another partition while there are some
 * @param seconds  over which they are spread evenly
 * @returns        how many leaders did change
 */
export async function changeLeaders(
  { cluster, replicas, leaders }: Live,
  { count, seconds }: { readonly count: number; readonly seconds: number },
): Promise<number> {
  const { admin, close } = openAdmin(cluster.bootstrap);
  const held = [...(await replicas())];
  let changed = 0;
  try {
    for (let at = 0; at < count; at++) {
      const [partition, [first = -1, ...others]] = held[at % held.length]!;
      const to = [...others, first];
      held[at % held.length] = [partition, to];
      await sleep((1000 * seconds) / count);
      const ordered = await admin.alterPartitionReassignments([{ topic, partition, replicas: to }]);
      const elected = await admin.electLeaders([{ topic, partition }]);
      if (!ordered.ok || !elected.ok) continue;
      if ((await leaders()).get(partition) === to[0]) changed++;
    }
  } finally {
    await close();
  }
  return changed;
}
