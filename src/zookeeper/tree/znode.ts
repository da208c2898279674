import type { Stat, Zxid } from '../../protocol/zookeeper/index.ts';
import type { AclList } from './acl-table.ts';
import { clientOwner } from './owner.ts';

/**
 * A node's data. A few bytes are kept as a string of one character a byte: it lies in the heap, takes what it has and
 * no object beside it, and nothing else shares its memory, while many small buffers share blocks that live as long as
 * the last of them.
 */
export type NodeContent = string | Buffer | undefined;

export const SMALL_BYTES = 1024;

function contentOf(data: NodeContent): NodeContent {
  if (data === undefined || typeof data === 'string') return data;
  if (data.length <= SMALL_BYTES) return data.toString('latin1');
  if (data.buffer.byteLength === data.length) return data;
  const own = Buffer.allocUnsafeSlow(data.length);
  data.copy(own);
  return own;
}

/** What a node has once something but its birth wrote to it. */
class Rewrite {
  version = 0;
  aversion = 0;
  #mzxidHigh = 0;
  #mzxidLow = 0;
  #mtimeHigh = 0;
  #mtimeLow = 0;

  constructor(mzxid: Zxid, mtime: number) {
    this.mzxid = mzxid;
    this.mtime = mtime;
  }

  get mzxid(): Zxid {
    return whole(this.#mzxidHigh, this.#mzxidLow) as Zxid;
  }

  set mzxid(value: Zxid) {
    this.#mzxidHigh = high(value);
    this.#mzxidLow = value | 0;
  }

  get mtime(): number {
    return whole(this.#mtimeHigh, this.#mtimeLow);
  }

  set mtime(value: number) {
    this.#mtimeHigh = high(value);
    this.#mtimeLow = value | 0;
  }
}

/** What a node has once it had a child: the ends of the list of its children, in the order of their creation. */
class Children {
  count = 0;
  cversion = 0;
  first: Znode | undefined = undefined;
  last: Znode | undefined = undefined;
  #pzxidHigh = 0;
  #pzxidLow = 0;

  constructor(pzxid: Zxid) {
    this.pzxid = pzxid;
  }

  get pzxid(): Zxid {
    return whole(this.#pzxidHigh, this.#pzxidLow) as Zxid;
  }

  set pzxid(value: Zxid) {
    this.#pzxidHigh = high(value);
    this.#pzxidLow = value | 0;
  }
}

/**
 * One node. There may be millions, and the garbage collector looks at every field: so children are a list threaded
 * through the nodes themselves instead of a set of names, 64-bit numbers are kept as two halves, and most nodes, which
 * have no children and were never written again, have no room for either. `cversion` counts created children, as on
 * disk and in sequence numbers; a client sees created plus deleted.
 */
export class Znode {
  readonly path: string;
  content: NodeContent;
  acl: AclList;
  owner: bigint;
  /** Number of the last snapshot that holds this node. */
  snapshotNumber = 0;
  parent: Znode | undefined = undefined;
  nextSibling: Znode | undefined = undefined;
  previousSibling: Znode | undefined = undefined;
  #czxidHigh = 0;
  #czxidLow = 0;
  #ctimeHigh = 0;
  #ctimeLow = 0;
  #rewrite: Rewrite | undefined = undefined;
  #children: Children | undefined = undefined;

  constructor(
    path: string,
    content: { readonly data: NodeContent; readonly acl: AclList; readonly owner: bigint },
    czxid: Zxid,
    ctimeMs: number,
  ) {
    this.path = path;
    this.content = contentOf(content.data);
    this.acl = content.acl;
    this.owner = content.owner;
    this.setCreated(czxid, ctimeMs);
  }

  /** A copy, or the bytes themselves: not to be written to. */
  get data(): Buffer | undefined {
    return typeof this.content === 'string' ? Buffer.from(this.content, 'latin1') : this.content;
  }

  set data(value: NodeContent) {
    this.content = contentOf(value);
  }

  get dataBytes(): number {
    return this.content === undefined ? 0 : this.content.length;
  }

  get czxid(): Zxid {
    return whole(this.#czxidHigh, this.#czxidLow) as Zxid;
  }

  get ctime(): number {
    return whole(this.#ctimeHigh, this.#ctimeLow);
  }

  get version(): number {
    return this.#rewrite?.version ?? 0;
  }

  get aversion(): number {
    return this.#rewrite?.aversion ?? 0;
  }

  get mzxid(): Zxid {
    return this.#rewrite?.mzxid ?? this.czxid;
  }

  get mtime(): number {
    return this.#rewrite?.mtime ?? this.ctime;
  }

  get cversion(): number {
    return this.#children?.cversion ?? 0;
  }

  get pzxid(): Zxid {
    return this.#children?.pzxid ?? this.czxid;
  }

  get childCount(): number {
    return this.#children?.count ?? 0;
  }

  get firstChild(): Znode | undefined {
    return this.#children?.first;
  }

  setCreated(czxid: Zxid, ctimeMs: number): void {
    this.#czxidHigh = high(czxid);
    this.#czxidLow = czxid | 0;
    this.#ctimeHigh = high(ctimeMs);
    this.#ctimeLow = ctimeMs | 0;
  }

  /** Says how often its data was written, and when for the last time. */
  setModified(version: number, mzxid: Zxid, mtimeMs: number): void {
    if (this.#rewrite === undefined && version === 0 && mzxid === this.czxid && mtimeMs === this.ctime) return;
    this.#rewrite ??= new Rewrite(mzxid, mtimeMs);
    this.#rewrite.version = version;
    this.#rewrite.mzxid = mzxid;
    this.#rewrite.mtime = mtimeMs;
  }

  setAcl(acl: AclList, aversion: number): void {
    this.acl = acl;
    if (aversion === this.aversion) return;
    this.#rewrite ??= new Rewrite(this.czxid, this.ctime);
    this.#rewrite.aversion = aversion;
  }

  /** Says how many children were ever created, and when the last one came or went. */
  setChildrenChanged(cversion: number, pzxid: Zxid): void {
    if (this.#children === undefined && cversion === 0 && pzxid === this.czxid) return;
    this.#children ??= new Children(pzxid);
    this.#children.cversion = cversion;
    this.#children.pzxid = pzxid;
  }

  /** The names of the children, in the order of their creation. */
  childNames(): string[] {
    const from = this.path === '/' ? 1 : this.path.length + 1;
    const names = new Array<string>(this.childCount);
    let count = 0;
    for (let child = this.firstChild; child !== undefined; child = child.nextSibling) {
      names[count++] = child.path.slice(from);
    }
    return names;
  }

  addChild(child: Znode): void {
    this.#children ??= new Children(this.czxid);
    const children = this.#children;
    child.parent = this;
    child.previousSibling = children.last;
    if (children.last === undefined) children.first = child;
    else children.last.nextSibling = child;
    children.last = child;
    children.count++;
  }

  removeChild(child: Znode): void {
    const children = this.#children;
    if (children === undefined) return;
    if (child.previousSibling === undefined) children.first = child.nextSibling;
    else child.previousSibling.nextSibling = child.nextSibling;
    if (child.nextSibling === undefined) children.last = child.previousSibling;
    else child.nextSibling.previousSibling = child.previousSibling;
    children.count--;
    child.parent = undefined;
    child.nextSibling = undefined;
    child.previousSibling = undefined;
  }
}

const HALF = 0x100000000;
const high = (value: number): number => Math.floor(value / HALF) | 0;
const whole = (upper: number, lower: number): number => upper * HALF + (lower >>> 0);

export function statOf(node: Znode, extendedTypes: boolean): Stat {
  const numChildren = node.childCount;
  return {
    czxid: node.czxid,
    mzxid: node.mzxid,
    ctime: node.ctime,
    mtime: node.mtime,
    version: node.version,
    cversion: (node.cversion * 2 - numChildren) | 0,
    aversion: node.aversion,
    ephemeralOwner: clientOwner(node.owner, extendedTypes),
    dataLength: node.dataBytes,
    numChildren,
    pzxid: node.pzxid,
  };
}
