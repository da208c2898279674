import { unreachable } from '../../base/index.ts';
import type { Acl, SessionId, Stat, Zxid } from '../../protocol/zookeeper/index.ts';
import { errorCode, zxid as toZxid, watcherType } from '../../protocol/zookeeper/index.ts';
import type { AclList } from './acl-table.ts';
import { AclTable, openUnsafe } from './acl-table.ts';
import { NodeMap } from './node-map.ts';
import { CONTAINER_OWNER, NO_OWNER, ownerKind, ttlOwner } from './owner.ts';
import { nameOf, parentOf } from './path.ts';
import { LIMITS_NAME, QUOTA_ROOT, QuotaPaths, quotaStatsPath, STATS_NAME, usageOf, usageText } from './quota.ts';
import { TreeWalk } from './tree-walk.ts';
import type { TreeTxn, Txn, TxnHeader } from './txn.ts';
import type { Watcher } from './watch-table.ts';
import { WatchTable } from './watch-table.ts';
import { type NodeContent, statOf, Znode } from './znode.ts';

export const CONFIG_PATH = '/zookeeper/config';

/** What applying one transaction came to; `code` other than 0 only while a fuzzy snapshot is being caught up, or for an error transaction. */
export type Applied = {
  readonly code: number;
  readonly path: string | undefined;
  readonly stat: Stat | undefined;
  readonly parts: readonly AppliedPart[] | undefined;
};
export type AppliedPart = {
  readonly type: TreeTxn['type'];
  readonly code: number;
  readonly path: string | undefined;
  readonly stat: Stat | undefined;
};

/** A node as it was when a snapshot began. */
export type NodeImage = {
  readonly data: NodeContent;
  readonly aclId: number;
  readonly czxid: Zxid;
  readonly mzxid: Zxid;
  readonly pzxid: Zxid;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly owner: bigint;
};

/** Hears of a node just before it changes or goes, so that a snapshot can keep it as it was. */
export type ChangeObserver = { beforeChange(path: string, node: Znode, removed: boolean): void };

const readOnlyAcl: readonly Acl[] = [{ perms: 1, scheme: 'world', id: 'anyone' }];
const done = (path: string, stat: Stat | undefined): Applied => ({ code: 0, path, stat, parts: undefined });
const failed = (code: number, path?: string): Applied => ({ code, path, stat: undefined, parts: undefined });

/**
 * All nodes by path, with the indexes that belong to them: who owns which ephemeral nodes, containers, nodes with a
 * time to live, quotas, watches. Mutable state of one owner, changed only by `apply`, which is repeatable: a snapshot
 * of Apache's may already hold a part of what its log is about to say.
 *
 * Source: DataTree.
 */
export class DataTree {
  readonly acls = new AclTable();
  readonly dataWatches = new WatchTable();
  readonly childWatches = new WatchTable();
  readonly containers = new Set<string>();
  readonly ttls = new Set<string>();
  readonly extendedTypes: boolean;
  observer: ChangeObserver | undefined;
  readonly #root: Znode;
  #nodes = new NodeMap();
  #walks = new Set<TreeWalk>();
  #ephemerals = new Map<SessionId, Set<string>>();
  #ephemeralCount = 0;
  #quotas = new QuotaPaths();
  #lastZxid = toZxid(0);
  #dataBytes = 0;

  /** @param options.extendedTypes  whether nodes may have a time to live (`extendedTypesEnabled`) */
  constructor(options: { readonly extendedTypes: boolean }) {
    this.extendedTypes = options.extendedTypes;
    this.#root = this.#own('/', undefined);
    const system = this.#own('/zookeeper', this.#root);
    this.#own(QUOTA_ROOT, system);
    const config = this.#own(CONFIG_PATH, system);
    config.setAcl(this.acls.intern(readOnlyAcl), -1);
  }

  /** Zxid of the last transaction that was applied. */
  get lastZxid(): Zxid {
    return this.#lastZxid;
  }

  /** After a snapshot was loaded, or for a new epoch without a transaction. */
  set lastZxid(value: Zxid) {
    this.#lastZxid = value;
  }

