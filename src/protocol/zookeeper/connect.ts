import type { Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type { JuteProblem } from './jute-reader.ts';
import { JuteReader } from './jute-reader.ts';
import { JuteWriter } from './jute-writer.ts';
import type { SessionId } from './records.ts';

/** The first frame of a client. */
export type ConnectRequest = {
  readonly protocolVersion: number;
  /** Exact only below 2^53, which every real zxid is; a larger claim stays larger. */
  readonly lastZxidSeen: number;
  readonly timeoutMs: number;
  /** 0n asks for a new session. */
  readonly sessionId: SessionId;
  readonly password: Buffer;
  /** Undefined from clients older than 3.4, which do not send the byte and do not expect it in the answer. */
  readonly readOnly: boolean | undefined;
};

/** `timeoutMs` 0 and `sessionId` 0n say that the session is gone. */
export type ConnectResponse = {
  readonly protocolVersion: number;
  readonly timeoutMs: number;
  readonly sessionId: SessionId;
  readonly password: Buffer;
  readonly readOnly: boolean | undefined;
};

export const PASSWORD_BYTES = 16;

export function decodeConnectRequest(frame: Buffer): Result<ConnectRequest, JuteProblem> {
  const reader = new JuteReader(frame);
  const request: ConnectRequest = {
    protocolVersion: reader.int(),
    lastZxidSeen: Number(reader.bigLong()),
    timeoutMs: reader.int(),
    sessionId: reader.bigLong() as SessionId,
    password: Buffer.from(reader.buffer() ?? Buffer.alloc(PASSWORD_BYTES)),
    readOnly: reader.remainingBytes > 0 ? reader.boolean() : undefined,
  };
  return reader.problem === undefined ? success(request) : failure(reader.problem);
}

export function encodeConnectRequest(request: ConnectRequest): Buffer {
  const writer = new JuteWriter();
  const start = writer.beginFrame();
  writer.int(request.protocolVersion);
  writer.long(request.lastZxidSeen);
  writer.int(request.timeoutMs);
  writer.bigLong(request.sessionId);
  writer.buffer(request.password);
  if (request.readOnly !== undefined) writer.boolean(request.readOnly);
  writer.endFrame(start);
  return writer.take();
}

export function decodeConnectResponse(frame: Buffer): Result<ConnectResponse, JuteProblem> {
  const reader = new JuteReader(frame);
  const response: ConnectResponse = {
    protocolVersion: reader.int(),
    timeoutMs: reader.int(),
    sessionId: reader.bigLong() as SessionId,
    password: Buffer.from(reader.buffer() ?? Buffer.alloc(0)),
    readOnly: reader.remainingBytes > 0 ? reader.boolean() : undefined,
  };
  return reader.problem === undefined ? success(response) : failure(reader.problem);
}

export function encodeConnectResponse(response: ConnectResponse): Buffer {
  const writer = new JuteWriter();
  const start = writer.beginFrame();
  writer.int(response.protocolVersion);
  writer.int(response.timeoutMs);
  writer.bigLong(response.sessionId);
  writer.buffer(response.password);
  if (response.readOnly !== undefined) writer.boolean(response.readOnly);
  writer.endFrame(start);
  return writer.take();
}
