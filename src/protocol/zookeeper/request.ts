import type { Result } from '../../base/index.ts';
import { failure, success, unreachable } from '../../base/index.ts';
import { createFlags, opCode } from './codes.ts';
import type { JuteProblem } from './jute-reader.ts';
import { JuteReader } from './jute-reader.ts';
import type { JuteWriter } from './jute-writer.ts';
import type { Acl } from './records.ts';
import { readAcls, writeAcls } from './records.ts';

type CreateBody = {
  readonly path: string;
  /** A node's data may be null, which is not the same as empty. */
  readonly data: Buffer | undefined;
  readonly acl: readonly Acl[];
  /** See `createFlags`; a server answers `badArguments` to others. */
  readonly flags: number;
};

/** Operations that may stand in a `multi`. */
export type MultiOperation =
  | ({ readonly op: 'create' } & CreateBody)
  | ({ readonly op: 'create2' } & CreateBody)
  | ({ readonly op: 'createContainer' } & CreateBody)
  | ({ readonly op: 'createTtl'; readonly ttlMs: number } & CreateBody)
  | { readonly op: 'delete'; readonly path: string; readonly version: number }
  | { readonly op: 'setData'; readonly path: string; readonly data: Buffer | undefined; readonly version: number }
  | { readonly op: 'check'; readonly path: string; readonly version: number };

/** Operations that may stand in a `multiRead`; watches are never set there. */
export type MultiReadOperation =
  | { readonly op: 'getData'; readonly path: string; readonly watch: boolean }
  | { readonly op: 'getChildren'; readonly path: string; readonly watch: boolean };

/** Every request that a client sends once it is connected. */
export type Request =
  | MultiOperation
  | { readonly op: 'exists'; readonly path: string; readonly watch: boolean }
  | { readonly op: 'getData'; readonly path: string; readonly watch: boolean }
  | { readonly op: 'getAcl'; readonly path: string }
  | { readonly op: 'setAcl'; readonly path: string; readonly acl: readonly Acl[]; readonly version: number }
  | { readonly op: 'getChildren'; readonly path: string; readonly watch: boolean }
  | { readonly op: 'getChildren2'; readonly path: string; readonly watch: boolean }
  | { readonly op: 'sync'; readonly path: string }
  | { readonly op: 'ping' }
  | { readonly op: 'multi'; readonly operations: readonly MultiOperation[] }
  | { readonly op: 'multiRead'; readonly operations: readonly MultiReadOperation[] }
  | {
      readonly op: 'reconfig';
      readonly joiningServers: string | undefined;
      readonly leavingServers: string | undefined;
      readonly newMembers: string | undefined;
      readonly currentConfigId: number;
    }
  | { readonly op: 'checkWatches'; readonly path: string; readonly type: number }
  | { readonly op: 'removeWatches'; readonly path: string; readonly type: number }
  | { readonly op: 'auth'; readonly type: number; readonly scheme: string; readonly auth: Buffer }
  | {
      readonly op: 'setWatches';
      readonly relativeZxid: number;
      readonly data: readonly string[];
      readonly exist: readonly string[];
      readonly child: readonly string[];
    }
  | {
      readonly op: 'setWatches2';
      readonly relativeZxid: number;
      readonly data: readonly string[];
      readonly exist: readonly string[];
      readonly child: readonly string[];
      readonly persistent: readonly string[];
      readonly persistentRecursive: readonly string[];
    }
  | { readonly op: 'sasl'; readonly token: Buffer | undefined }
  | { readonly op: 'getEphemerals'; readonly prefixPath: string }
  | { readonly op: 'getAllChildrenNumber'; readonly path: string }
  | { readonly op: 'addWatch'; readonly path: string; readonly mode: number }
  | { readonly op: 'whoAmI' }
  | { readonly op: 'closeSession' };

export type RequestOf<Op extends Request['op']> = Extract<Request, { readonly op: Op }>;

/** What stands before every request. */
export type RequestHeader = { readonly xid: number; readonly type: number };

/** @returns undefined if the frame is too short for a header */
export function decodeRequestHeader(frame: Buffer): RequestHeader | undefined {
  if (frame.length < REQUEST_HEADER_BYTES) return undefined;
  return { xid: frame.readInt32BE(0), type: frame.readInt32BE(4) };
}

export const REQUEST_HEADER_BYTES = 8;

const MULTI_OPERATION_BYTES_MIN = 9;

/**
 * The body of a request.
 *
 * @param type  from the header; an unknown one is the problem `unknownType`
 * @param body  the frame after its header; buffers in the answer are views into it
 */
export function decodeRequest(type: number, body: Buffer): Result<Request, JuteProblem> {
  const reader = new JuteReader(body);
  const request = readRequest(type, reader);
  if (reader.problem !== undefined) return failure(reader.problem);
  if (request === undefined) return failure({ kind: 'unknownType', sentence: `request type ${type} is unknown` });
  return success(request);
}

