/** `create` fails if the file is there, `read` and `update` fail if it is not. */
export type OpenMode = 'create' | 'read' | 'update';

/**
 * The file system as the log and the transaction logs need it: paths are absolute, errors are Node's (`code` is
 * `ENOENT`, `ENOSPC`, ...). Synchronous calls are for small work on the owner's loop; what may wait for the device
 * (`sync`) is asynchronous. A simulator implements it with disks that lose what was not synced.
 */
export interface Disk {
  open(path: string, mode: OpenMode): DiskFile;
  /** The whole file, or undefined if there is none. */
  read(path: string): Buffer | undefined;
  /** Replaces the whole file so that after a crash either the old or the new content is there: temporary file, sync, rename, sync of the folder. */
  replace(path: string, content: Buffer | string): void;
  rename(from: string, to: string): void;
  /** No error if it is not there. */
  remove(path: string): void;
  /** With everything below; no error if it is not there. */
  removeFolder(path: string): void;
  /** With parents; no error if it is there. */
  makeFolder(path: string): void;
  /** Names in the folder, sorted; an empty list if there is none. */
  list(path: string): string[];
  isFolder(path: string): boolean;
  sizeBytes(path: string): number | undefined;
  /** Makes creations, renames and removals in the folder durable. */
  syncFolder(path: string): void;
  /** As `syncFolder`, off the loop. */
  syncFolderAsync(path: string): Promise<void>;
}

export interface DiskFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Fills `into` from `position` and answers how many bytes were there to read. */
  readSync(into: Uint8Array, position: number): number;
  /** As `readSync`, off the loop. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** All bytes or an error; after an error the tail of the file is undefined and must be truncated. */
  writeSync(buffers: readonly Uint8Array[], position: number): void;
  /** As `writeSync`, off the loop. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>;
  truncate(sizeBytes: number): void;
  /** Resolves when everything written before the call is on the device (fdatasync). A failure must not be retried: the pages may be lost. */
  sync(): Promise<void>;
  syncNow(): void;
  close(): void;
}
