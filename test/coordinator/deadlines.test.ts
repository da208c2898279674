import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines } from '../../src/coordinator/deadlines.ts';

test('what is put off runs at its new time only, what is brought forward at its earlier one', () => {
  const deadlines = new Deadlines();
  const ran: string[] = [];
  const later = deadlines.add((nowMs) => ran.push(`later ${nowMs}`));
  const sooner = deadlines.add((nowMs) => ran.push(`sooner ${nowMs}`));
  later.set(10);
  later.set(30);
  sooner.set(50);
  sooner.set(20);
  deadlines.run(10);
  expect(ran).toEqual([]);
  deadlines.run(25);
  expect(ran).toEqual(['sooner 25']);
  deadlines.run(100);
  expect(ran).toEqual(['sooner 25', 'later 100']);
  expect(deadlines.nextMs).toBe(undefined);
});

test('what is cleared never runs, and can be set again', () => {
  const deadlines = new Deadlines();
  let count = 0;
  const deadline = deadlines.add(() => count++);
  deadline.set(5);
  deadline.clear();
  deadlines.run(10);
  expect(count).toBe(0);
  deadline.set(20);
  deadlines.run(20);
  expect(count).toBe(1);
  expect(deadline.isSet).toBe(false);
});

test('any mixture runs each deadline once, in order of time', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(1000), { minLength: 1, maxLength: 4 })), (plans) => {
      const deadlines = new Deadlines();
      const ran: number[] = [];
      for (const times of plans) {
        const deadline = deadlines.add(() => ran.push(times.at(-1) as number));
        for (const time of times) deadline.set(time);
      }
      for (let now = 0; now <= 1000; now++) {
        const next = deadlines.nextMs;
        if (next !== undefined && next <= now) deadlines.run(now);
      }
      expect(ran).toEqual(plans.map((times) => times.at(-1) as number).sort((one, other) => one - other));
    }),
  );
});
