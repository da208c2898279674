import { expect, test } from 'vitest';
import { isToBeLifted } from '../../../src/cli/plan/lift.ts';

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
