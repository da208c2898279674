import { type Mutant, mutant } from '../mutant.ts';

export const cutsPerMutant = 10;

/** Servers that forget to sync. That they lose data shows that the cuts are cuts. */
export const forgetful: readonly (Mutant & { readonly servers: 1 | 3 })[] = [
  {
    servers: 3,
    ...mutant(
      'an ensemble that never syncs its log',
      'zookeeper/agreement/log-store.ts',
      '      await (this.#segments.at(-1) as Segment).file.sync();',
      '      await undefined;',
    ),
  },
  {
    servers: 1,
    ...mutant(
      'a server alone that never syncs its log',
      'zookeeper/disk/log-writer.ts',
      'if (this.#options.sync) await file.sync();',
      '',
    ),
  },
];
