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

export type LogContent = {
  /** Every whole record of a file, in order. */
  readonly txns: readonly LoggedTxn[];
  /** Where the next record belongs. */
  readonly endBytes: number;
  /** Something is behind the end that is not just padding: the rest of a write that a crash cut off. */
  readonly torn: boolean;
};

/**
 * Reads a transaction log.
 *
 * A crash leaves a last write that is not whole: some of its sectors are still zero or the file ends within it. That is
 * no loss, for what was not whole was not answered. Anything else that does not fit its checksum is damage, and a
 * problem: to go on without it would be to forget what was answered.
 *
 * @returns  a sentence that says what is damaged, where
 *
 * Source: FileTxnLog.
 */
export function readLog(bytes: Buffer, name: string, from: Zxid | undefined): Result<LogContent, string> {
  if (bytes.length === 0 || isZero(bytes, 0, Math.min(bytes.length, LOG_HEADER_BYTES))) {
    return success({ txns: [], endBytes: 0, torn: bytes.length > 0 && !isZero(bytes, 0, bytes.length) });
  }
  if (bytes.length < LOG_HEADER_BYTES) return success({ txns: [], endBytes: 0, torn: true });
  if (bytes.readInt32BE(0) !== LOG_MAGIC)
    return failure(`${name} is not a transaction log: it does not begin with ZKLG`);
  if (bytes.readInt32BE(4) !== LOG_VERSION) {
    return failure(`${name} has version ${bytes.readInt32BE(4)} of the format; only ${LOG_VERSION} is known`);
  }
  const txns: LoggedTxn[] = [];
  let at = LOG_HEADER_BYTES;
  let lastZxid = -1;
  for (;;) {
    if (bytes.length - at < RECORD_HEAD_BYTES) break;
    const length = bytes.readInt32BE(at + 8);
    const end = at + RECORD_HEAD_BYTES + length + 1;
    if (length <= 0 || end > bytes.length) break;
    const body = bytes.subarray(at + RECORD_HEAD_BYTES, end - 1);
    if (bytes.readUInt32BE(at) !== 0 || bytes.readUInt32BE(at + 4) !== adler32(body) || bytes[end - 1] !== RECORD_END)
      break;
    const logged = readTxn(body);
    if (!logged.ok) return failure(`${name}, byte ${at}: a transaction cannot be read: ${logged.problem.sentence}`);
    if (from === undefined || logged.value.header.zxid > from) txns.push(logged.value);
    if (logged.value.header.zxid <= lastZxid) {
      return failure(`${name}, byte ${at}: transaction 0x${logged.value.header.zxid.toString(16)} is out of order`);
    }
    lastZxid = logged.value.header.zxid;
    at = end;
  }
  const rest = bytes.subarray(at);
  if (isZero(rest, 0, rest.length)) return success({ txns, endBytes: at, torn: false });
  if (isTorn(bytes, at)) return success({ txns, endBytes: at, torn: true });
  return failure(
    `${name}, byte ${at}: a transaction after 0x${Math.max(0, lastZxid).toString(16)} does not fit its checksum. ` +
      'The file is damaged. Take the data of a healthy server or a backup; if the rest of this file may be given up, ' +
      `cut it to ${at} bytes`,
  );
}

/** Whether the record at `at` looks like a write that a crash cut off. */
function isTorn(bytes: Buffer, at: number): boolean {
  if (bytes.length - at < RECORD_HEAD_BYTES) return true;
  const length = bytes.readInt32BE(at + 8);
  if (isZero(bytes, at, at + RECORD_HEAD_BYTES)) return true;
  const claimedEnd = at + RECORD_HEAD_BYTES + length + 1;
  if (length > 0 && claimedEnd > bytes.length) return true;
  // The write did not come to the record's last byte; a damaged one would hardly be zero.
  if (length > 0 && bytes[claimedEnd - 1] === 0) return true;
  const end = length > 0 ? claimedEnd : at + RECORD_HEAD_BYTES;
  for (let sector = Math.floor(at / SECTOR_BYTES) * SECTOR_BYTES; sector < end; sector += SECTOR_BYTES) {
    if (isZero(bytes, Math.max(at, sector), Math.min(end, sector + SECTOR_BYTES))) return true;
  }
  return false;
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  for (let index = from; index < to; index++) if (bytes[index] !== 0) return false;
  return true;
}
