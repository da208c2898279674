import type { Clock, Disk, DiskFile } from '../../base/index.ts';
import type { Zxid } from '../../protocol/zookeeper/index.ts';
import { JuteWriter } from '../../protocol/zookeeper/index.ts';
import type { LoggedTxn } from '../tree/txn.ts';
import { writeTxn } from '../tree/txn.ts';
import { adler32 } from './adler32.ts';
import { logName } from './file-names.ts';
import { LOG_HEADER_BYTES, LOG_MAGIC, LOG_VERSION, RECORD_END, RECORD_HEAD_BYTES } from './log-reader.ts';

export type LogWriterOptions = {
  readonly folder: string;
  /** Zeros are written this far ahead, so that a sync has no new length or blocks to note. */
  readonly padBytes: number;
  /** A file that has become so large is followed by another. */
  readonly bytesMax: number | undefined;
  /** `forceSync=no` leaves syncing to the system. */
  readonly sync: boolean;
};

/** A write and sync may take at most this much; what comes meanwhile is the next. */
const BATCH_BYTES_MAX = 4 << 20;

/**
 * Appends transactions with group commit: while one batch is being written and synced, the next gathers. The order of
 * `durable` calls is the order of the appends. After a failed write or sync nothing more is written: what is on the
 * device is unknown then, and the process has to start again from it.
 */
export class LogWriter {
  #disk: Disk;
  #clock: Clock;
  #options: LogWriterOptions;
  #file: DiskFile | undefined;
  #position = 0;
  #paddedTo = 0;
  #encoded = new JuteWriter(64 * 1024);
  #gathering: LoggedTxn[] = [];
  #flying = false;
  #failed = false;
  #rollBeforeNext = false;
  #durable: (txns: readonly LoggedTxn[]) => void;
  #onFailure: (error: Error) => void;
  #onSync: (durationMs: number) => void;
  #idle: (() => void)[] = [];

  constructor(
    options: LogWriterOptions,
    deps: { readonly disk: Disk; readonly clock: Clock },
    handlers: {
      /** These are on the device now, in order. */
      durable(txns: readonly LoggedTxn[]): void;
      failed(error: Error): void;
      synced(durationMs: number): void;
    },
  ) {
    this.#options = options;
    this.#disk = deps.disk;
    this.#clock = deps.clock;
    this.#durable = handlers.durable;
    this.#onFailure = handlers.failed;
    this.#onSync = handlers.synced;
  }

  get waitingCount(): number {
    return this.#gathering.length;
  }

  append(txn: LoggedTxn): void {
    if (this.#failed) return;
    this.#gathering.push(txn);
    if (!this.#flying) {
      this.#flying = true;
      // Everything of this turn of the loop goes into the first batch.
      setImmediate(() => void this.#fly());
    }
  }

  /** The next transaction begins a new file. */
  roll(): void {
    this.#rollBeforeNext = true;
  }

  /** Resolves when everything appended before is durable. */
  flushed(): Promise<void> {
    if (!this.#flying) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  async #fly(): Promise<void> {
    try {
      while (this.#gathering.length > 0) {
        const batch = this.#takeBatch();
        const file = await this.#fileFor(batch[0]!.header.zxid);
        for (const txn of batch) this.#encode(txn);
        const bytes = this.#encoded.take();
        const startedMs = this.#clock.monotonicMs();
        this.#pad(file, bytes.length);
        file.writeSync([bytes], this.#position);
        this.#position += bytes.length;
        if (this.#options.sync) await file.sync();
        this.#onSync(this.#clock.monotonicMs() - startedMs);
        this.#durable(batch);
      }
    } catch (error) {
      this.#failed = true;
      this.#onFailure(error as Error);
      return;
    }
    this.#flying = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #takeBatch(): LoggedTxn[] {
    let bytes = 0;
    let count = 0;
    for (const { txn } of this.#gathering) {
      bytes += 'data' in txn && txn.data !== undefined ? txn.data.length + 128 : 128;
      count++;
      if (bytes > BATCH_BYTES_MAX) break;
    }
    if (count === this.#gathering.length) {
      const all = this.#gathering;
      this.#gathering = [];
      return all;
    }
    return this.#gathering.splice(0, count);
  }

  async #fileFor(first: Zxid): Promise<DiskFile> {
    const { folder, bytesMax } = this.#options;
    const full = bytesMax !== undefined && this.#position >= bytesMax;
    if (this.#file !== undefined && !this.#rollBeforeNext && !full) return this.#file;
    this.#rollBeforeNext = false;
    this.close();
    const file = this.#disk.open(`${folder}/${logName(first)}`, 'create');
    const header = Buffer.alloc(LOG_HEADER_BYTES);
    header.writeInt32BE(LOG_MAGIC, 0);
    header.writeInt32BE(LOG_VERSION, 4);
    file.writeSync([header], 0);
    this.#position = LOG_HEADER_BYTES;
    this.#paddedTo = LOG_HEADER_BYTES;
    this.#pad(file, 0);
    await file.sync();
    await this.#disk.syncFolderAsync(folder);
    this.#file = file;
    return file;
  }

  #pad(file: DiskFile, comingBytes: number): void {
    const { padBytes } = this.#options;
    if (padBytes === 0 || this.#position + comingBytes + PAD_MARGIN_BYTES < this.#paddedTo) return;
    const from = Math.max(this.#paddedTo, this.#position + comingBytes);
    const zeros = Buffer.alloc(padBytes);
    file.writeSync([zeros], from);
    this.#paddedTo = from + padBytes;
  }

  #encode(logged: LoggedTxn): void {
    const writer = this.#encoded;
    const start = writer.length;
    writer.int(0);
    writer.int(0);
    const body = writer.beginFrame();
    writeTxn(writer, logged.header, logged.txn);
    writer.endFrame(body);
    const view = writer.view();
    view.writeUInt32BE(adler32(view.subarray(start + RECORD_HEAD_BYTES)), start + 4);
    writer.raw(end);
  }
}

const end = Buffer.from([RECORD_END]);
const PAD_MARGIN_BYTES = 4_096;
