/**
 * ZooKeeper's client protocol: bytes <-> messages. Primitives of jute, the frames around them, the connect exchange,
 * every request with its answer, watch events, and the codes they use.
 *
 * Not here: sessions, trees, what an operation means (`zookeeper/`), connections (`client/zookeeper/`), and the
 * formats on disk, which only a server knows (`zookeeper/disk/`).
 *
 * Flow: chunk -> FrameSplitter -> frame -> decode* -> value; value -> write*Frame on a JuteWriter -> `take` -> socket.
 * Invariants: decoding never throws, never loops and never allocates from a length that it has not compared with the
 * bytes that are there; a decoded buffer is a view into its frame. Encoding trusts its caller's types.
 *
 * Source: zookeeper.jute and ZooDefs of Apache ZooKeeper 3.9.
 */
export type { CreateMode, ErrorName, EventName, OpName } from './codes.ts';
export {
  addWatchMode,
  createFlags,
  errorCode,
  errorNameOf,
  eventNameOf,
  eventType,
  keeperState,
  opCode,
  permission,
  watcherType,
  xid,
} from './codes.ts';
export type { ConnectRequest, ConnectResponse } from './connect.ts';
export {
  decodeConnectRequest,
  decodeConnectResponse,
  encodeConnectRequest,
  encodeConnectResponse,
  PASSWORD_BYTES,
} from './connect.ts';
export type { FrameProblem } from './frame-splitter.ts';
export { FrameSplitter, JUTE_MAX_BUFFER_DEFAULT } from './frame-splitter.ts';
export type { JuteProblem } from './jute-reader.ts';
export { JuteReader } from './jute-reader.ts';
export { JuteWriter } from './jute-writer.ts';
export type { Acl, SessionId, Stat, Zxid } from './records.ts';
export { openAcl, readAcls, readStat, readZxid, sessionId, writeAcls, writeStat, zxid } from './records.ts';
export type { MultiOperation, MultiReadOperation, Request, RequestHeader, RequestOf } from './request.ts';
export {
  decodeRequest,
  decodeRequestHeader,
  REQUEST_HEADER_BYTES,
  writeRequestBody,
  writeRequestFrame,
} from './request.ts';
export type {
  AnsweredOp,
  BodyOf,
  MultiResult,
  ReplyHeader,
  ResponseBody,
  ResponseTo,
  WatcherEvent,
} from './response.ts';
export {
  connectedEvent,
  decodeEvent,
  decodeReplyHeader,
  decodeResponseBody,
  REPLY_HEADER_BYTES,
  writeEventFrame,
  writeReplyFrame,
} from './response.ts';