function readRequest(type: number, reader: JuteReader): Request | undefined {
  switch (type) {
    case opCode.create:
    case opCode.create2:
    case opCode.createContainer:
    case opCode.createTtl:
    case opCode.delete:
    case opCode.setData:
    case opCode.check:
      return readMultiOperation(type, reader);
    case opCode.exists:
      return { op: 'exists', path: reader.stringOrEmpty(), watch: reader.boolean() };
    case opCode.getData:
      return { op: 'getData', path: reader.stringOrEmpty(), watch: reader.boolean() };
    case opCode.getAcl:
      return { op: 'getAcl', path: reader.stringOrEmpty() };
    case opCode.setAcl:
      return { op: 'setAcl', path: reader.stringOrEmpty(), acl: readAcls(reader), version: reader.int() };
    case opCode.getChildren:
      return { op: 'getChildren', path: reader.stringOrEmpty(), watch: reader.boolean() };
    case opCode.getChildren2:
      return { op: 'getChildren2', path: reader.stringOrEmpty(), watch: reader.boolean() };
    case opCode.sync:
      return { op: 'sync', path: reader.stringOrEmpty() };
    case opCode.ping:
      return { op: 'ping' };
    case opCode.multi:
      return { op: 'multi', operations: readMulti(reader, readMultiPart) };
    case opCode.multiRead:
      return { op: 'multiRead', operations: readMulti(reader, readMultiReadOperation) };
    case opCode.reconfig:
      return {
        op: 'reconfig',
        joiningServers: reader.string(),
        leavingServers: reader.string(),
        newMembers: reader.string(),
        currentConfigId: Number(reader.bigLong()),
      };
    case opCode.checkWatches:
      return { op: 'checkWatches', path: reader.stringOrEmpty(), type: reader.int() };
    case opCode.removeWatches:
      return { op: 'removeWatches', path: reader.stringOrEmpty(), type: reader.int() };
    case opCode.auth:
      return {
        op: 'auth',
        type: reader.int(),
        scheme: reader.stringOrEmpty(),
        auth: reader.buffer() ?? Buffer.alloc(0),
      };
    case opCode.setWatches:
      return {
        op: 'setWatches',
        relativeZxid: Number(reader.bigLong()),
        data: reader.strings(),
        exist: reader.strings(),
        child: reader.strings(),
      };
    case opCode.setWatches2:
      return {
        op: 'setWatches2',
        relativeZxid: Number(reader.bigLong()),
        data: reader.strings(),
        exist: reader.strings(),
        child: reader.strings(),
        persistent: reader.strings(),
        persistentRecursive: reader.strings(),
      };
    case opCode.sasl:
      return { op: 'sasl', token: reader.buffer() };
    case opCode.getEphemerals:
      return { op: 'getEphemerals', prefixPath: reader.stringOrEmpty() };
    case opCode.getAllChildrenNumber:
      return { op: 'getAllChildrenNumber', path: reader.stringOrEmpty() };
    case opCode.addWatch:
      return { op: 'addWatch', path: reader.stringOrEmpty(), mode: reader.int() };
    case opCode.whoAmI:
      return { op: 'whoAmI' };
    case opCode.closeSession:
      return { op: 'closeSession' };
    default:
      return undefined;
  }
}

function readMultiOperation(type: number, reader: JuteReader): MultiOperation | undefined {
  switch (type) {
    case opCode.create:
      return { op: 'create', ...readCreateBody(reader) };
    case opCode.create2:
      return { op: 'create2', ...readCreateBody(reader) };
    case opCode.createContainer:
      return { op: 'createContainer', ...readCreateBody(reader) };
    case opCode.createTtl:
      return { op: 'createTtl', ...readCreateBody(reader), ttlMs: readTtl(reader) };
    case opCode.delete:
      return { op: 'delete', path: reader.stringOrEmpty(), version: reader.int() };
    case opCode.setData:
      return { op: 'setData', path: reader.stringOrEmpty(), data: reader.buffer(), version: reader.int() };
    case opCode.check:
      return { op: 'check', path: reader.stringOrEmpty(), version: reader.int() };
    default:
      return undefined;
  }
}

/**
 * An operation inside a multi, where the original goes by the flags more than by the type: a container's flag makes a
 * container, a TTL needs the type that has one, and the type with a TTL falls back to a plain create without its flag.
 *
 * Source: MultiOperationRecord.deserialize, Op.create.
 */
