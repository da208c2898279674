/**
 * Whether a history of operations on one register could have happened one at a time: each between its call and its
 * answer. An operation without an answer may have happened at any time after its call, or never.
 *
 * Source: Wing and Gong's search with Lowe's memory of states seen, as in Porcupine.
 */
import { seededRandom } from '../../src/base/index.ts';

export type Operation =
  | {
      readonly kind: 'write';
      readonly value: number;
      readonly calledAt: number;
      readonly answeredAt: number | undefined;
    }
  /** Answered `ok` only if the register held `expected`; `false`: it did not. */
  | {
      readonly kind: 'swap';
      readonly expected: number;
      readonly value: number;
      readonly done: boolean | undefined;
      readonly calledAt: number;
      readonly answeredAt: number | undefined;
    }
  | { readonly kind: 'read'; readonly value: number; readonly calledAt: number; readonly answeredAt: number };

/** @returns the register's value after the operation; undefined if it cannot have gone so */
function after(operation: Operation, value: number): number | undefined {
  switch (operation.kind) {
    case 'write':
      return operation.value;
    case 'read':
      return operation.value === value ? value : undefined;
    case 'swap': {
      const matches = operation.expected === value;
      if (operation.done === undefined) return matches ? operation.value : value;
      if (operation.done !== matches) return undefined;
      return matches ? operation.value : value;
    }
  }
}

type Entry = {
  readonly operation: number;
  readonly call: boolean;
  next: Entry | undefined;
  previous: Entry | undefined;
  match: Entry | undefined;
};

/**
 * What tells something. A write without an answer whose value nobody saw may as well not have happened, but that it
 * could be why a swap was refused: then that refusal tells nothing. Without this the search would try all subsets.
 */
function telling(history: readonly Operation[]): Operation[] {
  const seen = new Set(
    history.flatMap((operation) => {
      if (operation.kind === 'read') return [operation.value];
      return operation.kind === 'swap' && operation.done !== false ? [operation.expected] : [];
    }),
  );
  const hidden = (operation: Operation): boolean =>
    operation.kind !== 'read' && operation.answeredAt === undefined && !seen.has(operation.value);
  const firstHiddenAt = Math.min(...history.filter(hidden).map(({ calledAt }) => calledAt), Number.POSITIVE_INFINITY);
  return history.filter((operation) => {
    if (hidden(operation)) return false;
    const refused = operation.kind === 'swap' && operation.done === false;
    return !refused || (operation.answeredAt ?? Number.POSITIVE_INFINITY) < firstHiddenAt;
  });
}

/** @param first  what the register holds before the history; every value is written once */
export function isLinearizable(history: readonly Operation[], first: number): boolean {
  const operations = telling(history);
  const events = operations.flatMap((operation, index) => [
    { at: operation.calledAt, call: true, index },
    ...(operation.answeredAt === undefined ? [] : [{ at: operation.answeredAt, call: false, index }]),
  ]);
  // At the same moment a call counts as before an answer: the two overlap.
  events.sort((a, b) => a.at - b.at || Number(b.call) - Number(a.call));
  const head: Entry = { operation: -1, call: false, next: undefined, previous: undefined, match: undefined };
  const calls = new Map<number, Entry>();
  let last = head;
  for (const { call, index } of events) {
    const entry: Entry = { operation: index, call, next: undefined, previous: last, match: undefined };
    last.next = entry;
    last = entry;
    if (call) calls.set(index, entry);
    else {
      const start = calls.get(index)!;
      start.match = entry;
    }
  }
  let mustHappen = operations.filter(({ answeredAt }) => answeredAt !== undefined).length;
  // Which operations have happened, as two sums of random numbers: one of 2^62 is as good as the set itself.
  const marks = operations.map((_, index) => seededRandom(index + 1));
  const high = marks.map((random) => random.nextUint32() & 0x7fffffff);
  const low = marks.map((random) => random.nextUint32() & 0x7fffffff);
  let happenedHigh = 0;
  let happenedLow = 0;
  const toggle = (index: number): void => {
    happenedHigh ^= high[index]!;
    happenedLow ^= low[index]!;
  };
  const seen = new Set<string>();
  const stack: { readonly entry: Entry; readonly value: number }[] = [];
  let value = first;
  let entry = head.next;
  while (mustHappen > 0) {
    if (entry?.call) {
      const next = after(operations[entry.operation]!, value);
      toggle(entry.operation);
      const key = `${happenedHigh}:${happenedLow}:${next}`;
      if (next !== undefined && !seen.has(key)) {
        seen.add(key);
        stack.push({ entry, value });
        value = next;
        if (entry.match !== undefined) mustHappen--;
        lift(entry);
        entry = head.next;
      } else {
        toggle(entry.operation);
        entry = entry.next;
      }
      continue;
    }
    // An answer whose operation has not happened yet, or the end: the last choice was wrong.
    const choice = stack.pop();
    if (choice === undefined) return false;
    value = choice.value;
    toggle(choice.entry.operation);
    if (choice.entry.match !== undefined) mustHappen++;
    unlift(choice.entry);
    entry = choice.entry.next;
  }
  return true;
}

function lift(entry: Entry): void {
  unlink(entry);
  if (entry.match !== undefined) unlink(entry.match);
}

function unlift(entry: Entry): void {
  if (entry.match !== undefined) link(entry.match);
  link(entry);
}

function unlink(entry: Entry): void {
  entry.previous!.next = entry.next;
  if (entry.next !== undefined) entry.next.previous = entry.previous;
}

function link(entry: Entry): void {
  entry.previous!.next = entry;
  if (entry.next !== undefined) entry.next.previous = entry;
}
