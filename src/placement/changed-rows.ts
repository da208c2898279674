import { inSlices } from './slices.ts';

/** Rows that differ between two assignments of `width` replicas a row; ascending. */
export function changedRows(before: Int32Array, after: Int32Array, width: number): Int32Array {
  const rows = new Int32Array(before.length / width);
  let count = 0;
  if (before !== after) {
    inSlices(rows.length, (from, to) => {
      count = addChanged(before, after, width, rows, count, from, to);
    });
  }
  return rows.slice(0, count);
}

function addChanged(
  before: Int32Array,
  after: Int32Array,
  width: number,
  rows: Int32Array,
  found: number,
  from: number,
  to: number,
): number {
  let count = found;
  for (let row = from, first = from * width; row < to; row++, first += width) {
    let isChanged = false;
    for (let cell = first; cell < first + width; cell++) if (before[cell] !== after[cell]) isChanged = true;
    if (isChanged) rows[count++] = row;
  }
  return count;
}
