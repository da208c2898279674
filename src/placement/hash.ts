import { createHash, type Hash } from 'node:crypto';
import type { DiskMove } from './disks.ts';
import type { Model } from './model.ts';

/**
 * SHA-256 over everything a plan was made from, and over what it says: who approves the hash approves exactly this.
 * Arrays count in the machine's byte order, which is little-endian wherever Node.js runs.
 */
export function hashOfModel(model: Model): string {
  const hash = createHash('sha256');
  hash.update('hikube placement model 1\n');
  for (const names of [model.zoneNames, model.nodeNames, model.poolNames, model.topicNames]) {
    hash.update(`${names.length}\n${names.join('\n')}\n`);
  }
  for (const [, value] of Object.entries(model).sort(([one], [other]) => (one < other ? -1 : 1))) {
    if (ArrayBuffer.isView(value)) add(hash, value);
  }
  if (model.disks !== undefined) {
    hash.update(model.disks.paths.join('\n'));
    for (const part of [model.disks.first, model.disks.capacity, model.disks.leaving, model.disks.diskOf]) {
      add(hash, part);
    }
  }
  return hash.digest('hex');
}

/** Hash of a plan: its input, what was asked, every change in order, and every replica that changes its disk. */
export function hashOfPlan(
  inputHash: string,
  asked: unknown,
  parts: readonly ArrayBufferView[],
  diskMoves: readonly DiskMove[],
): string {
  const hash = createHash('sha256');
  const disks = diskMoves.map(({ row, broker, from, to }) => [row, broker, from, to]);
  hash.update(`hikube placement plan 2\n${inputHash}\n${JSON.stringify(asked)}\n${JSON.stringify(disks)}\n`);
  for (const part of parts) add(hash, part);
  return hash.digest('hex');
}

function add(hash: Hash, part: ArrayBufferView): void {
  hash.update(`${part.byteLength}\n`);
  hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
}
