import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { failure, type Result, success } from '../../../base/index.ts';
import type { KubeObject } from '../object.ts';

/** One change: an object's new content, or its removal when `object` is absent. */
export type JournalEntry = {
  readonly revision: number;
  readonly bucket: string;
  readonly key: string;
  readonly object?: KubeObject;
};

export type JournalProblem = { readonly kind: 'journal-damaged'; readonly message: string };

const fileName = /^objects-(\d{10})\.journal$/;
const nameOf = (generation: number): string => `objects-${String(generation).padStart(10, '0')}.journal`;

/** A file smaller than this is never compacted. */
const compactionFloorBytes = 8 * 1024 * 1024;
/** A file is rewritten once it is so many times larger than the live objects were at its start. */
const compactionGrowth = 4;

/** A line: CRC-32 of the text in hexadecimal, a space, the text, a newline. */
function line(entry: JournalEntry): string {
  const text = JSON.stringify(entry);
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`;
}

function parse(text: string): JournalEntry | undefined {
  const body = text.slice(9);
  if (text[8] !== ' ' || Number.parseInt(text.slice(0, 8), 16) !== crc32(body)) return undefined;
  return JSON.parse(body) as JournalEntry;
}

/**
 * The append-only file behind the store, and the one writer of it. A batch of entries is written and flushed while
 * the next one gathers (group commit), so a burst of requests costs one flush each instead of one per request.
 *
 * On disk: `objects-<generation>.journal`. Compaction writes the live objects into the next generation's file and
 * switches to it by a rename, so that at any moment exactly one complete file is there.
 */
export class Journal {
  readonly #folder: string;
  #generation: number;
  #file: FileHandle;
  #sizeBytes: number;
  #startBytes: number;
  #pending: { readonly revision: number; readonly text: string }[] = [];
  #running: Promise<void> | undefined;
  #waiters: { readonly revision: number; readonly resolve: () => void; readonly reject: (cause: unknown) => void }[] =
    [];
  #durableRevision: number;
  #broken: Error | undefined;
  readonly #onBroken: (problem: Error) => void;
  readonly #snapshot: () => { revision: number; entries: Iterable<JournalEntry> };
  readonly #onDurable: (revision: number) => void;

  private constructor(
    folder: string,
    opened: { generation: number; file: FileHandle; sizeBytes: number; revision: number },
    snapshot: () => { revision: number; entries: Iterable<JournalEntry> },
    onDurable: (revision: number) => void,
    onBroken: (problem: Error) => void,
  ) {
    this.#onBroken = onBroken;
    this.#folder = folder;
    this.#generation = opened.generation;
    this.#file = opened.file;
    this.#sizeBytes = opened.sizeBytes;
    this.#startBytes = opened.sizeBytes;
    this.#durableRevision = opened.revision;
    this.#snapshot = snapshot;
    this.#onDurable = onDurable;
  }

  /**
   * Reads what is there into `replay`, cuts off a last line that a crash left unfinished, and opens for appending.
   *
   * @param snapshot   all live objects and the newest revision, for compaction
   * @param onDurable  called when everything up to a revision is on the device, in order
   * @param onBroken   called once, when a write has failed and nothing more can be stored
   */
  static async open(
    folder: string,
    replay: (entry: JournalEntry) => void,
    snapshot: () => { revision: number; entries: Iterable<JournalEntry> },
    onDurable: (revision: number) => void,
    onBroken: (problem: Error) => void,
  ): Promise<Result<Journal, JournalProblem>> {
    for (const name of readdirSync(folder)) if (name.endsWith('.journal.new')) rmSync(join(folder, name));
    const generations = readdirSync(folder)
      .flatMap((name) => fileName.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
    const generation = generations.at(-1) ?? 1;
    for (const old of generations.slice(0, -1)) rmSync(join(folder, nameOf(old)));
    const path = join(folder, nameOf(generation));
    let sizeBytes = 0;
    let revision = 0;
    if (generations.length > 0) {
      const content = readFileSync(path);
      let lineNumber = 0;
      while (sizeBytes < content.length) {
        const end = content.indexOf(10, sizeBytes);
        const entry = end === -1 ? undefined : parse(content.toString('utf8', sizeBytes, end));
        lineNumber += 1;
        if (entry === undefined) {
          // Only the last line may be torn: whatever is written after a flush starts on a whole line.
          if (end !== -1 && end + 1 < content.length) {
            return failure({
              kind: 'journal-damaged',
              message: `${path}: line ${lineNumber} does not match its checksum, and it is not the last one. Restore the file from a copy, or start with an empty data folder.`,
            });
          }
          truncateSync(path, sizeBytes);
          break;
        }
        replay(entry);
        revision = entry.revision;
        sizeBytes = end + 1;
      }
    }
    const file = await open(path, 'a');
    syncFolder(folder);
    return success(new Journal(folder, { generation, file, sizeBytes, revision }, snapshot, onDurable, onBroken));
  }

  get durableRevision(): number {
    return this.#durableRevision;
  }

  /** The failure after which nothing is written any more. */
  get broken(): Error | undefined {
    return this.#broken;
  }

  /** Queues an entry; it is durable when `durable(entry.revision)` resolves. Throws once a write has failed. */
  append(entry: JournalEntry): void {
    if (this.#broken !== undefined) throw this.#broken;
    this.#pending.push({ revision: entry.revision, text: line(entry) });
    this.#running ??= this.#run();
  }

  /** Resolves when everything up to `revision` is on the device; rejects when a write failed: then the server must end. */
  durable(revision: number): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (revision <= this.#durableRevision) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ revision, resolve, reject }));
  }

  async close(): Promise<void> {
    await this.#running;
    await this.#file.close();
  }

  async #run(): Promise<void> {
    try {
      // One turn of the loop, so that the writes of requests that arrived together share a flush.
      await new Promise(setImmediate);
      while (this.#pending.length > 0) {
        const batch = this.#pending;
        this.#pending = [];
        let revision = (batch.at(-1) as { revision: number }).revision;
        if (this.#sizeBytes > Math.max(compactionFloorBytes, this.#startBytes * compactionGrowth)) {
          revision = await this.#compact();
          this.#pending = this.#pending.filter((entry) => entry.revision > revision);
        } else {
          const bytes = Buffer.from(batch.map((entry) => entry.text).join(''));
          await this.#file.appendFile(bytes);
          await this.#file.datasync();
          this.#sizeBytes += bytes.length;
        }
        this.#durableRevision = revision;
        this.#onDurable(revision);
        const waiting = this.#waiters;
        this.#waiters = waiting.filter((waiter) => waiter.revision > revision);
        for (const waiter of waiting) if (waiter.revision <= revision) waiter.resolve();
      }
    } catch (cause) {
      // After a failed flush the pages may be lost: nothing more is acknowledged.
      const { message } = cause as Error;
      const broken = new Error(
        `the data folder ${this.#folder} could not be written (${message}); make room for it, then start again`,
        { cause },
      );
      this.#broken = broken;
      for (const waiter of this.#waiters) waiter.reject(broken);
      this.#waiters = [];
      this.#onBroken(broken);
    } finally {
      this.#running = undefined;
    }
  }

  /** Writes the live objects as the next generation; what it covers includes every entry queued before. */
  async #compact(): Promise<number> {
    const { revision, entries } = this.#snapshot();
    const path = join(this.#folder, nameOf(this.#generation + 1));
    const descriptor = openSync(`${path}.new`, 'w');
    let sizeBytes = 0;
    let text = '';
    const write = (): void => {
      const bytes = Buffer.from(text);
      writeSync(descriptor, bytes);
      sizeBytes += bytes.length;
      text = '';
    };
    for (const entry of entries) {
      text += line(entry);
      if (text.length > 1 << 20) write();
    }
    // The removal of nothing carries the revision, so that it never goes back even if newer objects are gone.
    text += line({ revision, bucket: '', key: '' });
    write();
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(`${path}.new`, path);
    syncFolder(this.#folder);
    await this.#file.close();
    rmSync(join(this.#folder, nameOf(this.#generation)));
    this.#generation += 1;
    this.#file = await open(path, 'a');
    this.#sizeBytes = sizeBytes;
    this.#startBytes = sizeBytes;
    return revision;
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
