import type { Result } from '../../base/index.ts';
import { failure, success, unreachable } from '../../base/index.ts';
import type { OpName } from './codes.ts';
import { errorCode, eventType, keeperState, opCode, xid } from './codes.ts';
import type { JuteProblem } from './jute-reader.ts';
import { JuteReader } from './jute-reader.ts';
import type { JuteWriter } from './jute-writer.ts';
import type { Acl, Stat, Zxid } from './records.ts';
import { readAcls, readStat, writeAcls, writeStat } from './records.ts';

/** One answer inside a multi or multiRead. `error` carries a code of `errorCode`, 0 before the failing operation. */
export type MultiResult =
  | { readonly op: 'create'; readonly path: string }
  | { readonly op: 'create2'; readonly path: string; readonly stat: Stat }
  | { readonly op: 'delete' }
  | { readonly op: 'setData'; readonly stat: Stat }
  | { readonly op: 'check' }
  | { readonly op: 'getData'; readonly data: Buffer | undefined; readonly stat: Stat }
  | { readonly op: 'getChildren'; readonly children: readonly string[] }
  | { readonly op: 'error'; readonly code: number };

/** The body of a successful answer, by its shape. */
export type ResponseBody =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'pathAndStat'; readonly path: string; readonly stat: Stat }
  | { readonly kind: 'stat'; readonly stat: Stat }
  | { readonly kind: 'data'; readonly data: Buffer | undefined; readonly stat: Stat }
  | { readonly kind: 'acl'; readonly acl: readonly Acl[]; readonly stat: Stat }
  | { readonly kind: 'children'; readonly children: readonly string[] }
  | { readonly kind: 'childrenAndStat'; readonly children: readonly string[]; readonly stat: Stat }
  | { readonly kind: 'multi'; readonly results: readonly MultiResult[] }
  | { readonly kind: 'errorBody'; readonly code: number }
  | { readonly kind: 'token'; readonly token: Buffer | undefined }
  | { readonly kind: 'number'; readonly number: number }
  | { readonly kind: 'clientInfo'; readonly clientInfo: readonly { readonly scheme: string; readonly user: string }[] };

export type BodyOf<Kind extends ResponseBody['kind']> = Extract<ResponseBody, { readonly kind: Kind }>;

export type ReplyHeader = { readonly xid: number; readonly zxid: Zxid; readonly error: number };

/** `type` is a code of `eventType`, `state` one of `keeperState`. */
export type WatcherEvent = { readonly type: number; readonly state: number; readonly path: string };

export const REPLY_HEADER_BYTES = 16;

/** Shape of the answer to each request that a client sends. */
const shapes = {
  create: 'path',
  create2: 'pathAndStat',
  createContainer: 'pathAndStat',
  createTtl: 'pathAndStat',
  delete: 'nothing',
  exists: 'stat',
  getData: 'data',
  setData: 'stat',
  getAcl: 'acl',
  setAcl: 'stat',
  getChildren: 'children',
  getChildren2: 'childrenAndStat',
  sync: 'path',
  ping: 'nothing',
  check: 'stat',
  multi: 'multi',
  multiRead: 'multi',
  reconfig: 'data',
  checkWatches: 'nothing',
  removeWatches: 'nothing',
  auth: 'nothing',
  setWatches: 'nothing',
  setWatches2: 'nothing',
  sasl: 'token',
  getEphemerals: 'children',
  getAllChildrenNumber: 'number',
  addWatch: 'errorBody',
  whoAmI: 'clientInfo',
  closeSession: 'nothing',
} as const satisfies Partial<Record<OpName, ResponseBody['kind']>>;

export type AnsweredOp = keyof typeof shapes;
/** The body that answers a request, known at compile time. */
export type ResponseTo<Op extends AnsweredOp> = BodyOf<(typeof shapes)[Op]>;

export function decodeReplyHeader(frame: Buffer): Result<ReplyHeader, JuteProblem> {
  const reader = new JuteReader(frame);
  const header = { xid: reader.int(), zxid: reader.long() as Zxid, error: reader.int() };
  return reader.problem === undefined ? success(header) : failure(reader.problem);
}

/** The body after a ReplyHeader without error. */
export function decodeResponseBody<Op extends AnsweredOp>(op: Op, body: Buffer): Result<ResponseTo<Op>, JuteProblem> {
  const reader = new JuteReader(body);
  const value = readBody(shapes[op], reader);
  // The shape was looked up by the same key as the type.
  return reader.problem === undefined ? success(value as ResponseTo<Op>) : failure(reader.problem);
}

function readBody(kind: ResponseBody['kind'], reader: JuteReader): ResponseBody {
  switch (kind) {
    case 'nothing':
      return { kind };
    case 'path':
      return { kind, path: reader.stringOrEmpty() };
    case 'pathAndStat':
      return { kind, path: reader.stringOrEmpty(), stat: readStat(reader) };
    case 'stat':
      return { kind, stat: readStat(reader) };
    case 'data':
      return { kind, data: reader.buffer(), stat: readStat(reader) };
    case 'acl':
      return { kind, acl: readAcls(reader), stat: readStat(reader) };
    case 'children':
      return { kind, children: reader.strings() };
    case 'childrenAndStat':
      return { kind, children: reader.strings(), stat: readStat(reader) };
    case 'multi':
      return { kind, results: readMultiResults(reader) };
    case 'errorBody':
      return { kind, code: reader.int() };
    case 'token':
      return { kind, token: reader.buffer() };
    case 'number':
      return { kind, number: reader.int() };
    case 'clientInfo':
      return {
        kind,
        clientInfo: reader.vector(8, (from) => ({ scheme: from.stringOrEmpty(), user: from.stringOrEmpty() })) ?? [],
      };
    default:
      return unreachable(kind);
  }
}

