import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { ZooKeeperClient } from '../../../src/client/zookeeper/index.ts';
import { classPathOf } from '../originals.ts';
import { freePort } from '../ports.ts';
import { ended } from './apache-server.ts';
import { type OwnEnsemble, startEnsembleOf } from './own-ensemble.ts';
import { platform } from './own-server.ts';

const brokerIds = [1, 2, 3];
const serverIds = [1, 2, 3];
const recordsPerSend = 20;
const sendEveryMs = 40;
const makeTopicMs = 60_000;

type Broker = { readonly child: ChildProcess; readonly port: number; output: string; exited: boolean };

/** Apache Kafka 3.9 in ZooKeeper mode, three brokers, on our ensemble of three. */
export class KafkaOnOurs {
  readonly folder = mkdtempSync(join(tmpdir(), 'kafka-on-ours-'));
  readonly brokers = new Map<number, Broker>();
  readonly ensemble: OwnEnsemble;
  readonly #classPath = classPathOf('kafka-3.9');

  private constructor(ensemble: OwnEnsemble) {
    this.ensemble = ensemble;
  }

  static async start(): Promise<KafkaOnOurs> {
    const kafka = new KafkaOnOurs(await startEnsembleOf(serverIds.length));
    for (const id of brokerIds) await kafka.startBroker(id);
    await kafka.allRegistered();
    return kafka;
  }

  get bootstrap(): string {
    return [...this.brokers.values()].map(({ port }) => `127.0.0.1:${port}`).join(',');
  }

