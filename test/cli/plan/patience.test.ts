import { expect, test } from 'vitest';
import { failure, type Result, success } from '../../../src/base/index.ts';
import { Patience } from '../../../src/cli/plan/patience.ts';
import { type CallProblem, errorCode } from '../../../src/client/kafka/index.ts';

const gone: CallProblem = { kind: 'disconnected', sentence: 'broker:9092: connection refused' };

function patient(patienceMs: number) {
  const said: string[] = [];
  const stop = new AbortController();
  const patience = new Patience({ patienceMs, signal: stop.signal, onWait: (sentence) => said.push(sentence) });
  return { patience, said, stop };
}

/** Answers in turn; the last one for ever. */
function answers(...list: Result<string, CallProblem>[]) {
  let calls = 0;
  return async (): Promise<Result<string, CallProblem>> => list[Math.min(calls++, list.length - 1)]!;
}

test('a cluster that is away for a moment is waited for, with a sentence, and goes on', async () => {
  const { patience, said } = patient(10_000);
  const answer = await patience.ask('listing moves', answers(failure(gone), failure(gone), success('moves')));
  expect(answer).toEqual(success('moves'));
  expect(said[0]).toContain('listing moves: broker:9092: connection refused; asking again for up to 10 s');
  expect(said.at(-1)).toBe('the cluster answers again');
});

test('a cluster that stays away is given up after the time that was asked for', async () => {
  const { patience } = patient(300);
  const startedMs = performance.now();
  const answer = await patience.ask('listing moves', answers(failure(gone)));
  expect(answer).toMatchObject({
    ok: false,
    problem: { kind: 'refused', message: expect.stringContaining('given up after') },
  });
  expect(performance.now() - startedMs).toBeLessThan(5000);
});

test('a refusal does not pass by asking again', async () => {
  const { patience, said } = patient(10_000);
  const code = errorCode.CLUSTER_AUTHORIZATION_FAILED;
  const answer = await patience.ask('listing moves', answers(failure({ kind: 'refused', sentence: 'no', code })));
  expect(answer).toMatchObject({ ok: false, problem: { kind: 'refused', message: 'listing moves: no' } });
  expect(said).toEqual([]);
});

test('a signal ends a call that hangs, and a wait, at once', async () => {
  for (const call of [() => new Promise<Result<string, CallProblem>>(() => undefined), answers(failure(gone))]) {
    const { patience, stop } = patient(60_000);
    const asked = patience.ask('listing moves', call);
    const abortedMs = performance.now();
    setTimeout(() => stop.abort(), 50);
    expect(await asked).toEqual(failure({ kind: 'interrupted' }));
    expect(performance.now() - abortedMs).toBeLessThan(1000);
  }
});
