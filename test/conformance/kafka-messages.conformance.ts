import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apacheJson, seedOf, withoutRecords } from '../protocol/kafka/apache-json.ts';
import { arbitraryStruct } from '../protocol/kafka/arbitrary.ts';
import { allMessages, versionsOf } from '../protocol/kafka/messages.ts';
import { type Echoed, echoedByApache } from '../support/apache-messages/echo.ts';

const samplesPerVersion = 12;

const samples = allMessages.flatMap((message) =>
  versionsOf(message).flatMap((version) =>
    fc
      .sample(arbitraryStruct(message.fields, version), {
        numRuns: samplesPerVersion,
        seed: seedOf(`${message.name} ${version}`),
      })
      .map((value) => ({ message, name: message.name, version, value, bytes: message.encode(version, value) })),
  ),
);

/** Where a release differs from the one whose words our schemas use. */
const known: Record<'kafka-3.9' | 'kafka-4', readonly string[]> = {
  // Its three tagged fields came after 3.9, which skips them as unknown.
  'kafka-3.9': ['TransactionLogValue 1'],
  'kafka-4': [
    // The same bytes; fields of the candidate are called the replica's since KIP-996.
    'VoteRequest 0',
    'VoteRequest 1',
    // Was not stable in 3.9, and changed before it became so (KIP-932).
    'ReadShareGroupStateSummaryResponse 0',
  ],
};

const echoed = new Map<string, readonly Echoed[]>();

test.each([
  'kafka-3.9',
  'kafka-4',
] as const)('the classes of %s read what we write, understand the same, and write the same bytes', async (original) => {
  const answers = await echoedByApache(original, samples);
  echoed.set(original, answers);
  const wrong: string[] = [];
  for (const [index, answer] of answers.entries()) {
    const sample = samples[index] as (typeof samples)[number];
    const name = `${sample.name} ${sample.version}`;
    if (answer.kind === 'absent') continue;
    if (answer.kind === 'failed') {
      wrong.push(`${name}: ${answer.why}`);
      continue;
    }
    const { fields } = sample.message;
    const ours = apacheJson(fields, sample.version, sample.message.isFlexible(sample.version), sample.value);
    if (answer.hex !== sample.bytes.toString('hex')) wrong.push(`${name}: the bytes differ`);
    else if (!same(withoutRecords(ours), withoutRecords(answer.json))) {
      wrong.push(`${name}: ${JSON.stringify(ours)} is understood as ${JSON.stringify(answer.json)}`);
    }
  }
  expect(wrong.filter((each) => !known[original].includes(each.split(':')[0] as string)).slice(0, 20)).toEqual([]);
});

test('every version of every message was seen by one of them', () => {
  const unseen = samples.filter((_, index) =>
    [...echoed.values()].every((answers) => answers[index]?.kind === 'absent'),
  );
  expect([...new Set(unseen.map((sample) => `${sample.name} ${sample.version}`))]).toEqual([]);
});

function same(one: unknown, other: unknown): boolean {
  try {
    expect(other).toEqual(one);
    return true;
  } catch {
    return false;
  }
}
