import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { classPathOf } from './originals.ts';
import { freePort } from './ports.ts';

/** A program of ours or of others that runs beside a test; `stop` ends exactly that process. */
export type Running = {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly stop: () => Promise<void>;
};

/**
 * Starts a program and waits until its output has `ready`.
 *
 * @throws with the end of its output when it ends or takes too long before that
 */
export async function start(
  command: string,
  args: readonly string[],
  {
    ready,
    timeoutMs = 60_000,
    env = {},
  }: { readonly ready: RegExp; readonly timeoutMs?: number; readonly env?: Record<string, string> },
): Promise<Running> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let [output, isReady] = ['', false];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new Error(`${args.at(-2)} was not ready after ${timeoutMs} ms: ${output.slice(-2000)}`)),
    timeoutMs,
  );
  const heard = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-200_000);
    // Not searched for ever: brokers write much, and whoever started them may be measuring.
    if (isReady || !ready.test(output)) return;
    isReady = true;
    resolve();
  };
  child.stdout.on('data', heard);
  child.stderr.on('data', heard);
  child.once('error', reject);
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  void ended.then(() => reject(new Error(`${args.at(-2)} ended: ${output.slice(-2000)}`)));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(kill);
  };
  try {
    await promise;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return { process: child, output: () => output, stop };
}

const logging = (folder: string): string => {
  const path = join(folder, 'log4j.properties');
  writeFileSync(
    path,
    [
      'log4j.rootLogger=INFO, out',
      'log4j.appender.out=org.apache.log4j.ConsoleAppender',
      'log4j.appender.out.layout=org.apache.log4j.PatternLayout',
      'log4j.appender.out.layout.ConversionPattern=%d %p %c %m%n',
    ].join('\n'),
  );
  return `-Dlog4j.configuration=file:${path}`;
};

/** The original ZooKeeper and one original Kafka 3.9 broker in ZooKeeper mode, in a folder that `stop` removes. */
export async function startApacheKafka(settings: Readonly<Record<string, string>> = {}): Promise<{
  readonly port: number;
  readonly zooKeeperPort: number;
  readonly output: () => string;
  readonly stop: () => Promise<void>;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'hikube-apache-'));
  const [zooKeeperPort, port] = [await freePort(), await freePort()];
  const zooKeeperFile = join(folder, 'zoo.cfg');
  writeFileSync(
    zooKeeperFile,
    `tickTime=2000\ndataDir=${join(folder, 'zookeeper')}\nclientPort=${zooKeeperPort}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\nmaxClientCnxns=0\n`,
  );
  const kafkaFile = join(folder, 'server.properties');
  const properties: Record<string, string> = {
    'broker.id': '1',
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': join(folder, 'kafka'),
    'zookeeper.connect': `127.0.0.1:${zooKeeperPort}`,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    ...settings,
  };
  writeFileSync(
    kafkaFile,
    Object.entries(properties)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n'),
  );
  const zooKeeper = await start(
    'java',
    ['-Xmx128m', '-cp', classPathOf('zookeeper-3.9'), 'org.apache.zookeeper.server.ZooKeeperServerMain', zooKeeperFile],
    { ready: /binding to port|Started ServerConnector|PrepRequestProcessor/ },
  );
  const stopAll = async (kafka?: Running): Promise<void> => {
    await kafka?.stop();
    await zooKeeper.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const kafka = await start(
      'java',
      ['-Xmx512m', logging(folder), '-cp', classPathOf('kafka-3.9'), 'kafka.Kafka', kafkaFile],
      { ready: /\[KafkaServer id=\d+\] started|started \(kafka\.server\.KafkaServer\)|KafkaServer.*started/ },
    );
    return { port, zooKeeperPort, output: kafka.output, stop: () => stopAll(kafka) };
  } catch (error) {
    await stopAll();
    throw error;
  }
}
