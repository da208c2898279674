import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, expect, test } from 'vitest';
import { processStart } from '../../src/local/kubelet/process-registry.ts';
import { type LocalRun, processesOf, runLocal } from '../support/local-run.ts';

const root = mkdtempSync(join(tmpdir(), 'local-'));
const runs: LocalRun[] = [];
const startTimeoutMs = 90_000;

afterAll(async () => {
  for (const { process } of runs) process.kill('SIGTERM');
  await Promise.all(runs.map(({ exitCode }) => exitCode));
  rmSync(root, { recursive: true, force: true });
});

function local(folder: string, args: readonly string[] = []): LocalRun {
  const run = runLocal(folder, args);
  runs.push(run);
  return run;
}

/** A process that is dead and not buried yet is not alive. */
const isAlive = (pid: number): boolean => processStart(pid) !== undefined;

const clientOf = (bootstrap: string | null): Kafka =>
  new Kafka({ brokers: [bootstrap ?? ''], clientId: 'test', logLevel: logLevel.NOTHING, retry: { retries: 10 } });

async function consumeAll(kafka: Kafka, count: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: `group-${process.pid}-${performance.now()}` });
  await consumer.connect();
  await consumer.subscribe({ topic: 'my-topic', fromBeginning: true });
  const values: string[] = [];
  await new Promise<void>((done) => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        values.push(message.value?.toString() ?? '');
        if (values.length === count) done();
      },
    });
  });
  await consumer.disconnect();
  return values.sort();
}

test(
  'one command brings up the quick start, records go in and out, Ctrl-C leaves no process, and the next start has the records',
  async () => {
    const folder = join(root, 'quick-start');
    const first = local(folder);
    const summary = await first.ready;
    expect(summary.bootstrap).toMatch(/^127\.\d+\.\d+\.\d+:9094$/);
    expect(existsSync(summary.kubeconfig)).toBe(true);
    expect(summary.pids).toMatchObject({ local: first.process.pid, operator: expect.any(Number) });
    expect((summary.pids.broker as number[]).length).toBe(3);
    expect((summary.pids.zookeeper as number[]).length).toBe(1);

    const kafka = clientOf(summary.bootstrap);
    const values = Array.from({ length: 100 }, (_, index) => `record ${String(index).padStart(3, '0')}`);
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic: 'my-topic', messages: values.map((value) => ({ key: value, value })) });
    await producer.disconnect();
    expect(await consumeAll(kafka, values.length)).toEqual(values);

    const before = [...processesOf(folder).values()];
    expect(before.length).toBeGreaterThanOrEqual(5);
    first.process.kill('SIGINT');
    expect(await first.exitCode).toBe(0);
    expect(processesOf(folder).size).toBe(0);
    expect(before.filter(isAlive)).toEqual([]);

    const second = local(folder);
    const again = await second.ready;
    expect(again.bootstrap).toBe(summary.bootstrap);
    expect(await consumeAll(clientOf(again.bootstrap), values.length)).toEqual(values);

    const third = local(folder);
    expect(await third.exitCode).toBe(1);
    expect(third.progress()).toContain(`is in use by process ${second.process.pid}`);

    second.process.kill('SIGINT');
    expect(await second.exitCode).toBe(0);
  },
  3 * startTimeoutMs,
);

test(
  'with one loopback address only, pods have ports of it, and clients and the next start find them',
  async () => {
    const folder = join(root, 'single-address');
    const first = local(folder, ['--single-address']);
    const { bootstrap } = await first.ready;
    expect(bootstrap).toMatch(/^127\.0\.0\.1:[23]\d{4}$/);
    const producer = clientOf(bootstrap).producer();
    await producer.connect();
    await producer.send({ topic: 'my-topic', messages: [{ value: 'one' }, { value: 'two' }] });
    await producer.disconnect();
    expect(await consumeAll(clientOf(bootstrap), 2)).toEqual(['one', 'two']);
    // On Linux the other addresses exist: nothing may have used them.
    const network = Number(readFileSync(join(folder, 'network'), 'utf8'))
      .toString(16)
      .toUpperCase();
    expect(readFileSync('/proc/net/tcp', 'utf8')).not.toMatch(new RegExp(` [0-9A-F]{4}${network}7F:`));
    first.process.kill('SIGINT');
    expect(await first.exitCode).toBe(0);

    const second = local(folder, ['--single-address']);
    const again = await second.ready;
    expect(again.bootstrap).toBe(bootstrap);
    expect(await consumeAll(clientOf(again.bootstrap), 2)).toEqual(['one', 'two']);
    second.process.kill('SIGINT');
    expect(await second.exitCode).toBe(0);
  },
  3 * startTimeoutMs,
);

test(
  'what a killed run left behind is ended by the next start, which goes on with the same resources',
  async () => {
    const folder = join(root, 'killed');
    const first = local(folder, ['--no-quick-start']);
    await first.ready;
    const operator = processesOf(folder).get('operator') as number;
    first.process.kill('SIGKILL');
    await first.exitCode;
    expect(isAlive(operator)).toBe(true);
    const second = local(folder, ['--no-quick-start']);
    await second.ready;
    expect(processesOf(folder).get('operator')).not.toBe(operator);
    expect(isAlive(operator)).toBe(false);
    second.process.kill('SIGTERM');
    expect(await second.exitCode).toBe(0);
  },
  2 * startTimeoutMs,
);

test(
  'what cannot work ends with a sentence that says what to do',
  async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as { port: number };
    const busy = local(join(root, 'busy'), ['--no-quick-start', '--port', String(port)]);
    expect(await busy.exitCode).toBe(1);
    expect(busy.progress()).toMatch(new RegExp(`Port ${port} .*in use.*--port`));
    server.close();

    writeFileSync(join(root, 'file'), '');
    const notFolder = local(join(root, 'file', 'data'), ['--no-quick-start']);
    expect(await notFolder.exitCode).toBe(1);
    expect(notFolder.progress()).toContain('cannot be written');
    expect(notFolder.progress()).toContain('--data');

    mkdirSync(join(root, 'precious'));
    writeFileSync(join(root, 'precious', 'thesis.txt'), 'all of it');
    const fresh = local(join(root, 'precious'), ['--no-quick-start', '--fresh']);
    expect(await fresh.exitCode).toBe(1);
    expect(existsSync(join(root, 'precious', 'thesis.txt'))).toBe(true);

    writeFileSync(join(root, 'bad.yaml'), 'kind: KafkaTopic\n');
    const bad = local(join(root, 'bad'), ['--no-quick-start', '--apply', join(root, 'bad.yaml')]);
    expect(await bad.exitCode).toBe(1);
    expect(bad.progress()).toContain('it needs apiVersion, kind and metadata.name');
  },
  startTimeoutMs,
);
