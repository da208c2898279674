/**
 * Records what Apache ZooKeeper answers to random requests, for `test/zookeeper/transcripts.test.ts`:
 * `node test/support/zookeeper/record-transcripts.ts`. Needs Java and the originals.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startApache } from './apache-server.ts';
import { playTranscript } from './transcript.ts';

const folder = join(import.meta.dirname, '../../fixtures/zookeeper');
mkdirSync(folder, { recursive: true });
for (const seed of [101, 102, 103]) {
  const apache = await startApache();
  try {
    const lines = await playTranscript(apache.port, seed, 1_000);
    const text = lines.map((line) => JSON.stringify(line)).join('\n');
    writeFileSync(join(folder, `transcript-${seed}.jsonl.gz`), gzipSync(`${text}\n`, { level: 9 }));
    process.stdout.write(`seed ${seed}: ${lines.length} steps\n`);
  } finally {
    await apache.stop();
  }
}
