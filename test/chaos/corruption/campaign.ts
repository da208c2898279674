import { seededRandom } from '../../../src/base/index.ts';
import { spoilOne } from './spoil.ts';
import { aloneSpecimen, copyOf, ensembleSpecimen, folder } from './volumes.ts';

export type CorruptionResult = {
  readonly volume: 'alone' | 'ensemble';
  readonly seed: number;
  readonly mutations: number;
  readonly refused: number;
  /** Read as if nothing had happened: what was spoilt is not needed, or has been set aside. */
  readonly same: number;
  /** Without the end of the log. */
  readonly earlier: number;
  readonly corrupt: readonly string[];
  readonly byKind: Readonly<Record<string, number>>;
};

const specimens = { alone: aloneSpecimen, ensemble: ensembleSpecimen } as const;
/** A fresh volume after so many mutations. */
const perVolume = 500;
const writes = 400;

/** Spoils copies of volumes, one file and one way at a time, and reads them. */
export async function spoilAndRead({
  volume,
  mutations,
  seed,
}: {
  readonly volume: 'alone' | 'ensemble';
  readonly mutations: number;
  readonly seed: number;
}): Promise<CorruptionResult> {
  const random = seededRandom(seed);
  const counts = { refused: 0, same: 0, earlier: 0 };
  const corrupt: string[] = [];
  const byKind: Record<string, number> = {};
  let specimen = await specimens[volume](random, writes);
  for (let at = 0; at < mutations; at++) {
    if (at % perVolume === perVolume - 1) specimen = await specimens[volume](random, writes);
    const disk = copyOf(specimen.disk);
    const { how, path } = spoilOne(disk, folder, random);
    byKind[how] = (byKind[how] ?? 0) + 1;
    const outcome = await specimen.read(disk);
    if (outcome.kind === 'corrupt') corrupt.push(`mutation ${at}, ${how} (${path}): ${outcome.what}`);
    else counts[outcome.kind]++;
  }
  return { volume, seed, mutations, ...counts, corrupt, byKind };
}
