import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { startOwn } from '../support/zookeeper/own-server.ts';
import { playTranscript } from '../support/zookeeper/transcript.ts';

const folder = join(import.meta.dirname, '../fixtures/zookeeper');
const names = readdirSync(folder).filter((name) => name.startsWith('transcript-'));

test.each(names)('clients hear from us what they heard from Apache ZooKeeper 3.9: %s', async (name) => {
  const expected = gunzipSync(readFileSync(join(folder, name)))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const server = await startOwn();
  try {
    const heard = await playTranscript(server.port, Number(name.replace(/\D/g, '')), expected.length);
    for (const [index, line] of heard.entries()) expect(line).toEqual(expected[index]);
    expect(heard).toHaveLength(expected.length);
  } finally {
    await server.stop();
  }
});
