/** Agreement's messages as bytes. A field's order here is the format; entries follow a fetch answer's fields as they lie on disk. */
import { epoch, offset } from '../../base/index.ts';
import {
  type FetchAnswer,
  type FetchSnapshotAnswer,
  type NodeId,
  nodeId,
  type QuorumMessage,
  type SnapshotId,
} from '../../quorum/index.ts';
import { ByteReader, ByteWriter } from './byte-stream.ts';
import { decodeRecord, encodeEntry, type Stored } from './record-codec.ts';

const kinds = [
  'vote',
  'voteAnswer',
  'beginEpoch',
  'beginEpochAnswer',
  'endEpoch',
  'endEpochAnswer',
  'fetch',
  'fetchAnswer',
  'fetchSnapshot',
  'fetchSnapshotAnswer',
  'leaderFlushed',
] as const satisfies readonly QuorumMessage['kind'][];

const problems = [
  undefined,
  'notLeader',
  'fencedEpoch',
  'unknownEpoch',
  'snapshotNotFound',
  'positionOutOfRange',
] as const satisfies readonly FetchSnapshotAnswer['problem'][];

function writeSnapshotId(writer: ByteWriter, snapshot: SnapshotId): void {
  writer.uint48(snapshot.offset);
  writer.uint32(snapshot.epoch);
}

const readSnapshotId = (reader: ByteReader): SnapshotId => ({
  offset: offset(reader.uint48()),
  epoch: epoch(reader.uint32()),
});

/** The message without what is large: a fetch answer's entries and a snapshot's bytes go after it, as they are. */
function writeFields(writer: ByteWriter, message: QuorumMessage): void {
  writer.uint8(kinds.indexOf(message.kind));
  writer.uint32(message.correlationId);
  writer.uint32(message.epoch);
  switch (message.kind) {
    case 'vote':
      writer.int32(message.candidate);
      writer.text(message.voterDirectory);
      writer.uint32(message.lastEpoch);
      writer.uint48(message.endOffset);
      writer.uint8(message.preVote ? 1 : 0);
      return;
    case 'voteAnswer':
      writer.optionalInt32(message.leader);
      writer.uint8(message.granted ? 1 : 0);
      return;
    case 'beginEpoch':
    case 'beginEpochAnswer':
    case 'endEpochAnswer':
      writer.optionalInt32(message.leader);
      return;
    case 'endEpoch':
      writer.int32(message.leader);
      writer.uint8(message.preferredSuccessors.length);
      for (const id of message.preferredSuccessors) writer.int32(id);
      return;
    case 'fetch':
      writer.int32(message.replica);
      writer.text(message.directory);
      writer.uint48(message.fetchOffset);
      writer.uint32(message.lastFetchedEpoch);
      writer.uint48(message.highWatermark);
      writer.uint48(message.round);
      return;
    case 'fetchAnswer':
      writer.optionalInt32(message.leader);
      writer.uint8(problems.indexOf(message.problem));
      writer.uint48(message.highWatermark);
      writer.uint48(message.round);
      writer.uint8(
        (message.diverging === undefined ? 0 : 1) + (message.snapshot === undefined ? 0 : 2) + (message.ahead ? 4 : 0),
      );
      if (message.diverging !== undefined) {
        writer.uint32(message.diverging.epoch);
        writer.uint48(message.diverging.endOffset);
      }
      if (message.snapshot !== undefined) writeSnapshotId(writer, message.snapshot);
      return;
    case 'leaderFlushed':
      writer.uint48(message.flushedOffset);
      return;
    case 'fetchSnapshot':
      writer.int32(message.replica);
      writeSnapshotId(writer, message.snapshot);
      writer.uint48(message.position);
      writer.uint32(message.maxBytes);
      return;
    case 'fetchSnapshotAnswer':
      writer.optionalInt32(message.leader);
      writer.uint8(problems.indexOf(message.problem));
      writeSnapshotId(writer, message.snapshot);
      writer.uint48(message.sizeBytes);
      writer.uint48(message.position);
      return;
  }
}

/** As a list of pieces, so that entries are never copied. */
export function encodeMessage(message: QuorumMessage): Buffer[] {
  const writer = new ByteWriter();
  writeFields(writer, message);
  const pieces = [writer.finish()];
  if (message.kind === 'fetchAnswer') pieces.push(...message.entries.map(encodeEntry));
  if (message.kind === 'fetchSnapshotAnswer') pieces.push(Buffer.from(message.bytes));
  return pieces;
}

export function encodeFetchAnswer(answer: FetchAnswer, entries: readonly Stored[]): Buffer[] {
  return [...encodeMessage({ ...answer, entries: [] }), ...entries.map(({ bytes }) => bytes)];
}