function readMultiResults(reader: JuteReader): MultiResult[] {
  const results: MultiResult[] = [];
  for (;;) {
    const type = reader.int();
    const done = reader.boolean();
    reader.int();
    if (reader.problem !== undefined || done) return results;
    const result = readMultiResult(type, reader);
    if (result === undefined) {
      reader.fail('unknownType', `type ${type} cannot stand in the answer to a multi`);
      return results;
    }
    results.push(result);
  }
}

function readMultiResult(type: number, reader: JuteReader): MultiResult | undefined {
  switch (type) {
    case opCode.create:
      return { op: 'create', path: reader.stringOrEmpty() };
    case opCode.create2:
      return { op: 'create2', path: reader.stringOrEmpty(), stat: readStat(reader) };
    case opCode.delete:
      return { op: 'delete' };
    case opCode.setData:
      return { op: 'setData', stat: readStat(reader) };
    case opCode.check:
      return { op: 'check' };
    case opCode.getData:
      return { op: 'getData', data: reader.buffer(), stat: readStat(reader) };
    case opCode.getChildren:
      return { op: 'getChildren', children: reader.strings() };
    case opCode.error:
      return { op: 'error', code: reader.int() };
    default:
      return undefined;
  }
}

/** Writes one answer as a frame. With an error there is no body, whatever was given. */
export function writeReplyFrame(writer: JuteWriter, header: ReplyHeader, body: ResponseBody): void {
  const start = writer.beginFrame();
  writer.int(header.xid);
  writer.long(header.zxid);
  writer.int(header.error);
  if (header.error === errorCode.ok) writeBody(writer, body);
  writer.endFrame(start);
}

function writeBody(writer: JuteWriter, body: ResponseBody): void {
  switch (body.kind) {
    case 'nothing':
      return;
    case 'path':
      writer.string(body.path);
      return;
    case 'pathAndStat':
      writer.string(body.path);
      writeStat(writer, body.stat);
      return;
    case 'stat':
      writeStat(writer, body.stat);
      return;
    case 'data':
      writer.buffer(body.data);
      writeStat(writer, body.stat);
      return;
    case 'acl':
      writeAcls(writer, body.acl);
      writeStat(writer, body.stat);
      return;
    case 'children':
      writer.strings(body.children);
      return;
    case 'childrenAndStat':
      writer.strings(body.children);
      writeStat(writer, body.stat);
      return;
    case 'multi':
      for (const result of body.results) writeMultiResult(writer, result);
      writer.int(-1);
      writer.boolean(true);
      writer.int(-1);
      return;
    case 'errorBody':
      writer.int(body.code);
      return;
    case 'token':
      writer.buffer(body.token);
      return;
    case 'number':
      writer.int(body.number);
      return;
    case 'clientInfo':
      writer.vector(body.clientInfo, (into, info) => {
        into.string(info.scheme);
        into.string(info.user);
      });
      return;
    default:
      unreachable(body);
  }
}

function writeMultiResult(writer: JuteWriter, result: MultiResult): void {
  writer.int(opCode[result.op]);
  writer.boolean(false);
  writer.int(result.op === 'error' ? result.code : 0);
  switch (result.op) {
    case 'create':
      writer.string(result.path);
      return;
    case 'create2':
      writer.string(result.path);
      writeStat(writer, result.stat);
      return;
    case 'setData':
      writeStat(writer, result.stat);
      return;
    case 'getData':
      writer.buffer(result.data);
      writeStat(writer, result.stat);
      return;
    case 'getChildren':
      writer.strings(result.children);
      return;
    case 'error':
      writer.int(result.code);
      return;
    case 'delete':
    case 'check':
      return;
    default:
      unreachable(result);
  }
}

/**
 * @param eventZxid  of the change that fired; servers before 3.9 send -1
 */
export function writeEventFrame(writer: JuteWriter, event: WatcherEvent, eventZxid: Zxid): void {
  const start = writer.beginFrame();
  writer.int(xid.notification);
  writer.long(eventZxid);
  writer.int(errorCode.ok);
  writer.int(event.type);
  writer.int(event.state);
  writer.string(event.path);
  writer.endFrame(start);
}

/** The body of a frame whose header says `xid.notification`. */
export function decodeEvent(body: Buffer): Result<WatcherEvent, JuteProblem> {
  const reader = new JuteReader(body);
  const event = { type: reader.int(), state: reader.int(), path: reader.stringOrEmpty() };
  return reader.problem === undefined ? success(event) : failure(reader.problem);
}

/** A live client's state in an event. */
export const connectedEvent = (type: keyof typeof eventType, path: string): WatcherEvent => ({
  type: eventType[type],
  state: keeperState.syncConnected,
  path,
});
