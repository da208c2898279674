import type { SessionId, Zxid } from '../../protocol/zookeeper/index.ts';
import type { AclList } from '../tree/acl-table.ts';
import type { DataTree } from '../tree/data-tree.ts';

/** What a check needs to know of a node, with everything decided so far. */
export type NodeView = {
  readonly exists: boolean;
  readonly acl: AclList;
  readonly version: number;
  /** Created children. */
  readonly cversion: number;
  readonly aversion: number;
  readonly owner: bigint;
  readonly childCount: number;
};

type Change = {
  readonly path: string;
  readonly zxid: Zxid;
  readonly view: NodeView;
  /** 1: it will make a node, -1: it will take one away. */
  readonly nodes: number;
  /** Bytes of path and data that it will add. */
  readonly bytes: number;
  /** Cut when this change is applied: a busy node must not hold a chain of all its past. */
  before: Change | undefined;
};

/**
 * The tree as it will be once everything decided has been applied: a thin layer of changed nodes over the tree. A
 * decision sees it, a reader does not. Changes leave from the front when their transaction is applied, and from the
 * back when a multi fails.
 *
 * Source: the outstanding changes of PrepRequestProcessor.
 */
export class ChangeOverlay {
  #tree: DataTree;
  #byPath = new Map<string, Change>();
  #queue: Change[] = [];
  #head = 0;
  #nodes = 0;
  #bytes = 0;

  constructor(tree: DataTree) {
    this.#tree = tree;
  }

  /** Nodes that there will be. */
  get nodeCount(): number {
    return this.#tree.nodeCount + this.#nodes;
  }

  /** Bytes of paths and data that there will be; at most, as what shrinks or goes counts when it is applied. */
  get dataBytes(): number {
    return this.#tree.approximateDataBytes + this.#bytes;
  }

  /** Undefined if there is no such node, or there will be none. */
  view(path: string): NodeView | undefined {
    const change = this.#byPath.get(path);
    if (change !== undefined) return change.view.exists ? change.view : undefined;
    const node = this.#tree.get(path);
    if (node === undefined) return undefined;
    return {
      exists: true,
      acl: node.acl,
      version: node.version,
      cversion: node.cversion,
      aversion: node.aversion,
      owner: node.owner,
      childCount: node.childCount,
    };
  }

  put(path: string, zxid: Zxid, view: NodeView, added: { nodes: number; bytes: number } = nothingAdded): void {
    const change = { path, zxid, view, before: this.#byPath.get(path), ...added };
    this.#byPath.set(path, change);
    this.#queue.push(change);
    this.#nodes += added.nodes;
    this.#bytes += added.bytes;
  }

  /** A place to come back to with `rollBack`. */
  get mark(): number {
    return this.#queue.length;
  }

  rollBack(mark: number): void {
    while (this.#queue.length > mark) {
      const change = this.#queue.pop()!;
      this.#nodes -= change.nodes;
      this.#bytes -= change.bytes;
      if (change.before === undefined) this.#byPath.delete(change.path);
      else this.#byPath.set(change.path, change.before);
    }
  }

  /** Everything up to this zxid is in the tree now. */
  applied(zxid: Zxid): void {
    while (this.#head < this.#queue.length && this.#queue[this.#head]!.zxid <= zxid) {
      const change = this.#queue[this.#head++]!;
      change.before = undefined;
      this.#nodes -= change.nodes;
      this.#bytes -= change.bytes;
      if (this.#byPath.get(change.path) === change) this.#byPath.delete(change.path);
    }
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head > 4096) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Forgets all that was decided and is not applied: a leader that is one no more. */
  clear(): void {
    this.#byPath.clear();
    this.#queue = [];
    this.#head = 0;
    this.#nodes = 0;
    this.#bytes = 0;
  }

  /** Ephemeral nodes that a session has, or will have. */
  ephemeralsOf(session: SessionId): Set<string> {
    const paths = new Set(this.#tree.ephemeralsOf(session));
    for (let index = this.#head; index < this.#queue.length; index++) {
      const { path, view } = this.#queue[index]!;
      if (!view.exists) paths.delete(path);
      else if (view.owner === session) paths.add(path);
    }
    return paths;
  }
}

const nothingAdded = { nodes: 0, bytes: 0 };