  get nodeCount(): number {
    return this.#nodes.size;
  }

  get ephemeralCount(): number {
    return this.#ephemeralCount;
  }

  get sessionsWithEphemerals(): ReadonlyMap<SessionId, ReadonlySet<string>> {
    return this.#ephemerals;
  }

  /** Paths and data, without the cost of keeping them. */
  get approximateDataBytes(): number {
    return this.#dataBytes;
  }

  get watchCount(): number {
    return this.dataWatches.count + this.childWatches.count;
  }

  /** As in the original, the empty path is another name of the root. */
  get(path: string): Znode | undefined {
    return this.#nodes.get(path === '' ? '/' : path);
  }

  /** A walk over all nodes, parents before their children. It may go on while the tree changes; end it with `endWalk`. */
  beginWalk(): TreeWalk {
    const walk = new TreeWalk(this.#root);
    this.#walks.add(walk);
    return walk;
  }

  endWalk(walk: TreeWalk): void {
    this.#walks.delete(walk);
  }

  /** All nodes, parents before their children, while nothing changes. */
  nodes(): Iterable<Znode> {
    return new TreeWalk(this.#root);
  }

  ephemeralsOf(session: SessionId): ReadonlySet<string> {
    return this.#ephemerals.get(session) ?? noPaths;
  }

  /** Nodes below a path; the path itself does not count, but for the root, where Apache counts it. */
  descendantCount(path: string): number {
    if (path === '/') return this.#nodes.size - 1;
    const top = this.get(path);
    let count = 0;
    if (top !== undefined) for (const node of new TreeWalk(top)) count += node.childCount;
    return count;
  }

  /** Loads a node of a snapshot; its parent must be there already. */
  load(path: string, image: NodeImage): boolean {
    const acl = this.acls.byId(image.aclId);
    if (acl === undefined) return false;
    const existing = this.#nodes.get(path);
    // One object for all, not one a node.
    const owner = image.owner === NO_OWNER ? NO_OWNER : image.owner;
    const node = existing ?? new Znode(path, { data: image.data, acl, owner }, image.czxid, image.ctime);
    if (existing !== undefined) {
      node.data = image.data;
      node.owner = owner;
      node.setCreated(image.czxid, image.ctime);
    }
    node.setAcl(acl, image.aversion);
    node.setModified(image.version, image.mzxid, image.mtime);
    node.setChildrenChanged(image.cversion, image.pzxid);
    this.#dataBytes += path.length + (image.data?.length ?? 0);
    if (existing !== undefined || path === '/') return true;
    const parent = this.#nodes.get(parentOf(path));
    if (parent === undefined) return false;
    this.#nodes.set(path, node);
    parent.addChild(node);
    this.#index(path, node);
    return true;
  }

  /** After the last `load`: finds the quotas. */
  loaded(): void {
    const quotas = this.#nodes.get(QUOTA_ROOT);
    if (quotas === undefined) return;
    for (const { path } of new TreeWalk(quotas)) {
      if (!path.endsWith(`/${LIMITS_NAME}`)) continue;
      const limited = path.slice(QUOTA_ROOT.length, -LIMITS_NAME.length - 1);
      this.#quotas.add(limited);
      this.#recountQuota(limited);
    }
  }

  /** Makes one decided transaction happen, and tells the watchers. */
  apply(header: TxnHeader, txn: Txn): Applied {
    const applied = this.#applyAny(header, txn);
    if (header.zxid > this.#lastZxid) this.#lastZxid = header.zxid;
    return applied;
  }

  #applyAny(header: TxnHeader, txn: Txn): Applied {
    switch (txn.type) {
      case 'multi':
        return this.#applyMulti(header, txn.txns);
      case 'setAcl': {
        const node = this.#nodes.get(txn.path);
        if (node === undefined) return failed(errorCode.noNode, txn.path);
        this.observer?.beforeChange(txn.path, node, false);
        node.setAcl(this.acls.intern(txn.acl), txn.version);
        return done(txn.path, statOf(node, this.extendedTypes));
      }
      case 'closeSession':
        this.#closeSession(header, txn.paths);
        return failed(0);
      case 'createSession':
        return failed(0);
      default:
        return this.#applyPart(header, txn);
    }
  }

  #applyMulti(header: TxnHeader, txns: readonly TreeTxn[]): Applied {
    const anyError = txns.some(({ type }) => type === 'error');
    const parts: AppliedPart[] = [];
    let code = 0;
    let afterError = false;
    for (const txn of txns) {
      if (txn.type === 'error') {
        afterError = true;
        parts.push({ type: 'error', code: txn.code, path: undefined, stat: undefined });
        if (code === 0) code = txn.code;
      } else if (anyError) {
        const partCode = afterError ? errorCode.runtimeInconsistency : errorCode.ok;
        parts.push({ type: 'error', code: partCode, path: undefined, stat: undefined });
      } else {
        const part = this.#applyPart(header, txn);
        parts.push({ type: txn.type, code: part.code, path: part.path, stat: part.stat });
        if (code === 0) code = part.code;
      }
    }
    return { code, path: undefined, stat: undefined, parts };
  }

  #applyPart(header: TxnHeader, txn: TreeTxn): Applied {
    switch (txn.type) {
      case 'create':
      case 'create2':
        return this.#create(header, txn, txn.ephemeral ? header.sessionId : NO_OWNER);
      case 'createContainer':
        return this.#create(header, txn, CONTAINER_OWNER);
      case 'createTtl':
        return this.#create(header, txn, ttlOwner(txn.ttlMs));
      case 'delete':
      case 'deleteContainer':
        return this.#delete(txn.path, header.zxid);
      case 'setData':
      case 'reconfig': {
        const node = this.#nodes.get(txn.path);
        if (node === undefined) return failed(errorCode.noNode, txn.path);
        this.observer?.beforeChange(txn.path, node, false);
        const before = node.dataBytes;
        node.data = txn.data;
        node.setModified(txn.version, header.zxid, header.timeMs);
        const grown = (txn.data?.length ?? 0) - before;
        this.#dataBytes += grown;
        this.#useQuota(txn.path, 0, grown);
        this.dataWatches.trigger(txn.path, 'nodeDataChanged', header.zxid, node.acl);
        return done(txn.path, statOf(node, this.extendedTypes));
      }
      case 'check':
        return done(txn.path, undefined);
      case 'error':
        return failed(txn.code);
      default:
        return unreachable(txn);
    }
  }

