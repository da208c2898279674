/**
 * `npm run campaign:kafka-on-zookeeper [-- SECONDS [KILL_EVERY_SECONDS]]`: Apache Kafka 3.9 on our ensemble of three, one
 * of our servers killed every so often; what was found goes to `test/campaigns/kafka-on-zookeeper.json`. The short form is
 * in `npm run conformance`. It needs Java and the originals.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { KafkaOnOurs, killRun } from '../test/support/zookeeper/kafka-on-ours.ts';

const seconds = Number(process.argv[2] ?? 300);
const killEverySeconds = Number(process.argv[3] ?? 20);
const kafka = await KafkaOnOurs.start();
try {
  const result = await killRun(kafka, { seconds, killEverySeconds });
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname })
    .toString()
    .trim();
  const campaign = {
    campaign: 'Apache Kafka 3.9 on our ensemble',
    commit,
    recordedAt: new Date().toISOString(),
    ...result,
  };
  const file = resolve(import.meta.dirname, '../test/campaigns/kafka-on-zookeeper.json');
  writeFileSync(file, `${JSON.stringify(campaign, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  const bad = result.lost + result.topicsMissing + result.brokersExited + result.sessionsLost;
  process.exitCode = bad === 0 ? 0 : 1;
} finally {
  await kafka.stop();
}
