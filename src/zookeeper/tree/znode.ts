import type { Stat, Zxid } from '../../protocol/zookeeper/index.ts';
import type { AclList } from './acl-table.ts';
import { clientOwner } from './owner.ts';

/**
 * One node. A class with plain fields, because there may be millions of them. `cversion` counts created children, as on
 * disk and in sequence numbers; a client sees created plus deleted.
 */
export class Znode {
  data: Buffer | undefined;
  acl: AclList;
  czxid: Zxid;
  mzxid: Zxid;
  pzxid: Zxid;
  ctime: number;
  mtime: number;
  version = 0;
  cversion = 0;
  aversion = 0;
  owner: bigint;
  /** Names. Made with the first child: most nodes have none. */
  children: Set<string> | undefined = undefined;
  /** Number of the last snapshot that holds this node. */
  snapshotNumber = 0;

  constructor(data: Buffer | undefined, acl: AclList, zxid: Zxid, timeMs: number, owner: bigint) {
    this.data = data;
    this.acl = acl;
    this.czxid = zxid;
    this.mzxid = zxid;
    this.pzxid = zxid;
    this.ctime = timeMs;
    this.mtime = timeMs;
    this.owner = owner;
  }

  get childCount(): number {
    return this.children === undefined ? 0 : this.children.size;
  }
}

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
    dataLength: node.data === undefined ? 0 : node.data.length,
    numChildren,
    pzxid: node.pzxid,
  };
}
