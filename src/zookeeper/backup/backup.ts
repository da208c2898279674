import type { Clock, Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type { ZooKeeperClient, ZooKeeperProblem } from '../../client/zookeeper/index.ts';
import type { MultiOperation } from '../../protocol/zookeeper/index.ts';
import { createFlags } from '../../protocol/zookeeper/index.ts';
import { childOf, parentOf } from '../tree/path.ts';
import type { SavedNode } from './backup-file.ts';

/** Requests on their way at once. */
const PARALLEL = 64;
/** A tree that does not hold still for so long cannot be saved consistently from outside. */
const QUIET_WAIT_MS_MAX = 60_000;
const RESTORE_BATCH_BYTES = 256 * 1024;
const RESTORE_BATCH_NODES = 500;
const OWN = '/zookeeper';

const isOwn = (path: string): boolean => path === OWN || path.startsWith(`${OWN}/`);

/**
 * Reads the whole tree over the client protocol, as it is at one moment: a recursive watch names what changes while it
 * is read, and that is read again until a whole round has passed without a change. Ephemeral nodes and ZooKeeper's own
 * are left out. ACLs come along; a change of an ACL alone has no event and may be seen or not.
 */
export async function readTree(client: ZooKeeperClient, clock: Clock): Promise<Result<readonly SavedNode[], string>> {
  const changed = new Set<string>();
  const watched = await client.addWatch('/', 'persistentRecursive', ({ path, type }) => {
    changed.add(path);
    if (type === 'nodeCreated' || type === 'nodeDeleted') changed.add(parentOf(path));
  });
  if (!watched.ok) return failure(watched.problem.sentence);
  const nodes = new Map<string, SavedNode & { readonly children: readonly string[]; readonly ephemeral: boolean }>();
  const visit = async (path: string, above: string[]): Promise<ZooKeeperProblem | undefined> => {
    const [data, children, acl] = await Promise.all([
      client.getData(path),
      client.getChildren(path),
      client.getAcl(path),
    ]);
    for (const answer of [data, children, acl]) {
      if (answer.ok || answer.problem.kind === 'noNode') continue;
      return answer.problem;
    }
    if (!data.ok || !children.ok || !acl.ok) {
      nodes.delete(path);
      return undefined;
    }
    nodes.set(path, {
      path,
      data: data.value.data,
      acl: acl.value.acl,
      children: children.value.children,
      ephemeral: data.value.stat.ephemeralOwner !== 0n,
    });
    for (const name of children.value.children) {
      const child = childOf(path, name);
      if (!isOwn(child) && !nodes.has(child)) above.push(child);
    }
    return undefined;
  };
  const deadlineMs = clock.monotonicMs() + QUIET_WAIT_MS_MAX;
  let pending = ['/'];
  for (;;) {
    changed.clear();
    while (pending.length > 0) {
      const batch = pending.splice(0, PARALLEL);
      const problems = await Promise.all(batch.map((path) => visit(path, pending)));
      const problem = problems.find((each) => each !== undefined);
      if (problem !== undefined) return failure(`${problem.path ?? ''}: ${problem.sentence}`);
    }
    // What was changed before this answer has had its event before it.
    await client.sync('/');
    if (changed.size === 0) break;
    if (clock.monotonicMs() > deadlineMs) {
      return failure(
        `the tree has not held still for ${QUIET_WAIT_MS_MAX / 1000} s (${changed.size} nodes changed while the last ` +
          'of them were read): stop its writers, or try again',
      );
    }
    for (const path of changed) {
      nodes.delete(path);
      if (!isOwn(path)) pending.push(path);
    }
    pending = [...new Set(pending)];
  }
  await client.removeWatches('/', 'any');
  return success(reachable(nodes));
}

/** Parents first, and nothing below a node that is not saved. */
function reachable(
  nodes: ReadonlyMap<string, SavedNode & { readonly children: readonly string[]; readonly ephemeral: boolean }>,
): SavedNode[] {
  const saved: SavedNode[] = [];
  const pending = ['/'];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const node = nodes.get(path);
    if (node === undefined || node.ephemeral) continue;
    saved.push({ path: node.path, data: node.data, acl: node.acl });
    for (const name of [...node.children].sort().reverse()) {
      const child = childOf(path, name);
      if (!isOwn(child)) pending.push(child);
    }
  }
  return saved;
}

/**
 * Creates the nodes of a backup. The server must hold nothing but its own nodes, unless `merge`: then nodes that are
 * there get the backup's data.
 *
 * @returns how many nodes were written
 */
export async function writeTree(
  client: ZooKeeperClient,
  nodes: readonly SavedNode[],
  options: { readonly merge: boolean },
): Promise<Result<number, string>> {
  const root = await client.getChildren('/');
  if (!root.ok) return failure(root.problem.sentence);
  const foreign = root.value.children.filter((name) => name !== 'zookeeper');
  if (foreign.length > 0 && !options.merge) {
    return failure(`the server is not empty (it has /${foreign[0]}): give --merge to write into what is there`);
  }
  let batch: MultiOperation[] = [];
  let bytes = 0;
  let written = 0;
  const flush = async (): Promise<string | undefined> => {
    if (batch.length === 0) return undefined;
    const done = await client.multi(batch);
    written += batch.length;
    batch = [];
    bytes = 0;
    return done.ok ? undefined : `${done.problem.path ?? ''}: ${done.problem.sentence}`;
  };
  for (const { path, data, acl } of nodes) {
    const exists = path === '/' || (options.merge && (await there(client, path)));
    batch.push(
      exists
        ? { op: 'setData', path, data, version: -1 }
        : { op: 'create', path, data, acl, flags: createFlags.persistent },
    );
    bytes += path.length + (data?.length ?? 0);
    if (bytes > RESTORE_BATCH_BYTES || batch.length >= RESTORE_BATCH_NODES) {
      const problem = await flush();
      if (problem !== undefined) return failure(problem);
    }
  }
  const problem = await flush();
  return problem === undefined ? success(written) : failure(problem);
}

async function there(client: ZooKeeperClient, path: string): Promise<boolean> {
  const found = await client.exists(path);
  return found.ok && found.value !== undefined;
}
