import type { Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type { Zxid } from '../../protocol/zookeeper/index.ts';
import type { LoggedTxn } from '../tree/txn.ts';
import { readTxn } from '../tree/txn.ts';
import { adler32 } from './adler32.ts';

/** 'ZKLG' */
export const LOG_MAGIC = 0x5a4b4c47;
export const LOG_VERSION = 2;
export const LOG_HEADER_BYTES = 16;
/** Checksum and length before a record, 'B' after it. */
export const RECORD_HEAD_BYTES = 12;
export const RECORD_END = 0x42;

const SECTOR_BYTES = 512;
const PIECE_BYTES = 1 << 20;
const ZEROS = Buffer.alloc(64 << 10);

/** What is read of a file: `DiskFile` has it. */
export type LogSource = {
  readonly path: string;
  readonly sizeBytes: number;
  readSync(into: Uint8Array, position: number): number;
};

export type LogEnd = {
  /** Where the next record belongs. */
  readonly endBytes: number;
  /** Something is behind the end that is not just padding: the rest of a write that a crash cut off. */
  readonly torn: boolean;
};

/**
 * Reads a transaction log, a piece at a time: it may be longer than the memory.
 *
 * A crash leaves a last write that is not whole: some of its sectors are still zero or the file ends within it. That is
 * no loss, for what was not whole was not answered. Anything else that does not fit its checksum is damage, and a
 * problem: to go on without it would be to forget what was answered.
 *
 * @param from  records up to this one are read, but not handed on
 * @param take  gets every other whole record, in order, and may keep nothing of its buffers; a sentence ends the reading
 * @returns     a sentence that says what is damaged, where
 *
 * Source: FileTxnLog.
 */
export function readLog(
  file: LogSource,
  from: Zxid,
  take: (logged: LoggedTxn) => string | undefined,
): Result<LogEnd, string> {
  const pieces = new Pieces(file);
  const { path: name, sizeBytes } = file;
  if (isZero(pieces, 0, Math.min(sizeBytes, LOG_HEADER_BYTES))) {
    return success({ endBytes: 0, torn: !isZero(pieces, 0, sizeBytes) });
  }
  if (sizeBytes < LOG_HEADER_BYTES) return success({ endBytes: 0, torn: true });
  const header = pieces.at(0, LOG_HEADER_BYTES);
  if (header.readInt32BE(0) !== LOG_MAGIC) {
    return failure(`${name} is not a transaction log: it does not begin with ZKLG`);
  }
  if (header.readInt32BE(4) !== LOG_VERSION) {
    return failure(`${name} has version ${header.readInt32BE(4)} of the format; only ${LOG_VERSION} is known`);
  }
  let at = LOG_HEADER_BYTES;
  let lastZxid = -1;
  while (sizeBytes - at >= RECORD_HEAD_BYTES) {
    const length = pieces.at(at, RECORD_HEAD_BYTES).readInt32BE(8);
    const end = at + RECORD_HEAD_BYTES + length + 1;
    if (length <= 0 || end > sizeBytes) break;
    const record = pieces.at(at, end - at);
    const body = record.subarray(RECORD_HEAD_BYTES, -1);
    const whole = record.readUInt32BE(0) === 0 && record[record.length - 1] === RECORD_END;
    if (!whole || record.readUInt32BE(4) !== adler32(body)) break;
    const logged = readTxn(body);
    if (!logged.ok) return failure(`${name}, byte ${at}: a transaction cannot be read: ${logged.problem.sentence}`);
    const { zxid } = logged.value.header;
    if (zxid <= lastZxid) return failure(`${name}, byte ${at}: transaction 0x${zxid.toString(16)} is out of order`);
    const problem = zxid > from ? take(logged.value) : undefined;
    if (problem !== undefined) return failure(problem);
    lastZxid = zxid;
    at = end;
  }
  if (isZero(pieces, at, sizeBytes)) return success({ endBytes: at, torn: false });
  if (isTorn(pieces, sizeBytes, at)) return success({ endBytes: at, torn: true });
  return failure(
    `${name}, byte ${at}: a transaction after 0x${Math.max(0, lastZxid).toString(16)} does not fit its checksum. ` +
      'The file is damaged. Take the data of a healthy server or a backup; if the rest of this file may be given up, ' +
      `cut it to ${at} bytes`,
  );
}

/** A file by position, of which a piece lies in memory. */
class Pieces {
  #file: LogSource;
  #room = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #from = 0;
  #count = 0;

  constructor(file: LogSource) {
    this.#file = file;
  }

  /** So many bytes, which the file must have; good until the next call. */
  at(position: number, count: number): Buffer {
    if (position < this.#from || position + count > this.#from + this.#count) this.#fill(position, count);
    return this.#room.subarray(position - this.#from, position - this.#from + count);
  }

  #fill(position: number, count: number): void {
    // A record longer than a piece gets room of its own, for as long as it is looked at.
    if (count > this.#room.length || this.#room.length > PIECE_BYTES) {
      this.#room = Buffer.allocUnsafeSlow(Math.max(count, PIECE_BYTES));
    }
    this.#from = position;
    this.#count = 0;
    while (this.#count < this.#room.length) {
      const read = this.#file.readSync(this.#room.subarray(this.#count), position + this.#count);
      if (read === 0) break;
      this.#count += read;
    }
    if (this.#count < count) throw new Error(`${this.#file.path} became shorter while it was read`);
  }
}

/** Whether the record at `at` looks like a write that a crash cut off. */
function isTorn(pieces: Pieces, sizeBytes: number, at: number): boolean {
  if (sizeBytes - at < RECORD_HEAD_BYTES) return true;
  const length = pieces.at(at, RECORD_HEAD_BYTES).readInt32BE(8);
  if (isZero(pieces, at, at + RECORD_HEAD_BYTES)) return true;
  const claimedEnd = at + RECORD_HEAD_BYTES + length + 1;
  if (length > 0 && claimedEnd > sizeBytes) return true;
  // The write did not come to the record's last byte; a damaged one would hardly be zero.
  if (length > 0 && isZero(pieces, claimedEnd - 1, claimedEnd)) return true;
  const end = length > 0 ? claimedEnd : at + RECORD_HEAD_BYTES;
  for (let sector = Math.floor(at / SECTOR_BYTES) * SECTOR_BYTES; sector < end; sector += SECTOR_BYTES) {
    if (isZero(pieces, Math.max(at, sector), Math.min(end, sector + SECTOR_BYTES))) return true;
  }
  return false;
}

function isZero(pieces: Pieces, from: number, to: number): boolean {
  for (let at = from; at < to; at += ZEROS.length) {
    const count = Math.min(ZEROS.length, to - at);
    if (!pieces.at(at, count).equals(ZEROS.subarray(0, count))) return false;
  }
  return true;
}