function readMultiPart(type: number, reader: JuteReader): MultiOperation | undefined {
  const operation = readMultiOperation(type, reader);
  if (operation === undefined || !('flags' in operation)) return operation;
  const { flags } = operation;
  const timed = flags === createFlags.persistentTtl || flags === createFlags.persistentSequentialTtl;
  if (operation.op === 'createTtl') {
    if (timed) return operation;
    const { ttlMs: _, ...plain } = operation;
    return { ...plain, op: flags === createFlags.container ? 'createContainer' : 'create' };
  }
  if (flags < createFlags.persistent || flags > createFlags.persistentSequentialTtl || timed) {
    reader.fail('badFlags', `a create in a multi has flags ${flags}, which its type does not allow`);
    return undefined;
  }
  return flags === createFlags.container ? { ...operation, op: 'createContainer' } : operation;
}

function readMultiReadOperation(type: number, reader: JuteReader): MultiReadOperation | undefined {
  switch (type) {
    case opCode.getData:
      return { op: 'getData', path: reader.stringOrEmpty(), watch: reader.boolean() };
    case opCode.getChildren:
      return { op: 'getChildren', path: reader.stringOrEmpty(), watch: reader.boolean() };
    default:
      return undefined;
  }
}

const readCreateBody = (reader: JuteReader): CreateBody => ({
  path: reader.stringOrEmpty(),
  data: reader.buffer(),
  acl: readAcls(reader),
  flags: reader.int(),
});

/** A TTL is at most 40 bits, so an inexact huge value stays as wrong as it was. */
const readTtl = (reader: JuteReader): number => Number(reader.bigLong());

/** Operations, each after a MultiHeader {type, done, err}, until one says `done`. */
function readMulti<Operation>(
  reader: JuteReader,
  read: (type: number, reader: JuteReader) => Operation | undefined,
): Operation[] {
  const operations: Operation[] = [];
  for (;;) {
    const type = reader.int();
    const done = reader.boolean();
    reader.int();
    if (reader.problem !== undefined || done) return operations;
    if (reader.remainingBytes < MULTI_OPERATION_BYTES_MIN) {
      reader.fail('truncated', `a multi ends after ${operations.length} operations without its closing header`);
      return operations;
    }
    const operation = read(type, reader);
    if (operation === undefined) {
      reader.fail('unknownType', `type ${type} cannot stand in this multi`);
      return operations;
    }
    operations.push(operation);
  }
}

/** Writes one request as a frame, with its header. */
export function writeRequestFrame(writer: JuteWriter, xid: number, request: Request): void {
  const start = writer.beginFrame();
  writer.int(xid);
  writer.int(opCode[request.op]);
  writeRequestBody(writer, request);
  writer.endFrame(start);
}

export function writeRequestBody(writer: JuteWriter, request: Request): void {
  switch (request.op) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTtl':
      writer.string(request.path);
      writer.buffer(request.data);
      writeAcls(writer, request.acl);
      writer.int(request.flags);
      if (request.op === 'createTtl') writer.long(request.ttlMs);
      return;
    case 'delete':
    case 'check':
      writer.string(request.path);
      writer.int(request.version);
      return;
    case 'setData':
      writer.string(request.path);
      writer.buffer(request.data);
      writer.int(request.version);
      return;
    case 'exists':
    case 'getData':
    case 'getChildren':
    case 'getChildren2':
      writer.string(request.path);
      writer.boolean(request.watch);
      return;
    case 'getAcl':
    case 'sync':
    case 'getAllChildrenNumber':
      writer.string(request.path);
      return;
    case 'setAcl':
      writer.string(request.path);
      writeAcls(writer, request.acl);
      writer.int(request.version);
      return;
    case 'multi':
    case 'multiRead':
      for (const operation of request.operations) {
        writer.int(opCode[operation.op]);
        writer.boolean(false);
        writer.int(-1);
        writeRequestBody(writer, operation);
      }
      writer.int(-1);
      writer.boolean(true);
      writer.int(-1);
      return;
    case 'reconfig':
      writer.string(request.joiningServers);
      writer.string(request.leavingServers);
      writer.string(request.newMembers);
      writer.long(request.currentConfigId);
      return;
    case 'checkWatches':
    case 'removeWatches':
      writer.string(request.path);
      writer.int(request.type);
      return;
    case 'auth':
      writer.int(request.type);
      writer.string(request.scheme);
      writer.buffer(request.auth);
      return;
    case 'setWatches':
    case 'setWatches2':
      writer.long(request.relativeZxid);
      writer.strings(request.data);
      writer.strings(request.exist);
      writer.strings(request.child);
      if (request.op === 'setWatches2') {
        writer.strings(request.persistent);
        writer.strings(request.persistentRecursive);
      }
      return;
    case 'sasl':
      writer.buffer(request.token);
      return;
    case 'getEphemerals':
      writer.string(request.prefixPath);
      return;
    case 'addWatch':
      writer.string(request.path);
      writer.int(request.mode);
      return;
    case 'ping':
    case 'whoAmI':
    case 'closeSession':
      return;
    default:
      unreachable(request);
  }
}
