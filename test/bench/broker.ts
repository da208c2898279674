import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KafkaConnection } from '../../src/client/kafka/index.ts';
import { apis, buildBatch, encodeRequest, FrameReader, zeroUuid } from '../../src/protocol/kafka/index.ts';
import { startApacheKafka } from '../support/apache-kafka.ts';
import { spawnBroker } from '../support/broker/own-broker.ts';
import { freePort } from '../support/ports.ts';
import { platform, startOwn } from '../support/zookeeper/own-server.ts';

export const summary =
  'produce and fetch over the raw protocol: one broker of ours against Apache Kafka 3.9 (with Java)';

const seconds = 3;
const warmUpSeconds = 1;
const inFlight = 10;

type Figures = { readonly perSecond: number; readonly bytesPerSecond: number; readonly p99Ms: number };
type Case = {
  readonly name: string;
  readonly run: (port: number) => Promise<Figures>;
  readonly unit: 'MB/s' | 'req/s';
};

const cases: readonly Case[] = [
  { name: 'produce 16 KiB, acks=1', unit: 'MB/s', run: (port) => produce(port, 'p16', 16 * 1024, 1) },
  { name: 'produce 128 KiB, acks=1', unit: 'MB/s', run: (port) => produce(port, 'p128', 128 * 1024, 1) },
  { name: 'produce 16 KiB, acks=all', unit: 'MB/s', run: (port) => produce(port, 'p16', 16 * 1024, -1) },
  { name: 'produce 128 KiB, acks=all', unit: 'MB/s', run: (port) => produce(port, 'p128', 128 * 1024, -1) },
  { name: 'produce 100 bytes, acks=1', unit: 'req/s', run: (port) => produce(port, 'small', 100, 1) },
  { name: 'fetch 1 MiB, from the start', unit: 'MB/s', run: (port) => fetch(port, 'p128') },
  {
    name: 'ApiVersions',
    unit: 'req/s',
    run: (port) => pump(port, () => encodeRequest(apis.apiVersions, 0, header, {})),
  },
];

const header = { correlationId: 1, clientId: 'bench' };

/**
 * The broker runs as a process of its own, the client in this one: on two cores each has one. Every figure is of a single
 * connection with ten requests on the way. `--apache` runs the same against Apache Kafka right after, `--durability=replicated`
 * answers acks=all as Apache does, without waiting for the device.
 */
export async function run(args: readonly string[]): Promise<void> {
  const durability = args.find((each) => each.startsWith('--durability='))?.split('=')[1] ?? 'disk';
  const ours = await own(durability);
  const theirs = args.includes('--apache') ? await apache() : undefined;
  process.stdout.write(
    `start to first answer ${ours.startMs} ms${theirs === undefined ? '' : ` (Apache ${theirs.startMs} ms)`}; `,
  );
  process.stdout.write(
    `RSS at rest ${ours.restMb} MB${theirs === undefined ? '' : ` (${theirs.restMb} MB)`}, after the runs ${ours.loadedMb} MB${theirs === undefined ? '' : ` (${theirs.loadedMb} MB)`}\n`,
  );
  process.stdout.write(`hikube.durability=${durability}\n\n`);
  process.stdout.write(
    `${'case'.padEnd(30)}${'ours'.padStart(16)}${'p99 ms'.padStart(9)}${'Apache 3.9'.padStart(16)}${'p99 ms'.padStart(9)}${'ratio'.padStart(8)}\n`,
  );
  for (const [index, { name, unit }] of cases.entries()) {
    const value = ({ perSecond, bytesPerSecond }: Figures): number =>
      unit === 'MB/s' ? bytesPerSecond / 1e6 : perSecond;
    const mine = ours.figures[index] as Figures;
    const other = theirs?.figures[index];
    const shown = (figures: Figures | undefined): string =>
      figures === undefined
        ? ''.padStart(25)
        : `${`${value(figures).toFixed(0)} ${unit}`.padStart(16)}${figures.p99Ms.toFixed(1).padStart(9)}`;
    process.stdout.write(
      `${name.padEnd(30)}${shown(mine)}${shown(other)}${other === undefined ? '' : (value(mine) / value(other)).toFixed(2).padStart(8)}\n`,
    );
  }
}

type Outcome = {
  readonly startMs: number;
  readonly restMb: number;
  readonly loadedMb: number;
  readonly figures: readonly Figures[];
};

