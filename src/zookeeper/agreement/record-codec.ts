/**
 * One entry's bytes, the same on disk and on the wire:
 *
 *   u32 length (of all after the checksum) | u32 CRC-32 (of all after it) | u8 kind | u48 offset | u32 epoch | payload
 *
 * Kinds: 0 data, 1 leader change, 2 voters, and on disk only 255, a mark: it opens each write, is no entry, and its
 * offset says below which offset everything was synced before this write. So recovery can tell a tail that was being
 * written from damage to what had been promised.
 */
import { crc32 } from 'node:zlib';
import { epoch, offset } from '../../base/index.ts';
import { type Entry, type EntryBody, nodeId, type Voter } from '../../quorum/index.ts';
import { ByteReader, ByteWriter } from './byte-stream.ts';

export const recordHeaderBytes = 19;
const bodyHeaderBytes = recordHeaderBytes - 8;
/** Nothing longer is ever written; a length above it is damage. */
export const recordBytesMax = 64 * 1024 * 1024;

/** An entry with its bytes, which are written, sent and kept as they are. */
export type Stored = { readonly entry: Entry; readonly bytes: Buffer };

const kinds = { data: 0, leaderChange: 1, voters: 2, mark: 255 } as const;

export function writeVoters(writer: ByteWriter, voters: readonly Voter[]): void {
  writer.uint8(voters.length);
  for (const voter of voters) {
    writer.int32(voter.id);
    writer.text(voter.directory);
    writer.text(voter.endpoint);
  }
}

export function readVoters(reader: ByteReader): Voter[] {
  const voters: Voter[] = [];
  for (let left = reader.uint8(); left > 0 && !reader.failed; left--) {
    voters.push({ id: nodeId(reader.int32()), directory: reader.text(), endpoint: reader.text() ?? '' });
  }
  return voters;
}

function payloadOf(body: EntryBody): Uint8Array {
  if (body.kind === 'data') return body.value;
  const writer = new ByteWriter();
  if (body.kind === 'voters') writeVoters(writer, body.voters);
  else {
    writer.int32(body.leader);
    writer.uint8(body.grantedBy.length);
    for (const id of body.grantedBy) writer.int32(id);
  }
  return writer.finish();
}

function encode(kind: number, at: number, inEpoch: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(recordHeaderBytes + payload.length);
  bytes.writeUInt32BE(bodyHeaderBytes + payload.length, 0);
  bytes.writeUInt8(kind, 8);
  bytes.writeUIntBE(at, 9, 6);
  bytes.writeUInt32BE(inEpoch, 15);
  bytes.set(payload, recordHeaderBytes);
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

export const encodeEntry = (entry: Entry): Buffer =>
  encode(kinds[entry.body.kind], entry.offset, entry.epoch, payloadOf(entry.body));

export const encodeMark = (syncedBelow: number): Buffer => encode(kinds.mark, syncedBelow, 0, new Uint8Array(0));

export type Decoded =
  | { readonly kind: 'entry'; readonly stored: Stored; readonly endAt: number }
  | { readonly kind: 'mark'; readonly syncedBelow: number; readonly endAt: number }
  /** The bytes end before the record does. */
  | { readonly kind: 'short' }
  | { readonly kind: 'damaged' };

function bodyOf(kind: number, payload: Buffer): EntryBody | undefined {
  if (kind === kinds.data) return { kind: 'data', value: payload };
  const reader = new ByteReader(payload);
  if (kind === kinds.voters) {
    const voters = readVoters(reader);
    return reader.failed ? undefined : { kind: 'voters', voters };
  }
  if (kind !== kinds.leaderChange) return undefined;
  const leader = nodeId(reader.int32());
  const grantedBy = [];
  for (let left = reader.uint8(); left > 0 && !reader.failed; left--) grantedBy.push(nodeId(reader.int32()));
  return reader.failed ? undefined : { kind: 'leaderChange', leader, grantedBy };
}

/** The record that begins at `at`. Its bytes stay where they are: the entry is a view of them. */
export function decodeRecord(bytes: Buffer, at: number): Decoded {
  if (at + recordHeaderBytes > bytes.length) return { kind: 'short' };
  const length = bytes.readUInt32BE(at);
  if (length < bodyHeaderBytes || length > recordBytesMax) return { kind: 'damaged' };
  const endAt = at + 8 + length;
  if (endAt > bytes.length) return { kind: 'short' };
  if (crc32(bytes.subarray(at + 8, endAt)) !== bytes.readUInt32BE(at + 4)) return { kind: 'damaged' };
  const kind = bytes.readUInt8(at + 8);
  const number = bytes.readUIntBE(at + 9, 6);
  if (kind === kinds.mark) return { kind: 'mark', syncedBelow: number, endAt };
  const body = bodyOf(kind, bytes.subarray(at + recordHeaderBytes, endAt));
  if (body === undefined) return { kind: 'damaged' };
  const entry = { offset: offset(number), count: 1, epoch: epoch(bytes.readUInt32BE(at + 15)), body };
  return { kind: 'entry', stored: { entry, bytes: bytes.subarray(at, endAt) }, endAt };
}
