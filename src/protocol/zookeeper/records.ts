import type { Brand } from '../../base/index.ts';
import type { JuteReader } from './jute-reader.ts';
import type { JuteWriter } from './jute-writer.ts';

/** Transaction id: epoch in the high 32 bits, counter in the low; a whole number below 2^53. */
export type Zxid = Brand<number, 'Zxid'>;
export const zxid = (value: number): Zxid => value as Zxid;

/** All 64 bits count, signed as on the wire. */
export type SessionId = Brand<bigint, 'SessionId'>;
export const sessionId = (value: bigint): SessionId => BigInt.asIntN(64, value) as SessionId;

export type Acl = { readonly perms: number; readonly scheme: string; readonly id: string };

/** What a node says about itself. Times are milliseconds since 1970; `ephemeralOwner` is 0n for a persistent node. */
export type Stat = {
  readonly czxid: Zxid;
  readonly mzxid: Zxid;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: Zxid;
};

export const readZxid = (reader: JuteReader): Zxid => reader.long() as Zxid;

export function readStat(reader: JuteReader): Stat {
  return {
    czxid: readZxid(reader),
    mzxid: readZxid(reader),
    ctime: reader.long(),
    mtime: reader.long(),
    version: reader.int(),
    cversion: reader.int(),
    aversion: reader.int(),
    ephemeralOwner: reader.bigLong(),
    dataLength: reader.int(),
    numChildren: reader.int(),
    pzxid: readZxid(reader),
  };
}

export function writeStat(writer: JuteWriter, stat: Stat): void {
  writer.long(stat.czxid);
  writer.long(stat.mzxid);
  writer.long(stat.ctime);
  writer.long(stat.mtime);
  writer.int(stat.version);
  writer.int(stat.cversion);
  writer.int(stat.aversion);
  writer.bigLong(stat.ephemeralOwner);
  writer.int(stat.dataLength);
  writer.int(stat.numChildren);
  writer.long(stat.pzxid);
}

const ACL_BYTES_MIN = 12;

/** Null and empty are the same to a server. */
export function readAcls(reader: JuteReader): Acl[] {
  return reader.vector(ACL_BYTES_MIN, readAcl) ?? [];
}

const readAcl = (reader: JuteReader): Acl => ({
  perms: reader.int(),
  scheme: reader.stringOrEmpty(),
  id: reader.stringOrEmpty(),
});

export function writeAcls(writer: JuteWriter, acls: readonly Acl[]): void {
  writer.vector(acls, (into, acl) => {
    into.int(acl.perms);
    into.string(acl.scheme);
    into.string(acl.id);
  });
}

/** Everybody may do everything. Source: ZooDefs.Ids.OPEN_ACL_UNSAFE. */
export const openAcl: readonly Acl[] = [{ perms: 31, scheme: 'world', id: 'anyone' }];