  #create(
    { zxid, timeMs }: TxnHeader,
    txn: {
      readonly path: string;
      readonly data: Buffer | undefined;
      readonly acl: readonly Acl[];
      readonly parentCversion: number;
    },
    owner: bigint,
  ): Applied {
    const { path } = txn;
    const parentPath = parentOf(path);
    const name = nameOf(path);
    const parent = this.#nodes.get(parentPath);
    if (parent === undefined) return failed(errorCode.noNode, path);
    this.observer?.beforeChange(parentPath, parent, false);
    const cversion = txn.parentCversion === -1 ? parent.cversion + 1 : txn.parentCversion;
    if (cversion > parent.cversion) parent.setChildrenChanged(cversion, zxid);
    // Only while catching up with a fuzzy snapshot; the parent's counters have been brought forward all the same.
    if (this.#nodes.get(path) !== undefined) return failed(errorCode.nodeExists, path);
    const node = new Znode(path, { data: txn.data, acl: this.acls.intern(txn.acl), owner }, zxid, timeMs);
    this.#nodes.set(path, node);
    parent.addChild(node);
    this.#index(path, node);
    const bytes = txn.data?.length ?? 0;
    this.#dataBytes += path.length + bytes;
    if (parentPath.startsWith(QUOTA_ROOT)) {
      const limited = parentPath.slice(QUOTA_ROOT.length);
      if (name === LIMITS_NAME) this.#quotas.add(limited);
      if (name === STATS_NAME) this.#recountQuota(limited);
    }
    this.#useQuota(path, 1, bytes);
    this.dataWatches.trigger(path, 'nodeCreated', zxid, node.acl);
    this.childWatches.trigger(parentPath, 'nodeChildrenChanged', zxid, parent.acl);
    return done(path, statOf(node, this.extendedTypes));
  }

  #delete(path: string, zxid: Zxid): Applied {
    const parentPath = parentOf(path);
    const parent = this.#nodes.get(parentPath);
    if (parent === undefined) return failed(errorCode.noNode, path);
    this.observer?.beforeChange(parentPath, parent, false);
    const name = nameOf(path);
    if (zxid > parent.pzxid) parent.setChildrenChanged(parent.cversion, zxid);
    const node = this.#nodes.get(path);
    if (node === undefined) return failed(errorCode.noNode, path);
    this.observer?.beforeChange(path, node, true);
    for (const walk of this.#walks) walk.leave(node);
    parent.removeChild(node);
    this.#nodes.delete(path);
    this.#unindex(path, node);
    const bytes = node.dataBytes;
    this.#dataBytes -= path.length + bytes;
    if (parentPath.startsWith(QUOTA_ROOT) && name === LIMITS_NAME) {
      this.#quotas.delete(parentPath.slice(QUOTA_ROOT.length));
    }
    this.#useQuota(path, -1, -bytes);
    const told = this.dataWatches.trigger(path, 'nodeDeleted', zxid, node.acl);
    this.childWatches.trigger(path, 'nodeDeleted', zxid, node.acl, told);
    this.childWatches.trigger(parentPath, 'nodeChildrenChanged', zxid, parent.acl);
    return done(path, undefined);
  }

  #closeSession({ sessionId, zxid }: TxnHeader, paths: readonly string[] | undefined): void {
    const left = this.#ephemerals.get(sessionId);
    this.#ephemerals.delete(sessionId);
    this.#ephemeralCount -= left?.size ?? 0;
    for (const path of paths ?? []) {
      left?.delete(path);
      this.#delete(path, zxid);
    }
    for (const path of left ?? []) this.#delete(path, zxid);
  }

  /** Sets watches again after a reconnect; what has changed since is told at once. */
  setWatches(
    watcher: Watcher,
    watches: {
      readonly relativeZxid: number;
      readonly data: readonly string[];
      readonly exist: readonly string[];
      readonly child: readonly string[];
      readonly persistent: readonly string[];
      readonly persistentRecursive: readonly string[];
    },
  ): void {
    const tell = (
      type: 'nodeDeleted' | 'nodeDataChanged' | 'nodeCreated' | 'nodeChildrenChanged',
      path: string,
    ): void => watcher.deliver(type, path, toZxid(-1), openUnsafe);
    for (const path of watches.data) {
      const node = this.get(path);
      if (node === undefined) tell('nodeDeleted', path);
      else if (node.mzxid > watches.relativeZxid) tell('nodeDataChanged', path);
      else this.dataWatches.add(path, watcher, 'standard');
    }
    for (const path of watches.exist) {
      if (this.get(path) !== undefined) tell('nodeCreated', path);
      else this.dataWatches.add(path, watcher, 'standard');
    }
    for (const path of watches.child) {
      const node = this.get(path);
      if (node === undefined) tell('nodeDeleted', path);
      else if (node.pzxid > watches.relativeZxid) tell('nodeChildrenChanged', path);
      else this.childWatches.add(path, watcher, 'standard');
    }
    for (const path of watches.persistent) {
      this.childWatches.add(path, watcher, 'persistent');
      this.dataWatches.add(path, watcher, 'persistent');
    }
    for (const path of watches.persistentRecursive) this.dataWatches.add(path, watcher, 'persistentRecursive');
  }

  addWatch(watcher: Watcher, path: string, mode: 'persistent' | 'persistentRecursive'): void {
    this.dataWatches.add(path, watcher, mode);
    if (mode === 'persistent') this.childWatches.add(path, watcher, mode);
  }

  /** @param type  one of `watcherType` */
  hasWatch(watcher: Watcher, path: string, type: number): boolean {
    switch (type) {
      case watcherType.children:
        return this.childWatches.has(path, watcher, 'standard');
      case watcherType.data:
        return this.dataWatches.has(path, watcher, 'standard');
      case watcherType.persistent:
        return this.dataWatches.has(path, watcher, 'persistent');
      case watcherType.persistentRecursive:
        return this.dataWatches.has(path, watcher, 'persistentRecursive');
      default:
        return this.childWatches.has(path, watcher, undefined) || this.dataWatches.has(path, watcher, undefined);
    }
  }

  /** @returns whether there was one */
  removeWatch(watcher: Watcher, path: string, type: number): boolean {
    switch (type) {
      case watcherType.children:
        return this.childWatches.remove(path, watcher, 'standard');
      case watcherType.data:
        return this.dataWatches.remove(path, watcher, 'standard');
      case watcherType.persistent: {
        const child = this.childWatches.remove(path, watcher, 'persistent');
        return this.dataWatches.remove(path, watcher, 'persistent') || child;
      }
      case watcherType.persistentRecursive:
        return this.dataWatches.remove(path, watcher, 'persistentRecursive');
      default: {
        const child = this.childWatches.remove(path, watcher, undefined);
        return this.dataWatches.remove(path, watcher, undefined) || child;
      }
    }
  }

  removeWatcher(watcher: Watcher): void {
    this.dataWatches.removeWatcher(watcher);
    this.childWatches.removeWatcher(watcher);
  }

  /** The ensemble's own text; not a transaction. */
  setConfig(text: string): void {
    const node = this.#nodes.get(CONFIG_PATH);
    if (node !== undefined) node.data = Buffer.from(text);
  }

  #own(path: string, parent: Znode | undefined): Znode {
    const node = new Znode(path, { data: Buffer.alloc(0), acl: openUnsafe, owner: NO_OWNER }, toZxid(0), 0);
    this.#nodes.set(path, node);
    parent?.addChild(node);
    return node;
  }

  #index(path: string, node: Znode): void {
    switch (ownerKind(node.owner, this.extendedTypes)) {
      case 'none':
        return;
      case 'container':
        this.containers.add(path);
        return;
      case 'ttl':
        this.ttls.add(path);
        return;
      case 'session': {
        const owner = node.owner as SessionId;
        const paths = this.#ephemerals.get(owner);
        if (paths === undefined) this.#ephemerals.set(owner, new Set([path]));
        else paths.add(path);
        this.#ephemeralCount++;
      }
    }
  }

  #unindex(path: string, node: Znode): void {
    if (node.owner === NO_OWNER) return;
    this.containers.delete(path);
    this.ttls.delete(path);
    const paths = this.#ephemerals.get(node.owner as SessionId);
    if (paths?.delete(path)) this.#ephemeralCount--;
    if (paths?.size === 0) this.#ephemerals.delete(node.owner as SessionId);
  }

  #useQuota(path: string, count: number, bytes: number): void {
    if (this.#quotas.isEmpty) return;
    const limited = this.#quotas.deepestAbove(path);
    const stats = limited === undefined ? undefined : this.#nodes.get(quotaStatsPath(limited));
    if (limited === undefined || stats === undefined) return;
    this.observer?.beforeChange(quotaStatsPath(limited), stats, false);
    const usage = usageOf(stats.data);
    stats.data = usageText(usage.count + count, usage.bytes + bytes);
  }

  #recountQuota(limited: string): void {
    const stats = this.#nodes.get(quotaStatsPath(limited));
    if (stats === undefined) return;
    let count = 0;
    let bytes = 0;
    const top = this.get(limited);
    for (const node of top === undefined ? [] : new TreeWalk(top)) {
      count++;
      bytes += node.dataBytes;
    }
    this.observer?.beforeChange(quotaStatsPath(limited), stats, false);
    stats.data = usageText(count, bytes);
  }
}

const noPaths: ReadonlySet<string> = new Set();

export function imageOf(node: Znode): NodeImage {
  return {
    data: node.content,
    aclId: node.acl.id,
    czxid: node.czxid,
    mzxid: node.mzxid,
    pzxid: node.pzxid,
    ctime: node.ctime,
    mtime: node.mtime,
    version: node.version,
    cversion: node.cversion,
    aversion: node.aversion,
    owner: node.owner,
  };
}

export type { AclList };
