import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { apacheJson, withoutRecords } from './apache-json.ts';
import { allMessages, versionsOf } from './messages.ts';

type Golden = { readonly name: string; readonly version: number; readonly hex: string; readonly json: unknown };

/** Written by Apache Kafka's own classes; see `test/support/apache-messages/record.ts`. */
const golden: readonly Golden[] = readFileSync(join(import.meta.dirname, '../../fixtures/kafka-messages.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Golden);
const byName = new Map(allMessages.map((message) => [message.name, message]));

test('there is a recording of every version of every message', () => {
  const recorded = golden.map(({ name, version }) => `${name} ${version}`);
  const ours = allMessages.flatMap((message) => versionsOf(message).map((version) => `${message.name} ${version}`));
  expect(recorded.sort()).toEqual(ours.sort());
});

describe('what Apache Kafka wrote', () => {
  test.each([
    ...Map.groupBy(golden, ({ name }) => name),
  ])('%s is read with the same meaning and written with the same bytes', (name, versions) => {
    const message = byName.get(name);
    if (message === undefined) throw new Error(`we have no ${name}`);
    for (const { version, hex, json } of versions) {
      const bytes = Buffer.from(hex, 'hex');
      const decoded = message.decode(bytes, version);
      if (!decoded.ok) throw new Error(`${name} ${version}: ${decoded.problem.sentence}`);
      const ours = apacheJson(message.fields, version, message.isFlexible(version), decoded.value);
      if (!skipsTags(name, version)) expect(withoutRecords(ours)).toEqual(json);
      expect(message.encode(version, decoded.value).toString('hex')).toBe(hex);
    }
  });
});

/** Recorded with 3.9, which keeps these tagged fields without naming them. */
const skipsTags = (name: string, version: number): boolean => name === 'TransactionLogValue' && version === 1;
