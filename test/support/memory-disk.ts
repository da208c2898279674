import type { Disk, DiskFile, OpenMode } from '../../src/base/index.ts';

const problem = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code });

/** Smaller buffers may share Node's pool with others. */
const roomFromBytes = 8192;

/**
 * A disk in memory. It can be full, refuse to sync, and be cut off from power: then every file falls back to what was
 * synced, plus as much of the rest as the test says.
 */
export class MemoryDisk implements Disk {
  readonly files = new Map<string, Buffer>();
  private readonly synced = new Map<string, Buffer>();
  private readonly folders = new Set<string>();
  /** Every write throws this code while it is set. */
  writeFailure: string | undefined;
  syncFailure: string | undefined;
  syncCount = 0;
  writeCount = 0;

  open(path: string, mode: OpenMode): DiskFile {
    const exists = this.files.has(path);
    if (mode === 'create' && exists) throw problem('EEXIST', path);
    if (mode !== 'create' && !exists) throw problem('ENOENT', path);
    if (mode === 'create') {
      if (this.writeFailure !== undefined) throw problem(this.writeFailure, path);
      this.files.set(path, Buffer.alloc(0));
    }
    return new MemoryFile(this, path);
  }

  read(path: string): Buffer | undefined {
    const content = this.files.get(path);
    return content === undefined ? undefined : Buffer.from(content);
  }

  replace(path: string, content: Buffer | string): void {
    if (this.writeFailure !== undefined) throw problem(this.writeFailure, path);
    const bytes = Buffer.from(content);
    this.files.set(path, bytes);
    this.synced.set(path, bytes);
  }

  rename(from: string, to: string): void {
    for (const files of [this.files, this.synced]) {
      for (const [path, content] of [...files]) {
        if (path !== from && !path.startsWith(`${from}/`)) continue;
        files.delete(path);
        files.set(to + path.slice(from.length), content);
      }
    }
    if (this.folders.delete(from)) this.folders.add(to);
  }

  remove(path: string): void {
    this.files.delete(path);
    this.synced.delete(path);
  }

  removeFolder(path: string): void {
    for (const each of [...this.files.keys()]) if (each.startsWith(`${path}/`)) this.remove(each);
    this.folders.delete(path);
  }

  makeFolder(path: string): void {
    this.folders.add(path);
  }

  list(path: string): string[] {
    const names = new Set<string>();
    for (const each of [...this.files.keys(), ...this.folders]) {
      if (each.startsWith(`${path}/`)) names.add(each.slice(path.length + 1).split('/')[0] as string);
    }
    return [...names].sort();
  }

  isFolder(path: string): boolean {
    return this.folders.has(path) || [...this.files.keys()].some((each) => each.startsWith(`${path}/`));
  }

  sizeBytes(path: string): number | undefined {
    return this.files.get(path)?.length;
  }

  syncFolder(): void {
    if (this.syncFailure !== undefined) throw problem(this.syncFailure, 'folder');
  }

  async syncFolderAsync(): Promise<void> {
    this.syncFolder();
  }

  sync(path: string): void {
    this.syncCount++;
    if (this.syncFailure !== undefined) throw problem(this.syncFailure, path);
    this.synced.set(path, Buffer.from(this.files.get(path) as Buffer));
  }

  /** @param survives  how many bytes of a file with unsynced content are left, from its synced to its full size */
  cutPower(survives: (path: string, syncedBytes: number, fullBytes: number) => number): void {
    for (const [path, content] of this.files) {
      const synced = this.synced.get(path)?.length ?? 0;
      if (content.length > synced)
        this.files.set(path, Buffer.from(content.subarray(0, survives(path, synced, content.length))));
    }
  }
}

class MemoryFile implements DiskFile {
  readonly path: string;
  private readonly disk: MemoryDisk;

  constructor(disk: MemoryDisk, path: string) {
    this.disk = disk;
    this.path = path;
  }

  private get content(): Buffer {
    return this.disk.files.get(this.path) ?? Buffer.alloc(0);
  }

  get sizeBytes(): number {
    return this.content.length;
  }

  readSync(into: Uint8Array, position: number): number {
    return this.content.copy(into, 0, position, Math.min(this.content.length, position + into.length));
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.readSync(into, position);
  }

  writeSync(buffers: readonly Uint8Array[], position: number): void {
    this.disk.writeCount++;
    if (this.disk.writeFailure !== undefined) throw problem(this.disk.writeFailure, this.path);
    const bytes = Buffer.concat(buffers);
    const old = this.content;
    const length = Math.max(old.length, position + bytes.length);
    // Room to grow behind the content: appending costs only what is appended.
    const hasRoom =
      position === old.length && old.byteOffset + length <= old.buffer.byteLength && old.length >= roomFromBytes;
    const content = hasRoom
      ? Buffer.from(old.buffer, old.byteOffset, length)
      : Buffer.alloc(length * 2).subarray(0, length);
    if (!hasRoom) old.copy(content);
    bytes.copy(content, position);
    this.disk.files.set(this.path, content);
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    await Promise.resolve();
    this.writeSync(buffers, position);
  }

  truncate(sizeBytes: number): void {
    const content = Buffer.alloc(sizeBytes);
    this.content.copy(content);
    this.disk.files.set(this.path, content);
  }

  async sync(): Promise<void> {
    await Promise.resolve();
    this.disk.sync(this.path);
  }

  syncNow(): void {
    this.disk.sync(this.path);
  }

  close(): void {}
}
