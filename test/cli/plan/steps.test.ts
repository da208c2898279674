import { expect, test } from 'vitest';
import { blockedBy, copyingSeconds, nextSteps, type Step, stepOf } from '../../../src/cli/plan/steps.ts';

const step = (partition: number, batch: number, from: number[], to: number[]): Step =>
  stepOf({ topic: 't', partition, bytes: 100, from, to }, batch);
const everybody = { isLive: (): boolean => true };
const one = { movesPerBroker: 1, partitions: 100 };
const limits = { movesPerBroker: 2, partitions: 100 };
const partitionsOf = (steps: readonly Step[]): number[] => steps.map(({ change }) => change.partition);

test('no broker gets more copies at once than it may, and others are not held up by it', () => {
  const waiting = [step(0, 0, [1], [4]), step(1, 0, [2], [4]), step(2, 0, [3], [4]), step(3, 0, [3], [5])];
  expect(partitionsOf(nextSteps(waiting, [], limits, everybody))).toEqual([0, 1, 3]);
  expect(partitionsOf(nextSteps(waiting, [step(9, 0, [1], [4])], limits, everybody))).toEqual([1, 3]);
});

test('a step of the next batch begins early, but not on a disk that a batch before it has still to free', () => {
  const running = [step(0, 0, [4], [5])];
  const waiting = [step(1, 1, [1], [4]), step(2, 1, [1], [6])];
  expect(partitionsOf(nextSteps(waiting, running, limits, everybody))).toEqual([2]);
  expect(partitionsOf(nextSteps(waiting, [], limits, everybody))).toEqual([1, 2]);
});

test('no step begins two batches ahead, and no more partitions move at once than may', () => {
  const waiting = [step(0, 0, [1], [4]), step(1, 1, [1], [5]), step(2, 2, [1], [6])];
  expect(partitionsOf(nextSteps(waiting, [], limits, everybody))).toEqual([0, 1]);
  expect(partitionsOf(nextSteps(waiting, [], { movesPerBroker: 2, partitions: 1 }, everybody))).toEqual([0]);
});

test('nothing is begun that needs a broker that is away; what copies nothing is begun anyway', () => {
  const waiting = [step(0, 0, [1], [4]), step(1, 0, [1, 2], [2, 1]), step(2, 0, [1], [5])];
  expect(partitionsOf(nextSteps(waiting, [], limits, { isLive: (id) => id !== 4 }))).toEqual([1, 2]);
});

test('who most is left for goes first', () => {
  const waiting = [step(0, 0, [1], [4]), step(1, 0, [2], [4]), step(2, 0, [2], [5]), step(3, 0, [2], [6])];
  const running = [step(9, 0, [3], [5]), step(10, 0, [3], [6])];
  expect(partitionsOf(nextSteps(waiting, running, one, everybody))).toEqual([1]);
  expect(partitionsOf(nextSteps(waiting.slice(0, 2), [], one, everybody))).toEqual([0]);
});

test('a source gets a second copy to send only where there is no other source', () => {
  const waiting = [step(0, 0, [1], [3]), step(1, 0, [1], [4]), step(2, 0, [2], [4])];
  expect(partitionsOf(nextSteps(waiting, [], one, everybody))).toEqual([0, 2]);
  expect(partitionsOf(nextSteps(waiting, [], one, { ...everybody, sourceOf: () => 9 }))).toEqual([0, 1]);
});

test('a copy waits for who receives it, and for its holders only when none of them is there', () => {
  const copy = step(0, 0, [1, 2], [4, 2]);
  expect(blockedBy(copy, (id) => id !== 1)).toEqual([]);
  expect(blockedBy(copy, (id) => id !== 4)).toEqual([4]);
  expect(blockedBy(copy, (id) => id === 4)).toEqual([1, 2]);
  expect(blockedBy(step(1, 0, [1, 2], [2, 1]), () => false)).toEqual([]);
});

test('how long copies take is what the busiest broker has to send, or to receive', () => {
  const copied = [step(0, 0, [1, 2], [4, 2]), step(1, 0, [1, 3], [5, 3]), step(2, 0, [2], [4, 5])];
  expect(copyingSeconds(copied, 10)).toBe(20);
  expect(copyingSeconds([...copied, step(3, 0, [3], [4])], 10)).toBe(30);
  expect(copyingSeconds([step(0, 0, [1, 2], [2, 1])], 10)).toBe(0);
});
