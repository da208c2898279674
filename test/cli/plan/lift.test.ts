import { expect, test } from 'vitest';
import { isToBeLifted, liftedInSeconds } from '../../../src/cli/plan/lift.ts';

test.each([
  [{ all: 50e9, arrived: 49.9e9 }, 50e6, true, 'two seconds before its end'],
  [{ all: 50e9, arrived: 49.8e9 }, 50e6, false, 'four seconds before its end'],
  [{ all: 50e9, arrived: 0 }, 50e6, false, 'at its beginning'],
  [{ all: 50e9, arrived: 51e9 }, 50e6, true, 'when it is ahead of what was last seen of its leader'],
  [{ all: 1e9, arrived: 0.91e9 }, 50e6, true, 'in the last tenth of a copy that takes twenty seconds in all'],
  [{ all: 1e9, arrived: 0.89e9 }, 50e6, false, 'before that, though it ends within three seconds'],
  [{ all: 0, arrived: 0 }, 50e6, false, 'of a copy of nothing'],
])('of %j at %d bytes/s the throttle is lifted: %s (%s)', (bytes, pace, is) => {
  expect(isToBeLifted(bytes, pace)).toBe(is);
});

test.each([
  [{ all: 50e9, arrived: 49.5e9 }, 50e6, 7, 'three seconds before its end'],
  [{ all: 1e9, arrived: 0.5e9 }, 50e6, 8, 'at the last tenth of a copy that takes twenty seconds in all'],
  [{ all: 50e9, arrived: 50e9 }, 50e6, -3, 'three seconds ago'],
])('of %j at %d bytes/s it is to be lifted in %d s: %s', (bytes, pace, seconds) => {
  expect(liftedInSeconds(bytes, pace)).toBeCloseTo(seconds, 9);
  expect(isToBeLifted(bytes, pace)).toBe(seconds <= 0);
});
