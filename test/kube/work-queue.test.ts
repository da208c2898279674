import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/index.ts';
import { createWorkQueue, done, type Next, requeueAfterMs, retryBecause } from '../../src/kube/index.ts';
import { manualClock, silentLogger } from '../support/deps.ts';

function queueOf(process: (key: string) => Promise<Next>, concurrency = 2) {
  const clock = manualClock();
  const queue = createWorkQueue(
    { name: 'test', concurrency, process, backoff: { firstMs: 100, longestMs: 1_000 } },
    { clock, random: seededRandom(1), logger: silentLogger },
  );
  return { clock, queue };
}

test('a key added many times before its turn is looked at once', async () => {
  const seen: string[] = [];
  const { queue } = queueOf(async (key) => {
    seen.push(key);
    return done;
  }, 1);
  for (const key of ['a', 'b', 'b', 'c', 'b', 'c']) queue.add(key);
  await queue.idle();
  expect(seen).toEqual(['a', 'b', 'c']);
});

test('one key never runs twice at once, and runs again if it was added while it ran', async () => {
  let running = 0;
  let most = 0;
  let runs = 0;
  const { queue } = queueOf(async () => {
    runs++;
    most = Math.max(most, ++running);
    if (runs === 1) queue.add('a');
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return done;
  }, 8);
  queue.add('a');
  await queue.idle();
  expect({ runs, most }).toEqual({ runs: 2, most: 1 });
});

test('a key that asks to run again at once and was added while it ran still never runs twice at once', async () => {
  let running = 0;
  let most = 0;
  let runs = 0;
  const { queue } = queueOf(async () => {
    runs++;
    most = Math.max(most, ++running);
    if (runs === 1) queue.add('a');
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return runs === 1 ? requeueAfterMs(0) : done;
  }, 8);
  queue.add('a');
  await queue.idle();
  expect(most).toBe(1);
});

test('no more keys run at once than the bound', async () => {
  let running = 0;
  let most = 0;
  const { queue } = queueOf(async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return done;
  }, 3);
  for (let key = 0; key < 20; key++) queue.add(String(key));
  await queue.idle();
  expect(most).toBe(3);
});

test('a failed key comes back with growing delays, and a throw is a failure', async () => {
  let runs = 0;
  const { clock, queue } = queueOf(async () => {
    runs++;
    if (runs === 1) throw new Error('first');
    return runs < 4 ? retryBecause('again') : done;
  });
  queue.add('a');
  await queue.idle();
  const delays: number[] = [];
  while (runs < 4) {
    const before = runs;
    let waitedMs = 0;
    while (runs === before) {
      clock.advance(10);
      waitedMs += 10;
      await queue.idle();
    }
    delays.push(waitedMs);
  }
  expect(delays[0]).toBeLessThanOrEqual(100);
  expect(delays[1]).toBeGreaterThanOrEqual(100);
  expect(delays[2]).toBeGreaterThanOrEqual(200);
  clock.advance(10_000);
  await queue.idle();
  expect(runs).toBe(4);
});

test('of two delays of one key the earlier wins', async () => {
  const seen: number[] = [];
  const { clock, queue } = queueOf(async () => {
    seen.push(clock.monotonicMs());
    return seen.length === 1 ? requeueAfterMs(500) : done;
  });
  queue.addAfter('a', 900);
  queue.addAfter('a', 300);
  queue.addAfter('a', 600);
  clock.advance(1_000);
  await queue.idle();
  clock.advance(1_000);
  await queue.idle();
  expect(seen.length).toBe(2);
});

test('a stopped queue lets running keys end and starts no more', async () => {
  const ended: string[] = [];
  const { queue } = queueOf(async (key) => {
    await new Promise((resolve) => setImmediate(resolve));
    ended.push(key);
    return done;
  }, 1);
  queue.add('a');
  queue.add('b');
  await queue.stop();
  queue.add('c');
  await new Promise((resolve) => setImmediate(resolve));
  expect(ended).toEqual(['a']);
});
