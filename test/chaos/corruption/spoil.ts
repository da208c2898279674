import type { Random } from '../../../src/base/index.ts';
import type { MemoryDisk } from '../../support/memory-disk.ts';

const sectorBytes = 512;

type Spoil = (bytes: Buffer, random: Random) => Buffer;

/** What happens to bytes at rest. */
const spoils: Readonly<Record<string, Spoil>> = {
  'a bit flips'(bytes, random) {
    const copy = Buffer.from(bytes);
    const at = random.below(copy.length);
    copy[at] = (copy[at] as number) ^ (1 << random.below(8));
    return copy;
  },
  'some bytes change'(bytes, random) {
    const copy = Buffer.from(bytes);
    const at = random.below(copy.length);
    for (let next = at; next < Math.min(copy.length, at + 1 + random.below(12)); next++) copy[next] = random.below(256);
    return copy;
  },
  'it is cut short': (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  'a sector is lost'(bytes, random) {
    const copy = Buffer.from(bytes);
    const at = Math.floor(random.below(copy.length) / sectorBytes) * sectorBytes;
    copy.fill(0, at, Math.min(copy.length, at + sectorBytes));
    return copy;
  },
  'a sector is another one of the same file'(bytes, random) {
    const copy = Buffer.from(bytes);
    const sectors = Math.ceil(copy.length / sectorBytes);
    const [from, to] = [random.below(sectors) * sectorBytes, random.below(sectors) * sectorBytes];
    bytes.copy(copy, to, from, Math.min(from + sectorBytes, bytes.length));
    return copy;
  },
  'bytes are pushed in'(bytes, random) {
    const at = random.below(bytes.length + 1);
    const noise = Buffer.from(Array.from({ length: 1 + random.below(40) }, () => random.below(256)));
    return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
  },
  'bytes fall out'(bytes, random) {
    const at = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(40))]);
  },
};

export const spoilNames = [...Object.keys(spoils), 'it is gone'];

/** Spoils one file below a folder. @returns how, and which */
export function spoilOne(
  disk: MemoryDisk,
  folder: string,
  random: Random,
): { readonly how: string; readonly path: string } {
  const paths = [...disk.files.keys()].filter((path) => path.startsWith(`${folder}/`)).sort();
  const path = paths[random.below(paths.length)] as string;
  const how = spoilNames[random.below(spoilNames.length)] as string;
  const bytes = disk.read(path) as Buffer;
  const spoil = spoils[how];
  if (spoil === undefined) disk.remove(path);
  else if (bytes.length > 0) disk.replace(path, Buffer.from(spoil(bytes, random)));
  return { how, path };
}
