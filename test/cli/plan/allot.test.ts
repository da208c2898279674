import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allot, type Flow } from '../../../src/cli/plan/allot.ts';

const flow = (source: number, receiver: number): Flow => ({ source, receiver });
const all = (capacity: number) => ({ sent: () => capacity, received: () => capacity });

test('sources of one receiver share what it may receive, and it is full', () => {
  const { rates, full } = allot([flow(1, 4), flow(2, 4), flow(2, 4)], all(90));
  expect(Object.fromEntries(rates)).toEqual({ 1: 30, 2: 60 });
  expect([...full.received]).toEqual([4]);
  expect([...full.sent]).toEqual([]);
});

test('what a full receiver does not take goes to another', () => {
  const { rates, full } = allot([flow(1, 4), flow(1, 5)], { sent: () => 100, received: (id) => (id === 4 ? 10 : 200) });
  expect(rates.get(1)).toBe(100);
  expect([...full.sent]).toEqual([1]);
  expect([...full.received]).toEqual([4]);
});

test('without copies nobody sends', () => {
  expect(allot([], all(1)).rates.size).toBe(0);
});

test('no broker is given more than it may, and no copy could have more', () => {
  const flows = fc.array(
    fc.record({ source: fc.integer({ min: 1, max: 5 }), receiver: fc.integer({ min: 6, max: 9 }) }),
    { maxLength: 20 },
  );
  const capacity = fc.integer({ min: 10, max: 1000 });
  fc.assert(
    fc.property(flows, fc.array(capacity, { minLength: 20, maxLength: 20 }), (some, capacities) => {
      const sent = (id: number): number => capacities[id]!;
      const received = (id: number): number => capacities[id + 10]!;
      const { rates, full } = allot(some, { sent, received });
      for (const [id, rate] of rates) expect(rate).toBeLessThan(sent(id) + 1e-6);
      const total = [...rates.values()].reduce((sum, rate) => sum + rate, 0);
      const taken = [...new Set(some.map(({ receiver }) => receiver))].reduce((sum, id) => sum + received(id), 0);
      expect(total).toBeLessThan(taken + 1e-6);
      for (const { source, receiver } of some) {
        expect(full.sent.has(source) || full.received.has(receiver)).toBe(true);
      }
    }),
  );
});
