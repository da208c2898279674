import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { clusterFromFile, TopicSplitter } from '../../../src/cli/plan/cluster-file.ts';
import { clusterLines, parseCluster } from '../../../src/placement/json/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'hikube-cluster-'));
afterAll(() => rmSync(folder, { recursive: true }));

const topic = (name: string, partitions = 3) => ({
  name,
  partitions: Array.from({ length: partitions }, (_, id) => ({ id, replicas: [1, 2], sizeBytes: 10 })),
});
const cluster = {
  version: 1 as const,
  brokers: [1, 2].map((id) => ({ id, zone: `zone "${id}" [{\\` })),
  topics: [topic('orders'), topic('topics'), topic('{"topics":['.replace(/[^a-z]/g, '_'), 0)],
};

async function read(text: string) {
  const path = join(folder, 'cluster.json');
  writeFileSync(path, text);
  const result = await clusterFromFile(path);
  return result.ok ? result : { ...result.problem, ok: false, field: result.problem.field.replace(path, 'FILE') };
}

test('one document, printed in any way and with its keys in any order, is read as the parser reads it', async () => {
  const { version, brokers, topics } = cluster;
  const texts = [cluster, { topics, version, brokers }, { brokers, topics, version }].flatMap((value) => [
    JSON.stringify(value),
    JSON.stringify(value, undefined, 2),
  ]);
  for (const text of texts) expect(await read(text)).toEqual(parseCluster(text));
});

test('the form of one topic a line is read too', async () => {
  expect(await read([...clusterLines(cluster)].join('\n'))).toEqual(parseCluster(JSON.stringify(cluster)));
});

test('pieces may end anywhere', () => {
  const text = Buffer.from(JSON.stringify(cluster, undefined, 1));
  const whole = [...new TopicSplitter().push(text)];
  expect(whole).toHaveLength(1 + cluster.topics.length);
  for (const size of [1, 2, 3, 7, 50]) {
    const splitter = new TopicSplitter();
    const lines: string[] = [];
    for (let at = 0; at < text.length; at += size) lines.push(...splitter.push(text.subarray(at, at + size)));
    expect([...lines, ...splitter.end()]).toEqual(whole);
  }
});

test('what is wrong is named by its place in the document', async () => {
  const wrong: [string, string][] = [
    [JSON.stringify({ ...cluster, topics: [topic('a'), { ...topic('b'), pinned: 3 }] }), 'FILE: topics[1].pinned'],
    [JSON.stringify({ ...cluster, brokers: [{ id: 'x' }] }), 'FILE: brokers[0].id'],
    [JSON.stringify({ ...cluster, version: 2 }), 'FILE: version'],
    [JSON.stringify({ ...cluster, more: 1 }), 'FILE: after topics'],
    [JSON.stringify({ more: 1, ...cluster }), 'FILE'],
    [`${JSON.stringify({ version: 1, brokers: cluster.brokers })}\n{"name":3}`, 'FILE: line 2: name'],
    [JSON.stringify(cluster).slice(0, -40), 'FILE: after topics'],
    ['', 'FILE: version'],
    ['brokers', 'FILE: line 1'],
    [']]]]', 'FILE: line 1'],
  ];
  for (const [text, field] of wrong) expect(await read(text)).toMatchObject({ ok: false, field });
  expect(await clusterFromFile(join(folder, 'none'))).toMatchObject({ ok: false, problem: { field: '--cluster' } });
});
