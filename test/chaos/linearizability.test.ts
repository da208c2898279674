import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/index.ts';
import { isLinearizable, type Operation } from './linearizability.ts';

const write = (value: number, calledAt: number, answeredAt?: number): Operation => ({
  kind: 'write',
  value,
  calledAt,
  answeredAt,
});
const read = (value: number, calledAt: number, answeredAt: number): Operation => ({
  kind: 'read',
  value,
  calledAt,
  answeredAt,
});
const swap = (
  expected: number,
  value: number,
  done: boolean | undefined,
  calledAt: number,
  answeredAt?: number,
): Operation => ({
  kind: 'swap',
  expected,
  value,
  done,
  calledAt,
  answeredAt,
});

test('histories that could have happened pass', () => {
  expect(isLinearizable([], 0)).toBe(true);
  expect(isLinearizable([write(1, 0, 10), read(0, 1, 3), read(1, 4, 6)], 0)).toBe(true);
  expect(isLinearizable([write(1, 0, 10), write(2, 1, 9), read(1, 11, 12)], 0)).toBe(true);
  // Without an answer: seen late, or never.
  expect(isLinearizable([write(1, 0), read(0, 5, 6), read(1, 7, 8)], 0)).toBe(true);
  expect(isLinearizable([write(1, 0), read(0, 5, 6)], 0)).toBe(true);
  expect(isLinearizable([swap(0, 1, true, 0, 5), swap(0, 2, false, 0, 5), read(1, 6, 7)], 0)).toBe(true);
  expect(isLinearizable([swap(0, 1, undefined, 0), swap(1, 2, true, 3, 5)], 0)).toBe(true);
});

test('doctored histories are found', () => {
  const doctored: Record<string, Operation[]> = {
    'a lost write': [write(1, 0, 1), read(0, 2, 3)],
    'a value from nowhere': [write(1, 0, 1), read(7, 2, 3)],
    'a stale read': [write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)],
    'a value that goes back': [write(1, 0, 10), read(1, 1, 2), read(0, 3, 4)],
    'two swaps of one value': [swap(0, 1, true, 0, 5), swap(0, 2, true, 0, 5)],
    'a refused swap that should have happened': [swap(0, 1, false, 0, 1), read(0, 2, 3)],
    'an unanswered write undone': [write(1, 0), read(1, 2, 3), read(0, 4, 5)],
    'a write before its call': [read(1, 0, 1), write(1, 2, 3)],
    'two readers that disagree on the order': [write(1, 0, 9), write(2, 0, 9), read(1, 10, 11), read(2, 12, 13)],
  };
  for (const [name, operations] of Object.entries(doctored))
    expect([name, isLinearizable(operations, 0)]).toEqual([name, false]);
});

test('a long history of a real register passes in little time, and fails when one answer is changed', () => {
  const random = seededRandom(7);
  const operations: Operation[] = [];
  let value = 0;
  let atMs = 0;
  for (let index = 0; index < 4_000; index++) {
    // Each happens at atMs, somewhere between its call and its answer; about ten overlap.
    atMs += 1 + random.below(3);
    const calledAt = atMs - random.next() * 10;
    const answeredAt = atMs + random.next() * 10;
    const way = random.below(3);
    if (way === 0) {
      value = index + 1;
      operations.push(write(value, calledAt, random.below(20) === 0 ? undefined : answeredAt));
    } else if (way === 1) operations.push(read(value, calledAt, answeredAt));
    else {
      const expected = random.below(2) === 0 ? value : -1;
      const done = expected === value;
      operations.push(swap(expected, index + 1, done, calledAt, answeredAt));
      if (done) value = index + 1;
    }
  }
  const beganMs = performance.now();
  expect(isLinearizable(operations, 0)).toBe(true);
  expect(performance.now() - beganMs).toBeLessThan(5_000);
  const at = operations.findIndex(({ kind }, index) => index > 2_000 && kind === 'read');
  const old = operations[at] as Extract<Operation, { kind: 'read' }>;
  expect(isLinearizable(operations.with(at, { ...old, value: 1 }), 0)).toBe(false);
});
