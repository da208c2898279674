import type { Result } from '../../base/index.ts';
import { failure, success, unreachable } from '../../base/index.ts';
import type { Acl, JuteProblem, SessionId, Zxid } from '../../protocol/zookeeper/index.ts';
import { JuteReader, type JuteWriter, opCode, readAcls, readZxid, writeAcls } from '../../protocol/zookeeper/index.ts';

/** Who asked for a transaction, its place in the order of all, and when it was decided. */
export type TxnHeader = {
  readonly sessionId: SessionId;
  readonly cxid: number;
  readonly zxid: Zxid;
  readonly timeMs: number;
};

type CreateBody = {
  readonly path: string;
  readonly data: Buffer | undefined;
  readonly acl: readonly Acl[];
  /** Created children of the parent, this one included; -1 in logs older than 3.3. */
  readonly parentCversion: number;
};

/** A decided change of the tree. Applying it needs no further check and is repeatable. */
export type TreeTxn =
  | ({ readonly type: 'create' | 'create2'; readonly ephemeral: boolean } & CreateBody)
  | ({ readonly type: 'createContainer' } & CreateBody)
  | ({ readonly type: 'createTtl'; readonly ttlMs: number } & CreateBody)
  | { readonly type: 'delete' | 'deleteContainer'; readonly path: string }
  | {
      readonly type: 'setData' | 'reconfig';
      readonly path: string;
      readonly data: Buffer | undefined;
      readonly version: number;
    }
  | { readonly type: 'check'; readonly path: string; readonly version: number }
  | { readonly type: 'error'; readonly code: number };

/** What stands in the log, one a zxid. */
export type Txn =
  | TreeTxn
  | { readonly type: 'setAcl'; readonly path: string; readonly acl: readonly Acl[]; readonly version: number }
  | { readonly type: 'multi'; readonly txns: readonly TreeTxn[] }
  | { readonly type: 'createSession'; readonly timeoutMs: number }
  /** `paths` are the session's ephemeral nodes; undefined in logs older than 3.6. */
  | { readonly type: 'closeSession'; readonly paths: readonly string[] | undefined };

export type LoggedTxn = { readonly header: TxnHeader; readonly txn: Txn };

/** Source: the `txn` module of zookeeper.jute and SerializeUtils.serializeTxn. */
export function writeTxn(writer: JuteWriter, { sessionId, cxid, zxid, timeMs }: TxnHeader, txn: Txn): void {
  writer.bigLong(sessionId);
  writer.int(cxid);
  writer.long(zxid);
  writer.long(timeMs);
  writer.int(opCode[txn.type]);
  writeBody(writer, txn);
}

function writeBody(writer: JuteWriter, txn: Txn): void {
  switch (txn.type) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTtl':
      writer.string(txn.path);
      writer.buffer(txn.data);
      writeAcls(writer, txn.acl);
      if (txn.type === 'create' || txn.type === 'create2') writer.boolean(txn.ephemeral);
      writer.int(txn.parentCversion);
      if (txn.type === 'createTtl') writer.long(txn.ttlMs);
      return;
    case 'delete':
    case 'deleteContainer':
      writer.string(txn.path);
      return;
    case 'setData':
    case 'reconfig':
      writer.string(txn.path);
      writer.buffer(txn.data);
      writer.int(txn.version);
      return;
    case 'check':
      writer.string(txn.path);
      writer.int(txn.version);
      return;
    case 'setAcl':
      writer.string(txn.path);
      writeAcls(writer, txn.acl);
      writer.int(txn.version);
      return;
    case 'error':
      writer.int(txn.code);
      return;
    case 'createSession':
      writer.int(txn.timeoutMs);
      return;
    case 'closeSession':
      if (txn.paths !== undefined) writer.strings(txn.paths);
      return;
    case 'multi':
      writer.int(txn.txns.length);
      for (const part of txn.txns) {
        writer.int(opCode[part.type]);
        const start = writer.beginFrame(); // a buffer has the same length in front as a frame
        writeBody(writer, part);
        writer.endFrame(start);
      }
      return;
    default:
      unreachable(txn);
  }
}

