import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Broker } from '../../../src/broker/index.ts';
import { KafkaConnection } from '../../../src/client/kafka/index.ts';
import { parseBrokerSettings } from '../../../src/settings/index.ts';
import { freePort } from '../ports.ts';
import { type OwnServer, platform, startOwn } from '../zookeeper/own-server.ts';

export type Properties = Readonly<Record<string, string>>;

/** What every broker of these tests has; the clients' usual delays are cut. */
const common: Properties = {
  'group.initial.rebalance.delay.ms': '0',
  'offsets.topic.num.partitions': '4',
  'log.segment.delete.delay.ms': '100',
};

const render = (properties: Properties): string =>
  Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

export type OwnBroker = {
  readonly broker: Broker;
  readonly id: number;
  readonly port: number;
  readonly address: string;
  readonly logDir: string;
};

/** A ZooKeeper of ours and brokers of ours, all in this process, in a folder that `stop` removes. */
export type OwnCluster = {
  readonly folder: string;
  readonly zooKeeper: OwnServer;
  readonly brokers: Map<number, OwnBroker>;
  readonly bootstrap: string;
  /** Starts a broker, or starts it again on the folder that it had. */
  start(id: number, properties?: Properties): Promise<OwnBroker>;
  stopBroker(id: number): Promise<void>;
  connect(id?: number): Promise<KafkaConnection>;
  stop(): Promise<void>;
};

export async function startCluster({
  count = 1,
  properties = {},
}: {
  readonly count?: number;
  readonly properties?: Properties;
} = {}): Promise<OwnCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'own-kafka-'));
  const zooKeeper = await startOwn();
  const brokers = new Map<number, OwnBroker>();
  const ports = new Map<number, number>();
  const connections: KafkaConnection[] = [];
  const cluster: OwnCluster = {
    folder,
    zooKeeper,
    brokers,
    get bootstrap() {
      return [...brokers.values()].map(({ address }) => address).join(',');
    },
    async start(id, own = {}) {
      const port = ports.get(id) ?? (await freePort());
      ports.set(id, port);
      const logDir = join(folder, `broker-${id}`);
      const text = render({
        'broker.id': String(id),
        listeners: `PLAINTEXT://127.0.0.1:${port}`,
        'log.dirs': logDir,
        'zookeeper.connect': `127.0.0.1:${zooKeeper.port}/kafka`,
        'zookeeper.session.timeout.ms': '4000',
        ...common,
        ...properties,
        ...own,
      });
      const { settings, problems } = parseBrokerSettings(text);
      if (settings === undefined) throw new Error(problems.map(({ message }) => message).join('; '));
      const broker = new Broker(settings, platform);
      const problem = await broker.start();
      if (problem !== undefined) throw new Error(problem);
      await until(() => broker.notReadyBecause() === undefined, 'the broker is ready');
      const started = { broker, id, port, address: `127.0.0.1:${port}`, logDir };
      brokers.set(id, started);
      return started;
    },
    async stopBroker(id) {
      const stopped = brokers.get(id);
      brokers.delete(id);
      await stopped?.broker.stop();
    },
    async connect(id = 0) {
      const port = ports.get(id) as number;
      const opened = await KafkaConnection.open(
        platform.network,
        platform.clock,
        { host: '127.0.0.1', port },
        { clientId: 'test' },
      );
      if (!opened.ok) throw new Error(opened.problem.sentence);
      connections.push(opened.value);
      return opened.value;
    },
    async stop() {
      for (const connection of connections) connection.close();
      await Promise.all([...brokers.keys()].map((id) => cluster.stopBroker(id)));
      await zooKeeper.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (let id = 0; id < count; id++) await cluster.start(id);
  return cluster;
}

/** @throws when it has not become so within the time */
export async function until(isSo: () => boolean | Promise<boolean>, what: string, timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not so after ${timeoutMs} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

export type BrokerProcess = {
  readonly pid: number;
  readonly port: number;
  readonly output: () => string;
  readonly kill: (signal: NodeJS.Signals) => Promise<void>;
};

/** A broker of ours as a process of its own, as an operator starts it. Resolves when it answers on its port. */
export async function spawnBroker(
  folder: string,
  properties: Properties & { readonly port: string; readonly zooKeeper: string },
): Promise<BrokerProcess> {
  const { port, zooKeeper, ...own } = properties;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'server.properties');
  writeFileSync(
    file,
    render({
      'broker.id': '0',
      listeners: `PLAINTEXT://127.0.0.1:${port}`,
      'log.dirs': join(folder, 'log'),
      'zookeeper.connect': zooKeeper,
      ...common,
      ...own,
    }),
  );
  const main = resolve(import.meta.dirname, '../../../src/main.ts');
  const child = spawn(process.execPath, [main, 'broker', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text: Buffer) => {
      output = (output + text.toString()).slice(-20_000);
    });
  }
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    (child as ChildProcess).kill(signal);
    await ended;
  };
  try {
    await until(
      () => {
        if (child.exitCode !== null) throw new Error(`the broker has ended: ${output}`);
        return output.includes('the broker has started');
      },
      'the broker process has started',
      60_000,
    );
  } catch (error) {
    await kill('SIGKILL');
    throw new Error(`${(error as Error).message}: ${output}`, { cause: error });
  }
  return { pid: child.pid as number, port: Number(port), output: () => output, kill };
}
