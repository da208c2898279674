import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errorCode, errorName, isRetriable } from '../../src/protocol/kafka/index.ts';
import { classPathOf } from '../support/originals.ts';
import { run } from '../support/programs.ts';

/** Errors that came with features after 3.9; 129 is the newest that we name. */
const newestCode = 129;

test.each([
  'kafka-3.9',
  'kafka-4',
] as const)('every error of %s has its code and may be retried when we say so', async (original) => {
  const program = join(import.meta.dirname, '../support/apache-messages/ErrorTable.java');
  const ended = await run('java', ['-cp', classPathOf(original), program]);
  expect(ended.code).toBe(0);
  const theirs = ended.out
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([name = '', code, retriable]) => ({ name, code: Number(code), retriable: retriable === 'true' }))
    .filter(({ code }) => code <= newestCode);
  expect(theirs.length).toBeGreaterThan(120);
  const ours = theirs.map(({ code }) => ({ name: errorName(code), code, retriable: isRetriable(code) }));
  expect(ours).toEqual(theirs);
  if (original === 'kafka-4') expect(Object.keys(errorCode)).toHaveLength(theirs.length);
});