/**
 * A record of the log. What follows the transaction (Apache's digest) is left alone.
 *
 * Data and ACLs are copied, so that the answer does not hold on to the bytes.
 */
export function readTxn(bytes: Buffer): Result<LoggedTxn, JuteProblem> {
  const reader = new JuteReader(bytes);
  const sessionId = reader.bigLong() as SessionId;
  const cxid = reader.int();
  const header: TxnHeader = { sessionId, cxid, zxid: readZxid(reader), timeMs: reader.long() };
  const type = reader.int();
  const txn = readBody(type, reader);
  if (reader.problem !== undefined) return failure(reader.problem);
  if (txn === undefined) return failure({ kind: 'unknownType', sentence: `transaction type ${type} is unknown` });
  return success({ header, txn });
}

function readBody(type: number, reader: JuteReader): Txn | undefined {
  switch (type) {
    case opCode.setAcl:
      return { type: 'setAcl', path: reader.stringOrEmpty(), acl: readAcls(reader), version: reader.int() };
    case opCode.createSession:
      return { type: 'createSession', timeoutMs: reader.int() };
    case opCode.closeSession:
      // Logs before 3.6 have no body; a digest may follow, which is not a vector of strings, but then there is a body.
      return { type: 'closeSession', paths: reader.remainingBytes < 4 ? undefined : reader.strings() };
    case opCode.multi:
      return { type: 'multi', txns: readMulti(reader) };
    default:
      return readTreeTxn(type, reader);
  }
}

function readMulti(reader: JuteReader): TreeTxn[] {
  return (
    reader.vector(8, (from): TreeTxn => {
      const type = from.int();
      const inner = new JuteReader(from.buffer() ?? Buffer.alloc(0));
      const txn = from.problem === undefined ? readTreeTxn(type, inner) : undefined;
      const problem = inner.problem;
      if (problem !== undefined) from.fail(problem.kind, problem.sentence);
      if (txn === undefined) {
        from.fail('unknownType', `transaction type ${type} cannot stand in a multi`);
        return { type: 'error', code: 0 };
      }
      return txn;
    }) ?? []
  );
}

function readTreeTxn(type: number, reader: JuteReader): TreeTxn | undefined {
  switch (type) {
    case opCode.create:
    case opCode.create2: {
      const [path, data, acl] = readCreate(reader);
      const ephemeral = reader.boolean();
      const name = type === opCode.create ? 'create' : 'create2';
      return { type: name, path, data, acl, ephemeral, parentCversion: reader.int() };
    }
    case opCode.createContainer: {
      const [path, data, acl] = readCreate(reader);
      return { type: 'createContainer', path, data, acl, parentCversion: reader.int() };
    }
    case opCode.createTtl: {
      const [path, data, acl] = readCreate(reader);
      return { type: 'createTtl', path, data, acl, parentCversion: reader.int(), ttlMs: reader.long() };
    }
    case opCode.delete:
      return { type: 'delete', path: reader.stringOrEmpty() };
    case opCode.deleteContainer:
      return { type: 'deleteContainer', path: reader.stringOrEmpty() };
    case opCode.setData:
    case opCode.reconfig: {
      const name = type === opCode.setData ? 'setData' : 'reconfig';
      return { type: name, path: reader.stringOrEmpty(), data: ownData(reader), version: reader.int() };
    }
    case opCode.check:
      return { type: 'check', path: reader.stringOrEmpty(), version: reader.int() };
    case opCode.error:
      return { type: 'error', code: reader.int() };
    default:
      return undefined;
  }
}

const readCreate = (reader: JuteReader): [string, Buffer | undefined, Acl[]] => [
  reader.stringOrEmpty(),
  ownData(reader),
  readAcls(reader),
];

/** A copy: the tree must not hold on to a whole read buffer for a few bytes of it. */
function ownData(reader: JuteReader): Buffer | undefined {
  const view = reader.buffer();
  return view === undefined ? undefined : Buffer.from(view);
}
