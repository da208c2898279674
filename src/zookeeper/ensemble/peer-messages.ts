import { unreachable } from '../../base/index.ts';
import type { SessionId } from '../../protocol/zookeeper/index.ts';
import { decodeRequest, JuteReader, JuteWriter, opCode, writeRequestBody } from '../../protocol/zookeeper/index.ts';
import type { Identity } from '../request/access.ts';
import type { Command } from '../request/decide.ts';

/** What servers of an ensemble tell each other besides the entries that they agree on. */
export type PeerMessage =
  /** Follower to leader: a client's write. Counts only in the epoch in which it was sent. */
  | {
      readonly kind: 'wish';
      readonly epoch: number;
      readonly sessionId: SessionId;
      readonly cxid: number;
      readonly identities: readonly Identity[];
      readonly command: Command;
    }
  /** Follower to leader: a client has come here with this session. */
  | { readonly kind: 'renew'; readonly requestId: number; readonly sessionId: SessionId }
  | { readonly kind: 'renewed'; readonly requestId: number; readonly alive: boolean }
  /** Follower to leader: clients that were heard. */
  | { readonly kind: 'touches'; readonly sessions: readonly SessionId[] }
  /** Leader to follower: a write of this session was not taken; its client must ask again. */
  | { readonly kind: 'drop'; readonly sessionId: SessionId };

const kinds = { wish: 1, renew: 2, renewed: 3, touches: 4, drop: 5 } as const;
const SESSION_BYTES = 8;

export function encodePeerMessage(message: PeerMessage): Buffer {
  const writer = new JuteWriter();
  writer.int(kinds[message.kind]);
  switch (message.kind) {
    case 'wish':
      writer.long(message.epoch);
      writer.bigLong(message.sessionId);
      writer.int(message.cxid);
      writer.vector(message.identities, (into, { scheme, id }) => {
        into.string(scheme);
        into.string(id);
      });
      writeCommand(writer, message.command);
      break;
    case 'renew':
      writer.int(message.requestId);
      writer.bigLong(message.sessionId);
      break;
    case 'renewed':
      writer.int(message.requestId);
      writer.boolean(message.alive);
      break;
    case 'touches':
      writer.vector(message.sessions, (into, id) => into.bigLong(id));
      break;
    case 'drop':
      writer.bigLong(message.sessionId);
      break;
    default:
      unreachable(message);
  }
  return writer.take();
}

function writeCommand(writer: JuteWriter, command: Command): void {
  switch (command.op) {
    case 'createSession':
      writer.int(opCode.createSession);
      writer.int(command.timeoutMs);
      return;
    case 'fail':
      writer.int(opCode.error);
      writer.int(command.code);
      return;
    case 'deleteContainer':
    case 'applyReconfig':
      throw new Error(`broken assumption: ${command.op} is decided where it arises`);
    default:
      writer.int(opCode[command.op]);
      writeRequestBody(writer, command);
  }
}

/** @returns undefined for bytes that are no message */
export function decodePeerMessage(bytes: Buffer): PeerMessage | undefined {
  const reader = new JuteReader(bytes);
  const message = readMessage(reader, bytes);
  return reader.problem === undefined ? message : undefined;
}

function readMessage(reader: JuteReader, bytes: Buffer): PeerMessage | undefined {
  switch (reader.int()) {
    case kinds.wish: {
      const epoch = reader.long();
      const sessionId = reader.bigLong() as SessionId;
      const cxid = reader.int();
      const identities = reader.vector(8, (from) => ({ scheme: from.stringOrEmpty(), id: from.stringOrEmpty() })) ?? [];
      const command = readCommand(reader, bytes);
      return command === undefined ? undefined : { kind: 'wish', epoch, sessionId, cxid, identities, command };
    }
    case kinds.renew:
      return { kind: 'renew', requestId: reader.int(), sessionId: reader.bigLong() as SessionId };
    case kinds.renewed:
      return { kind: 'renewed', requestId: reader.int(), alive: reader.boolean() };
    case kinds.touches:
      return {
        kind: 'touches',
        sessions: reader.vector(SESSION_BYTES, (from) => from.bigLong() as SessionId) ?? [],
      };
    case kinds.drop:
      return { kind: 'drop', sessionId: reader.bigLong() as SessionId };
    default:
      return undefined;
  }
}

function readCommand(reader: JuteReader, bytes: Buffer): Command | undefined {
  const type = reader.int();
  if (type === opCode.createSession) return { op: 'createSession', timeoutMs: reader.int() };
  if (type === opCode.error) return { op: 'fail', code: reader.int() };
  const request = decodeRequest(type, bytes.subarray(reader.position));
  if (!request.ok) return undefined;
  switch (request.value.op) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTtl':
    case 'delete':
    case 'setData':
    case 'check':
    case 'setAcl':
    case 'multi':
    case 'closeSession':
    case 'reconfig':
      return request.value;
    default:
      return undefined;
  }
}
