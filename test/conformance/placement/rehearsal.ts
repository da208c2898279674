import { join } from 'node:path';
import type { Live, Ran } from './live.ts';

export type Move = { readonly name: string; readonly args: readonly string[]; readonly isKilled?: boolean };
export const add: Move = { name: 'add', args: ['add', '--brokers', '4'] };
export const remove: Move = { name: 'remove', args: ['remove', '--brokers', '4'] };

/** How often moves are rehearsed, and at how many bytes per second: settings of the throttle as well, but not for long. */
export type Rehearsals = { readonly rounds: number; readonly rate: number };

/**
 * Brokers compile what they run often while they run it, which is dear where four share two cores: the first copies of a
 * broker that has just started double the p99 of the whole cluster, and after a setting or the begin of a copy a young
 * broker's compiler takes most of a core for half a second. So moves are rehearsed, and then there is rest.
 */
export async function rehearse(live: Live, { rounds, rate }: Rehearsals): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const { name, args } of [add, remove]) {
      const state = join(live.folder, `rehearsal-${name}.json`);
      const limited = ['--execute', '--state', state, '--throttle', String(rate)];
      mustEnd(await live.step(`${name}, rehearsed`, [...args, ...limited]));
    }
  }
}

/** A figure of a move that failed, or of one that ended before it was to be killed, is none. */
export function mustEnd({ code, stderr }: Ran, wanted: number | null = 0): void {
  if (code !== wanted) throw new Error(`plan ended with code ${code}, not ${wanted}: ${stderr.slice(-2000)}`);
}
