import { constants } from './constants.ts';

const { nobody } = constants;

/** Cells by broker: those of broker b are `cells[first[b]]` to `cells[first[b + 1]]` (exclusive), in order. */
export type ByBroker = { readonly first: Int32Array; readonly cells: Int32Array };

/**
 * @param holders  broker of each cell, or `nobody`
 * @param cells    at least as long as `holders`; written to
 */
export function byBroker(holders: Int32Array, brokers: number, cells: Int32Array): ByBroker {
  // Counted one place late, so that filling in leaves each start where it belongs.
  const first = new Int32Array(brokers + 2);
  for (let cell = 0; cell < holders.length; cell++) if (holders[cell] !== nobody) first[holders[cell]! + 2]!++;
  for (let broker = 2; broker < first.length; broker++) first[broker]! += first[broker - 1]!;
  for (let cell = 0; cell < holders.length; cell++) {
    if (holders[cell] !== nobody) cells[first[holders[cell]! + 1]!++] = cell;
  }
  return { first, cells };
}