/** `stored` has the bytes of a fetch answer's entries, in the same order. */
export type DecodedMessage = { readonly message: QuorumMessage; readonly stored: readonly Stored[] };

/** Undefined: these bytes are no message of ours, or were damaged on the way. */
export function decodeMessage(bytes: Buffer): DecodedMessage | undefined {
  const reader = new ByteReader(bytes);
  const kind = kinds[reader.uint8()];
  const head = { correlationId: reader.uint32(), epoch: epoch(reader.uint32()) };
  if (kind === undefined || reader.failed) return undefined;
  const stored: Stored[] = [];
  const message = readFields(kind, head, reader, stored);
  return message === undefined || reader.failed ? undefined : { message, stored };
}

const optionalNode = (reader: ByteReader): NodeId | undefined => {
  const id = reader.optionalInt32();
  return id === undefined ? undefined : nodeId(id);
};

function readFields(
  kind: QuorumMessage['kind'],
  head: { readonly correlationId: number; readonly epoch: ReturnType<typeof epoch> },
  reader: ByteReader,
  stored: Stored[],
): QuorumMessage | undefined {
  switch (kind) {
    case 'vote':
      return {
        kind,
        ...head,
        candidate: nodeId(reader.int32()),
        voterDirectory: reader.text(),
        lastEpoch: epoch(reader.uint32()),
        endOffset: offset(reader.uint48()),
        preVote: reader.uint8() === 1,
      };
    case 'voteAnswer':
      return { kind, ...head, leader: optionalNode(reader), granted: reader.uint8() === 1 };
    case 'beginEpoch':
      return { kind, ...head, leader: nodeId(reader.int32()) };
    case 'beginEpochAnswer':
    case 'endEpochAnswer':
      return { kind, ...head, leader: optionalNode(reader) };
    case 'endEpoch': {
      const leader = nodeId(reader.int32());
      const preferredSuccessors: NodeId[] = [];
      for (let left = reader.uint8(); left > 0 && !reader.failed; left--) {
        preferredSuccessors.push(nodeId(reader.int32()));
      }
      return { kind, ...head, leader, preferredSuccessors };
    }
    case 'fetch':
      return {
        kind,
        ...head,
        replica: nodeId(reader.int32()),
        directory: reader.text(),
        fetchOffset: offset(reader.uint48()),
        lastFetchedEpoch: epoch(reader.uint32()),
        highWatermark: offset(reader.uint48()),
        round: reader.uint48(),
      };
    case 'fetchAnswer':
      return readFetchAnswer(head, reader, stored);
    case 'leaderFlushed':
      return { kind, ...head, flushedOffset: offset(reader.uint48()) };
    case 'fetchSnapshot':
      return {
        kind,
        ...head,
        replica: nodeId(reader.int32()),
        snapshot: readSnapshotId(reader),
        position: reader.uint48(),
        maxBytes: reader.uint32(),
      };
    case 'fetchSnapshotAnswer':
      return {
        kind,
        ...head,
        leader: optionalNode(reader),
        problem: problems[reader.uint8()],
        snapshot: readSnapshotId(reader),
        sizeBytes: reader.uint48(),
        position: reader.uint48(),
        bytes: reader.bytes(reader.left),
      };
  }
}

function readFetchAnswer(
  head: { readonly correlationId: number; readonly epoch: ReturnType<typeof epoch> },
  reader: ByteReader,
  stored: Stored[],
): FetchAnswer | undefined {
  const leader = optionalNode(reader);
  const problem = problems[reader.uint8()];
  if (problem === 'snapshotNotFound' || problem === 'positionOutOfRange') return undefined;
  const highWatermark = offset(reader.uint48());
  const round = reader.uint48();
  const has = reader.uint8();
  const diverging = (has & 1) === 0 ? undefined : { epoch: epoch(reader.uint32()), endOffset: offset(reader.uint48()) };
  const snapshot = (has & 2) === 0 ? undefined : readSnapshotId(reader);
  const ahead = (has & 4) !== 0;
  if (reader.failed) return undefined;
  const bytes = reader.bytes(reader.left);
  for (let at = 0; at < bytes.length; ) {
    const decoded = decodeRecord(bytes, at);
    if (decoded.kind !== 'entry') return undefined;
    stored.push(decoded.stored);
    at = decoded.endAt;
  }
  const entries = stored.map(({ entry }) => entry);
  return { kind: 'fetchAnswer', ...head, leader, problem, ahead, highWatermark, round, diverging, snapshot, entries };
}
