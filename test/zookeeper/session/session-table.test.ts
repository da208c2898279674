import { expect, test } from 'vitest';
import type { SessionId } from '../../../src/protocol/zookeeper/index.ts';
import { SessionTable } from '../../../src/zookeeper/session/session-table.ts';

const tickMs = 1000;
const timeoutMs = 6000;
const id = 1n as SessionId;

/** Moves a table's clock as a server does, whose ticks come when they come. */
function tableWithClock(): { table: SessionTable; at(ms: number): void; tick(): number } {
  let nowMs = 0;
  let lastTickMs = 0;
  const table = new SessionTable(tickMs, () => nowMs - lastTickMs);
  return {
    table,
    at(ms) {
      nowMs = ms;
    },
    tick() {
      const expired = table.advance(nowMs - lastTickMs);
      lastTickMs = nowMs;
      return expired.length;
    },
  };
}

test('a session expires after its time-out and at most a tick later, however late the ticks are', () => {
  for (let touchedMs = 0; touchedMs < 3500; touchedMs += 7) {
    for (const lateMs of [0, 1, 50, 400]) {
      const { table, at, tick } = tableWithClock();
      const session = table.open(id, timeoutMs, 1);
      let touched = false;
      for (let count = 1; ; count++) {
        // One tick is late, and the next one comes at its own time all the same.
        const tickAtMs = count * tickMs + (count === 3 ? lateMs : 0);
        if (!touched && touchedMs <= tickAtMs) {
          at(touchedMs);
          table.touch(session);
          touched = true;
        }
        at(tickAtMs);
        if (tick() === 0) continue;
        expect(tickAtMs - touchedMs).toBeGreaterThanOrEqual(timeoutMs);
        expect(tickAtMs - touchedMs).toBeLessThanOrEqual(timeoutMs + tickMs);
        break;
      }
    }
  }
});

test('a process that stood still reads what its clients sent meanwhile before it judges them', () => {
  const { table, at, tick } = tableWithClock();
  const session = table.open(id, timeoutMs, 1);
  at(60_000);
  expect(tick()).toBe(0);
  table.touch(session);
  for (let ms = 61_000; ms < 66_000; ms += tickMs) {
    at(ms);
    expect(tick()).toBe(0);
  }
  at(67_000);
  expect(tick()).toBe(1);
});