async function own(durability: string): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-broker-'));
  const zooKeeper = await startOwn();
  const port = await freePort();
  const started = performance.now();
  const broker = await spawnBroker(folder, {
    port: String(port),
    zooKeeper: `127.0.0.1:${zooKeeper.port}`,
    'hikube.durability': durability,
  });
  try {
    return await measure(port, broker.pid, started);
  } finally {
    await broker.kill('SIGTERM');
    await zooKeeper.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function apache(): Promise<Outcome> {
  const started = performance.now();
  const kafka = await startApacheKafka();
  try {
    const pid = Number(
      execFileSync('sh', ['-c', `ss -ltnpH "sport = :${kafka.port}" | grep -o 'pid=[0-9]*' | head -1 | cut -d= -f2`], {
        encoding: 'utf8',
      }).trim(),
    );
    return await measure(kafka.port, pid, started);
  } finally {
    await kafka.stop();
  }
}

async function measure(port: number, pid: number, started: number): Promise<Outcome> {
  const opened = await KafkaConnection.open(
    platform.network,
    platform.clock,
    { host: '127.0.0.1', port },
    { clientId: 'bench' },
  );
  if (!opened.ok) throw new Error(opened.problem.sentence);
  const startMs = Math.round(performance.now() - started);
  const topics = ['p16', 'p128', 'small'].map((name) => ({
    name,
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }));
  // Right after its start a broker may not know the controller yet.
  for (;;) {
    const made = await opened.value.call(apis.createTopics, { topics, timeoutMs: 10_000 });
    if (made.ok && made.value.topics.every((topic) => topic.errorCode === 0 || topic.errorCode === 36)) break;
    await new Promise((done) => setTimeout(done, 100));
  }
  await new Promise((done) => setTimeout(done, 1500));
  const restMb = residentMb(pid);
  const figures: Figures[] = [];
  for (const each of cases) figures.push(await each.run(port));
  opened.value.close();
  return { startMs, restMb, loadedMb: residentMb(pid), figures };
}

function residentMb(pid: number): number {
  try {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Math.round(Number(kilobytes) / 1024);
  } catch {
    return Number.NaN;
  }
}

function produce(port: number, topic: string, sizeBytes: number, acks: number): Promise<Figures> {
  const recordBytes = Math.min(sizeBytes, 1024);
  const records = Array.from({ length: Math.max(1, Math.floor(sizeBytes / recordBytes)) }, () => ({
    key: null,
    value: Buffer.alloc(recordBytes, 'v'),
    timestampMs: Date.now(),
  }));
  const batch = buildBatch({ records });
  const frame = Buffer.concat(
    encodeRequest(apis.produce, 9, header, {
      transactionalId: null,
      acks,
      timeoutMs: 30_000,
      topicData: [{ name: topic, partitionData: [{ index: 0, records: batch }] }],
    }),
  );
  return pump(
    port,
    () => [frame],
    (answer) => {
      const decoded = apis.produce.response.decode(answer, 9, 5);
      const code = decoded.ok ? decoded.value.responses[0]?.partitionResponses[0]?.errorCode : -1;
      if (code !== 0) throw new Error(`produce answered ${code}`);
      return batch.length;
    },
  );
}

function fetch(port: number, topic: string): Promise<Figures> {
  let offset = 0;
  const request = (): Buffer[] =>
    encodeRequest(apis.fetch, 12, header, {
      maxWaitMs: 500,
      minBytes: 1,
      isolationLevel: 0,
      rackId: '',
      sessionId: 0,
      topics: [
        { topic, topicId: zeroUuid, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1 << 20 }] },
      ],
      forgottenTopicsData: [],
    });
  return pump(
    port,
    request,
    (answer) => {
      const decoded = apis.fetch.response.decode(answer, 12, 5);
      const partition = decoded.ok ? decoded.value.responses[0]?.partitions[0] : undefined;
      const records = partition?.records ?? Buffer.alloc(0);
      if (partition?.errorCode !== 0) throw new Error(`fetch answered ${partition?.errorCode}`);
      // 128 records in a batch; the last batch's end is where the next request begins.
      for (let at = 0; at + 61 <= records.length; at += 12 + records.readInt32BE(at + 8))
        offset = records.readInt32BE(at) * 2 ** 32 + records.readUInt32BE(at + 4) + records.readInt32BE(at + 23) + 1;
      if (offset >= (partition?.highWatermark ?? 0)) offset = 0;
      return records.length;
    },
    1,
  );
}

/** Keeps so many requests on the way for some seconds. */
function pump(
  port: number,
  request: () => readonly Buffer[],
  sizeOf: (answer: Buffer) => number = (answer) => answer.length,
  depth = inFlight,
): Promise<Figures> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const reader = new FrameReader(1 << 28);
    const sentAt: number[] = [];
    const latencies: number[] = [];
    let count = 0;
    let bytes = 0;
    let measuredFrom = 0;
    const send = (): void => {
      sentAt.push(performance.now());
      socket.cork();
      for (const part of request()) socket.write(part);
      process.nextTick(() => socket.uncork());
    };
    const started = performance.now();
    socket.on('error', reject);
    socket.once('connect', () => {
      for (let index = 0; index < depth; index++) send();
    });
    socket.on('data', (chunk) => {
      reader.push(chunk, (answer) => {
        const now = performance.now();
        const latency = now - (sentAt.shift() as number);
        let size: number;
        try {
          size = sizeOf(answer);
        } catch (error) {
          socket.destroy();
          reject(error as Error);
          return;
        }
        if (now - started > warmUpSeconds * 1000) {
          if (measuredFrom === 0) measuredFrom = now;
          count++;
          bytes += size;
          latencies.push(latency);
        }
        if (now - started < (warmUpSeconds + seconds) * 1000) send();
        else if (measuredFrom > 0 && sentAt.length === 0) {
          socket.destroy();
          const elapsed = (now - measuredFrom) / 1000;
          latencies.sort((a, b) => a - b);
          resolve({
            perSecond: count / elapsed,
            bytesPerSecond: bytes / elapsed,
            p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
          });
        }
      });
    });
  });
}
