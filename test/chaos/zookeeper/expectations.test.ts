import { expect, test } from 'vitest';
import { Notes } from './client.ts';
import { Ephemerals, sessionRecord } from './ephemerals.ts';
import { SessionObserver, ZxidLedger } from './observer.ts';

function observer(): { ledger: ZxidLedger; session: SessionObserver } {
  const ledger = new ZxidLedger();
  return { ledger, session: new SessionObserver('s', ledger) };
}

test('a session that reads an older state than before is noticed, on the same path and across paths', () => {
  const { ledger, session } = observer();
  session.saw('/a', { mzxid: 5 });
  session.saw('/a', { mzxid: 9 });
  expect(session.violations).toEqual([]);
  session.saw('/a', { mzxid: 5 });
  expect(session.violations).toHaveLength(1);

  const other = new SessionObserver('other', ledger);
  other.saw('/b', { mzxid: 20 });
  other.saw('/a', { mzxid: 9 });
  expect(ledger.violations().filter((each) => each.startsWith('other'))).toEqual([]);
  // Somebody else knows that /a had changed before what this session had seen of /b.
  ledger.changed('/a', 15);
  expect(ledger.violations().filter((each) => each.startsWith('other'))).toHaveLength(1);
});

test('a watch that tells late, twice or never is noticed', () => {
  const late = observer().session;
  const tell = late.watch('/a', { mzxid: 1 });
  late.saw('/a', { mzxid: 2 });
  expect(late.violations).toHaveLength(1);
  tell();
  tell();
  expect(late.violations).toHaveLength(2);

  const never = observer().session;
  never.watch('/a', { mzxid: 1 });
  never.expectFired('/a', { mzxid: 1 });
  expect(never.violations).toEqual([]);
  never.expectFired('/a', 'absent');
  expect(never.violations).toHaveLength(1);

  const good = observer().session;
  good.watch('/a', { mzxid: 1 })();
  good.saw('/a', { mzxid: 2 });
  expect(good.violations).toEqual([]);
});

test('a watch that is behind what its session was shown of other paths is noticed', () => {
  const { ledger, session } = observer();
  session.saw('/a', { mzxid: 1 });
  session.watch('/a', { mzxid: 1 });
  session.saw('/b', { mzxid: 30 });
  session.end();
  expect(ledger.violations()).toEqual([]);
  ledger.changed('/a', 10);
  expect(ledger.violations()).toHaveLength(1);
});

test('a persistent watch must tell of every change on its connection, and owes nothing for the time between two', async () => {
  const { session } = observer();
  session.recursive('/keys/');
  session.saw('/keys/1', { mzxid: 1 });
  session.told('/keys/1');
  await new Promise((resolve) => setImmediate(resolve));
  session.saw('/keys/1', { mzxid: 2 });
  expect(session.violations).toEqual([]);
  session.disconnected();
  session.recursive('/keys/');
  session.saw('/keys/1', { mzxid: 3 });
  expect(session.violations).toEqual([]);
  session.saw('/keys/1', { mzxid: 4 });
  expect(session.violations).toHaveLength(1);
});

test('what a persistent watch tells before its own answer is taken up counts', async () => {
  // One read of the socket brings the watch's answer, that of a read, and the event: events are told at once, answers
  // in a turn of promises.
  const { session } = observer();
  session.told('/keys/1');
  session.recursive('/keys/');
  session.saw('/keys/1', 'absent');
  await new Promise((resolve) => setImmediate(resolve));
  session.saw('/keys/1', { mzxid: 2 });
  expect(session.violations).toEqual([]);
  session.saw('/keys/1', { mzxid: 3 });
  expect(session.violations).toHaveLength(1);
});

test('an ephemeral node that outlives its session, goes before it or comes back is noticed', () => {
  const sessionOf = (lastWriteMs: number, endedMs = Number.POSITIVE_INFINITY): ReturnType<typeof sessionRecord> =>
    Object.assign(sessionRecord('s'), { timeoutMs: 3000, lastWriteMs, endedMs });
  const found = (check: (ephemerals: Ephemerals) => void): number => {
    const ephemerals = new Ephemerals();
    check(ephemerals);
    ephemerals.judge();
    return ephemerals.violations.length;
  };
  // Alive, and there.
  expect(found((all) => all.seen(all.created('/e', sessionOf(100), 90), true, 200, 201))).toBe(0);
  // Gone although its session wrote later, or could not be over yet.
  expect(found((all) => all.seen(all.created('/e', sessionOf(9000), 90), false, 200, 201))).toBe(1);
  expect(found((all) => all.seen(all.created('/e', sessionOf(100), 90), false, 3050, 3051))).toBe(1);
  expect(found((all) => all.seen(all.created('/e', sessionOf(100), 90), false, 3150, 3151))).toBe(0);
  // There although its client knows that its session is over.
  expect(found((all) => all.seen(all.created('/e', sessionOf(100, 4000), 90), true, 4001, 4002))).toBe(1);
  expect(found((all) => all.seen(all.created('/e', sessionOf(100, 4000), 90), true, 3999, 4002))).toBe(0);
  // Deleted by its owner, and back.
  expect(
    found((all) => {
      const record = all.created('/e', sessionOf(100), 90);
      record.deleteCalledMs = 150;
      record.deletedMs = 160;
      all.seen(record, false, 170, 171);
      all.seen(record, true, 180, 181);
    }),
  ).toBe(1);
});

test('a sequence number that is given twice or goes back is noticed', () => {
  const judged = (numbers: readonly [number, number, number][]): number => {
    const notes = new Notes();
    for (const [number, callAt, returnAt] of numbers) notes.queue.push({ number, callAt, returnAt });
    notes.judgeQueue();
    return notes.violations.length;
  };
  expect(
    judged([
      [0, 0, 10],
      [2, 1, 3],
      [1, 2, 4],
    ]),
  ).toBe(0);
  expect(
    judged([
      [0, 0, 10],
      [0, 11, 12],
    ]),
  ).toBe(1);
  expect(
    judged([
      [5, 0, 10],
      [4, 11, 12],
    ]),
  ).toBe(1);
});
