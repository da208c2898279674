import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Disk, epoch, type Random } from '../../base/index.ts';
import { nodeId, type Vote } from '../../quorum/index.ts';

type VoteFile = {
  readonly clusterId: string;
  readonly nodeId: number;
  readonly directory: string;
  readonly epoch: number;
  /** -1: none. */
  readonly votedFor: number;
};

/** A name for a volume that has none. */
export const freshDirectory = (random: Random): string =>
  Array.from({ length: 4 }, () => random.nextUint32().toString(16).padStart(8, '0')).join('');

const pathIn = (folder: string): string => join(folder, 'vote.json');

/** Whether a folder is a member's: nothing is agreed on before a vote was written. */
export const hasVote = (disk: Disk, folder: string): boolean => disk.sizeBytes(pathIn(folder)) !== undefined;

/**
 * `vote.json`: who this member is, the volume's name, and the vote. One line of JSON and its CRC-32 in hex. Every write
 * replaces the whole file durably.
 */
export class VoteStore {
  readonly directory: string;
  readonly #disk: Disk;
  readonly #path: string;
  readonly #identity: { readonly clusterId: string; readonly nodeId: number };
  #vote: Vote | undefined;

  /**
   * @param freshDirectory  the volume's name, if it has none yet
   * @throws if the file is damaged, or belongs to another member or cluster
   */
  constructor(
    disk: Disk,
    folder: string,
    identity: { readonly clusterId: string; readonly nodeId: number },
    freshDirectory: string,
  ) {
    this.#disk = disk;
    this.#path = pathIn(folder);
    this.#identity = identity;
    const content = disk.read(this.#path);
    if (content === undefined) {
      this.directory = freshDirectory;
      return;
    }
    const file = this.#parse(content.toString());
    this.directory = file.directory;
    this.#vote = { epoch: epoch(file.epoch), votedFor: file.votedFor < 0 ? undefined : nodeId(file.votedFor) };
  }

  /** Undefined on the first start. */
  get vote(): Vote | undefined {
    return this.#vote;
  }

  #parse(text: string): VoteFile {
    const [line = '', sum = ''] = text.split('\n');
    if (crc32(line).toString(16) !== sum) {
      throw new Error(
        `${this.#path} is damaged: its checksum does not fit. Restore the volume, or remove this member from the ensemble and add it again with an empty volume.`,
      );
    }
    const file = JSON.parse(line) as VoteFile;
    for (const key of ['clusterId', 'nodeId'] as const) {
      if (file[key] !== this.#identity[key]) {
        throw new Error(
          `${this.#path} belongs to ${key} ${file[key]}, but this member was started with ${key} ${this.#identity[key]}. Give it its own volume.`,
        );
      }
    }
    return file;
  }

  /** Durable when it returns. */
  write(vote: Vote): void {
    const file: VoteFile = {
      ...this.#identity,
      directory: this.directory,
      epoch: vote.epoch,
      votedFor: vote.votedFor ?? -1,
    };
    const line = JSON.stringify(file);
    this.#disk.replace(this.#path, `${line}\n${crc32(line).toString(16)}\n`);
    this.#vote = vote;
  }
}