  async startBroker(id: number): Promise<void> {
    const port = this.brokers.get(id)?.port ?? (await freePort());
    const file = join(this.folder, `server-${id}.properties`);
    const lines = [
      `broker.id=${id}`,
      `listeners=PLAINTEXT://127.0.0.1:${port}`,
      `log.dirs=${join(this.folder, `logs-${id}`)}`,
      `zookeeper.connect=${this.ensemble.connectText}/kafka`,
      'zookeeper.session.timeout.ms=9000',
      'offsets.topic.replication.factor=3',
      'offsets.topic.num.partitions=3',
      'min.insync.replicas=2',
      'default.replication.factor=3',
      'group.initial.rebalance.delay.ms=0',
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    const child = spawn('java', ['-Xmx384m', '-cp', this.#classPath, 'kafka.Kafka', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const broker: Broker = { child, port, output: '', exited: false };
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => {
        broker.output = (broker.output + text.toString()).slice(-10_000);
      });
    }
    child.once('exit', () => {
      broker.exited = true;
    });
    this.brokers.set(id, broker);
  }

  async killBroker(id: number): Promise<void> {
    await ended((this.brokers.get(id) as Broker).child, 'SIGKILL');
  }

  async zooKeeper(): Promise<ZooKeeperClient> {
    const servers = [...this.ensemble.ports.values()].map(({ client }) => ({ host: '127.0.0.1', port: client }));
    const client = new ZooKeeperClient({ servers, sessionTimeoutMs: 10_000, chroot: '/kafka' }, platform);
    await client.connected();
    return client;
  }

  async allRegistered(): Promise<void> {
    const client = await this.zooKeeper();
    await this.until('three brokers in /brokers/ids', async () => {
      const ids = await client.getChildren('/brokers/ids');
      return ids.ok && ids.value.children.length === brokerIds.length;
    });
    await client.close();
  }

  async until(what: string, condition: () => Promise<boolean>, waitMs = 90_000): Promise<void> {
    const endMs = performance.now() + waitMs;
    while (!(await condition())) {
      if (performance.now() > endMs) {
        const outputs = [...this.brokers.values()].map(({ output }) => output).join('\n---\n');
        throw new Error(`waited in vain for ${what}\n${outputs}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** One of Kafka's own tools. @returns what it printed, with its errors if it failed */
  tool(main: string, args: readonly string[], input?: string, timeoutMs = 60_000): Promise<string> {
    return new Promise((resolve) => {
      const child = spawn('java', ['-Xmx256m', '-cp', this.#classPath, main, ...args], {
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      let text = '';
      child.stdout.on('data', (piece: Buffer) => {
        text += piece.toString();
      });
      let errors = '';
      child.stderr.on('data', (piece: Buffer) => {
        errors = (errors + piece.toString()).slice(-4_000);
      });
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      child.on('close', (code) => {
        clearTimeout(timer);
        resolve(code === 0 ? text : `${text}\n${errors}\nexit ${code}`);
      });
      child.stdin.end(input ?? '');
    });
  }

  consumed(topic: string, count: number): Promise<string> {
    return this.tool(
      'org.apache.kafka.tools.consumer.ConsoleConsumer',
      [
        ...['--bootstrap-server', this.bootstrap, '--topic', topic, '--from-beginning'],
        ...['--max-messages', `${count}`, '--timeout-ms', '60000'],
      ],
      undefined,
      180_000,
    );
  }

  async stop(): Promise<void> {
    await Promise.all([...this.brokers.values()].map(({ child }) => ended(child, 'SIGKILL')));
    await this.ensemble.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export type KillRun = {
  readonly seconds: number;
  readonly killEverySeconds: number;
  /** Of our servers; every other one was the leader. */
  readonly kills: number;
  readonly acknowledged: number;
  /** Acknowledged and not consumed in the end. */
  readonly lost: number;
  readonly sendsFailed: number;
  /** Longest time between two acknowledgements. */
  readonly longestStallMs: number;
  readonly topicsCreated: number;
  /** Made while a server was down and not there, with all its partitions led, in the end. */
  readonly topicsMissing: number;
  readonly brokersExited: number;
  /** Brokers whose session is not the one that they began with. */
  readonly sessionsLost: number;
};

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** @returns whether it is there, after some attempts: on a busy machine a request may time out and be done all the same */
async function makeTopic(admin: Admin, topic: string, numPartitions: number): Promise<boolean> {
  const endMs = performance.now() + makeTopicMs;
  while (performance.now() < endMs) {
    try {
      await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 3 }], timeout: 20_000 });
      return true;
    } catch {
      await wait(500);
    }
  }
  return false;
}

/** A producer sends all the time and topics are made, while one server of ours after another is killed and comes back. */
export async function killRun(
  kafka: KafkaOnOurs,
  { seconds, killEverySeconds }: { readonly seconds: number; readonly killEverySeconds: number },
): Promise<KillRun> {
  const { ensemble } = kafka;
  const zooKeeper = await kafka.zooKeeper();
  const sessions = (): Promise<(bigint | undefined)[]> =>
    Promise.all(
      brokerIds.map(async (id) => {
        const stat = await zooKeeper.exists(`/brokers/ids/${id}`);
        return stat.ok ? stat.value?.ephemeralOwner : undefined;
      }),
    );
  const before = await sessions();
  const client = new Kafka({
    clientId: 'kill-run',
    brokers: kafka.bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 30, initialRetryTime: 100, maxRetryTime: 1000 },
  });
  const admin = client.admin();
  await admin.connect();
  const topic = 'while-killed';
  await makeTopic(admin, topic, 3);
  const producer = client.producer();
  await producer.connect();
  const acknowledged = new Set<string>();
  let sendsFailed = 0;
  let longestStallMs = 0;
  let producing = true;
  const working = (async (): Promise<void> => {
    let lastMs = performance.now();
    for (let serial = 0; producing; serial += recordsPerSend) {
      const values = Array.from({ length: recordsPerSend }, (_, at) => `record-${serial + at}`);
      try {
        await producer.send({ topic, acks: -1, messages: values.map((value) => ({ value })) });
        for (const value of values) acknowledged.add(value);
        longestStallMs = Math.max(longestStallMs, performance.now() - lastMs);
        lastMs = performance.now();
      } catch {
        sendsFailed++;
      }
      await wait(sendEveryMs);
    }
  })();
  const endMs = performance.now() + seconds * 1000;
  const made: string[] = [];
  let kills = 0;
  while (performance.now() < endMs) {
    const killedMs = performance.now();
    const leader = await ensemble.serving(serverIds.length);
    const victim = kills % 2 === 0 ? leader : (serverIds.find((id) => id !== leader) as number);
    await ensemble.kill(victim);
    kills++;
    await wait(200);
    // A controller writes topics to ZooKeeper: it has to find another server first.
    const name = `made-${kills}`;
    if (await makeTopic(admin, name, 2)) made.push(name);
    await wait(1000);
    ensemble.start(victim);
    await ensemble.serving(serverIds.length);
    await wait(Math.max(0, Math.min(endMs, killedMs + killEverySeconds * 1000) - performance.now()));
  }
  producing = false;
  await working;
  await producer.disconnect();
  const described = await admin.fetchTopicMetadata({ topics: made });
  const led = described.topics.filter(({ partitions }) => partitions.every(({ leader }) => leader > 0)).length;
  await admin.disconnect();
  const after = await sessions();
  await zooKeeper.close();
  const text = await kafka.consumed(topic, acknowledged.size);
  const consumed = new Set(text.split('\n').filter((line) => line.startsWith('record-')));
  let lost = [...acknowledged].filter((value) => !consumed.has(value)).length;
  if (lost > 0) {
    // Records whose sending failed may be there too: then there were more than were asked for.
    const all = await kafka.consumed(topic, acknowledged.size + (sendsFailed + 1) * recordsPerSend * 30);
    for (const line of all.split('\n')) consumed.add(line);
    lost = [...acknowledged].filter((value) => !consumed.has(value)).length;
  }
  return {
    seconds,
    killEverySeconds,
    kills,
    acknowledged: acknowledged.size,
    lost,
    sendsFailed,
    longestStallMs: Math.round(longestStallMs),
    topicsCreated: made.length,
    topicsMissing: kills - led,
    brokersExited: [...kafka.brokers.values()].filter(({ exited }) => exited).length,
    sessionsLost: after.filter((session, at) => session === undefined || session !== before[at]).length,
  };
}
