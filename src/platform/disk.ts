import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  read,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writev,
  writevSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Disk, DiskFile, OpenMode } from '../base/index.ts';

const openFlags: Record<OpenMode, number> = {
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  read: constants.O_RDONLY,
  update: constants.O_RDWR,
};

/** Linux takes at most 1024 buffers (IOV_MAX) in one writev. */
const writeBuffersMax = 1024;

const hasCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code;

/** What is left of `buffers` after their first `skip` bytes. */
function withoutFirst(buffers: readonly Uint8Array[], skip: number): Uint8Array[] {
  let left = skip;
  const rest: Uint8Array[] = [];
  for (const buffer of buffers) {
    if (left >= buffer.length) {
      left -= buffer.length;
    } else {
      rest.push(left === 0 ? buffer : buffer.subarray(left));
      left = 0;
    }
  }
  return rest;
}

class NodeFile implements DiskFile {
  readonly path: string;
  readonly #descriptor: number;
  #sizeBytes: number;

  constructor(path: string, mode: OpenMode) {
    this.path = path;
    this.#descriptor = openSync(path, openFlags[mode], 0o644);
    this.#sizeBytes = fstatSync(this.#descriptor).size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  readSync(into: Uint8Array, position: number): number {
    let done = 0;
    while (done < into.length) {
      const count = readSync(this.#descriptor, into, done, into.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const count = await new Promise<number>((resolve, reject) => {
        read(this.#descriptor, into, done, into.length - done, position + done, (error, bytesRead) =>
          error ? reject(error) : resolve(bytesRead),
        );
      });
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  writeSync(buffers: readonly Uint8Array[], position: number): void {
    let at = position;
    let left = withoutFirst(buffers, 0);
    while (left.length > 0) {
      const count = writevSync(this.#descriptor, left.slice(0, writeBuffersMax), at);
      at += count;
      left = withoutFirst(left, count);
    }
    this.#sizeBytes = Math.max(this.#sizeBytes, at);
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    let at = position;
    let left = withoutFirst(buffers, 0);
    while (left.length > 0) {
      const some = left.slice(0, writeBuffersMax);
      const count = await new Promise<number>((resolve, reject) => {
        writev(this.#descriptor, some, at, (error, written) => (error ? reject(error) : resolve(written)));
      });
      at += count;
      left = withoutFirst(left, count);
    }
    this.#sizeBytes = Math.max(this.#sizeBytes, at);
  }

  truncate(sizeBytes: number): void {
    ftruncateSync(this.#descriptor, sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#descriptor, (error) => (error ? reject(error) : resolve()));
    });
  }

  syncNow(): void {
    fdatasyncSync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** The machine's file system through Node. */
export const nodeDisk: Disk = {
  open: (path, mode) => new NodeFile(path, mode),
  read(path) {
    try {
      return readFileSync(path);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  },
  replace(path, content) {
    const temporary = `${path}.tmp`;
    const descriptor = openSync(temporary, 'w', 0o644);
    try {
      writeFileSync(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
    nodeDisk.syncFolder(dirname(path));
  },
  rename: (from, to) => renameSync(from, to),
  remove(path) {
    try {
      unlinkSync(path);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  },
  removeFolder: (path) => rmSync(path, { recursive: true, force: true }),
  makeFolder: (path) => void mkdirSync(path, { recursive: true }),
  list(path) {
    try {
      return readdirSync(path).sort();
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  },
  isFolder: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  sizeBytes: (path) => statSync(path, { throwIfNoEntry: false })?.size,
  async syncFolderAsync(path) {
    const descriptor = openSync(path, constants.O_RDONLY);
    try {
      await new Promise<void>((resolve, reject) => {
        fsync(descriptor, (error) => (error ? reject(error) : resolve()));
      });
    } finally {
      closeSync(descriptor);
    }
  },
  syncFolder(path) {
    const descriptor = openSync(path, constants.O_RDONLY);
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  },
};
