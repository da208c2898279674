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

/**
 * One node. There may be millions, and the garbage collector looks at every object: so children are a list threaded
 * through the nodes themselves instead of a set of names, and 64-bit numbers are kept as two halves, which need no
 * objects of their own. `cversion` counts created children, as on disk and in sequence numbers; a client sees created
 * plus deleted.
 */
export class Znode {
  readonly path: string;
  content: NodeContent;
  acl: AclList;
  version = 0;
  cversion = 0;
  aversion = 0;
  owner: bigint;
  /** Number of the last snapshot that holds this node. */
  snapshotNumber = 0;
  childCount = 0;
  parent: Znode | undefined = undefined;
  /** Children in the order of their creation. */
  firstChild: Znode | undefined = undefined;
  lastChild: Znode | undefined = undefined;
  nextSibling: Znode | undefined = undefined;
  previousSibling: Znode | undefined = undefined;
  #czxidHigh = 0;
  #czxidLow = 0;
  #mzxidHigh = 0;
  #mzxidLow = 0;
  #pzxidHigh = 0;
  #pzxidLow = 0;
  #ctimeHigh = 0;
  #ctimeLow = 0;
  #mtimeHigh = 0;
  #mtimeLow = 0;

  constructor(
    path: string,
    content: { readonly data: NodeContent; readonly acl: AclList; readonly owner: bigint },
    zxid: Zxid,
    timeMs: number,
  ) {
    this.path = path;
    this.content = contentOf(content.data);
    this.acl = content.acl;
    this.owner = content.owner;
    this.czxid = zxid;
    this.mzxid = zxid;
    this.pzxid = zxid;
    this.ctime = timeMs;
    this.mtime = timeMs;
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

  set czxid(value: Zxid) {
    this.#czxidHigh = high(value);
    this.#czxidLow = value | 0;
  }

  get mzxid(): Zxid {
    return whole(this.#mzxidHigh, this.#mzxidLow) as Zxid;
  }

  set mzxid(value: Zxid) {
    this.#mzxidHigh = high(value);
    this.#mzxidLow = value | 0;
  }

  get pzxid(): Zxid {
    return whole(this.#pzxidHigh, this.#pzxidLow) as Zxid;
  }

  set pzxid(value: Zxid) {
    this.#pzxidHigh = high(value);
    this.#pzxidLow = value | 0;
  }

  get ctime(): number {
    return whole(this.#ctimeHigh, this.#ctimeLow);
  }

  set ctime(value: number) {
    this.#ctimeHigh = high(value);
    this.#ctimeLow = value | 0;
  }

  get mtime(): number {
    return whole(this.#mtimeHigh, this.#mtimeLow);
  }

  set mtime(value: number) {
    this.#mtimeHigh = high(value);
    this.#mtimeLow = value | 0;
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
    child.parent = this;
    child.previousSibling = this.lastChild;
    if (this.lastChild === undefined) this.firstChild = child;
    else this.lastChild.nextSibling = child;
    this.lastChild = child;
    this.childCount++;
  }

  removeChild(child: Znode): void {
    if (child.previousSibling === undefined) this.firstChild = child.nextSibling;
    else child.previousSibling.nextSibling = child.nextSibling;
    if (child.nextSibling === undefined) this.lastChild = child.previousSibling;
    else child.nextSibling.previousSibling = child.previousSibling;
    this.childCount--;
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
