import { failure, type Result, success } from '../base/index.ts';

/** A partition's offset as the checkpoint files in the root of a log folder hold it. */
export type CheckpointEntry = { readonly topic: string; readonly partition: number; readonly offset: number };

/** `0\n<count>\n<topic> <partition> <offset>\n...`. Source: OffsetCheckpointFile.java. */
export const formatCheckpoint = (entries: readonly CheckpointEntry[]): string =>
  `0\n${entries.length}\n${entries.map((each) => `${each.topic} ${each.partition} ${each.offset}\n`).join('')}`;

export function parseCheckpoint(text: string): Result<readonly CheckpointEntry[], string> {
  const lines = text.split('\n');
  if (lines[0] !== '0') return failure(`version ${JSON.stringify(lines[0] ?? '')} instead of 0 in line 1`);
  const count = Number(lines[1]);
  if (!Number.isInteger(count) || count < 0 || count > lines.length) return failure('line 2 is not the count of lines');
  const entries: CheckpointEntry[] = [];
  for (let index = 0; index < count; index++) {
    const match = /^(\S+) (\d+) (\d+)$/.exec(lines[2 + index] ?? '');
    if (match === null) return failure(`line ${3 + index} is not "topic partition offset"`);
    entries.push({ topic: match[1] as string, partition: Number(match[2]), offset: Number(match[3]) });
  }
  return success(entries);
}
