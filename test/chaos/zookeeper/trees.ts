import { ZooKeeperClient } from '../../../src/client/zookeeper/index.ts';
import { nodeNetwork, systemClock, systemRandom } from '../../../src/platform/index.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const connectMs = 10_000;

/** Every node that a server shows after a sync, by path: data, versions, times and owners as one text. */
export async function treeOf(address: { readonly host: string; readonly port: number }): Promise<Map<string, string>> {
  const client = new ZooKeeperClient(
    { servers: [address], sessionTimeoutMs: connectMs },
    { network: nodeNetwork({}), clock: systemClock, random: systemRandom(), logger: silent },
  );
  try {
    const late = new Promise<boolean>((done) => setTimeout(() => done(false), connectMs).unref());
    if (!(await Promise.race([client.connected(), late]))) throw new Error(`no session at ${address.host}`);
    const synced = await client.sync('/');
    if (!synced.ok) throw new Error(`a sync at ${address.host} failed: ${synced.problem.kind}`);
    const tree = new Map<string, string>();
    const visit = async (path: string): Promise<void> => {
      const [data, children] = await Promise.all([client.getData(path), client.getChildren(path)]);
      if (!data.ok || !children.ok) return;
      const { stat } = data.value;
      const shown = { ...stat, ephemeralOwner: stat.ephemeralOwner.toString(16) };
      tree.set(path, `${data.value.data?.toString('hex') ?? 'none'} ${JSON.stringify(shown)}`);
      const paths = children.value.children.map((child) => (path === '/' ? `/${child}` : `${path}/${child}`));
      await Promise.all(paths.map(visit));
    };
    await visit('/');
    return tree;
  } finally {
    await client.close();
  }
}

/** @returns one sentence for each server whose tree is not that of the first */
export async function differencesBetween(
  addresses: readonly { readonly host: string; readonly port: number }[],
): Promise<string[]> {
  const trees: Map<string, string>[] = [];
  for (const address of addresses) trees.push(await treeOf(address));
  const [first, ...others] = trees as [Map<string, string>, ...Map<string, string>[]];
  return others.flatMap((tree, at) => {
    const paths = [...new Set([...first.keys(), ...tree.keys()])].filter((path) => first.get(path) !== tree.get(path));
    if (paths.length === 0) return [];
    const [path] = paths as [string];
    return [
      `server ${at + 2} holds another tree than server 1: ${paths.length} paths differ, ${path}: ${first.get(path)} and ${tree.get(path)}`,
    ];
  });
}
