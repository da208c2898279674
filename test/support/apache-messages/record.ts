import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { seedOf, withoutRecords } from '../../protocol/kafka/apache-json.ts';
import { arbitraryStruct } from '../../protocol/kafka/arbitrary.ts';
import { allMessages, versionsOf } from '../../protocol/kafka/messages.ts';
import { echoedByApache } from './echo.ts';

/**
 * Records what Apache Kafka's own classes write for one message of each name and version, and how they understand it, into
 * `test/fixtures/kafka-messages.jsonl`: `node test/support/apache-messages/record.ts`. 3.9 is asked first, 4.x for what
 * 3.9 does not have.
 */
const candidates = allMessages.flatMap((message) =>
  versionsOf(message).map((version) => {
    const [value] = fc
      .sample(arbitraryStruct(message.fields, version), { numRuns: 20, seed: seedOf(`${message.name} ${version}`) })
      .sort((one, other) => interest(other) - interest(one));
    return { name: message.name, version, bytes: message.encode(version, value ?? {}) };
  }),
);

/** Filled, and yet small enough for a file that people read. */
function interest(value: unknown): number {
  const size = JSON.stringify(value).length;
  return size > 1200 ? -size : size;
}

const older = await echoedByApache('kafka-3.9', candidates);
const newer = await echoedByApache('kafka-4', candidates);
const lines = candidates.map(({ name, version }, index) => {
  const answer = older[index]?.kind === 'echoed' ? older[index] : newer[index];
  if (answer?.kind !== 'echoed') throw new Error(`${name} ${version}: ${JSON.stringify(answer)}`);
  return JSON.stringify({ name, version, hex: answer.hex, json: withoutRecords(answer.json) });
});
writeFileSync(join(import.meta.dirname, '../../fixtures/kafka-messages.jsonl'), `${lines.join('\n')}\n`);
