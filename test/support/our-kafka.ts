import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Running, start } from './apache-kafka.ts';
import { freePort } from './ports.ts';

const root = resolve(import.meta.dirname, '../..');
const node = join(root, 'node_modules/.bin/node');
const main = join(root, 'src/main.ts');

export type OurKafka = {
  readonly port: number;
  readonly bootstrap: string;
  readonly broker: Running;
  readonly stop: () => Promise<void>;
};

/** Our ZooKeeper role and one broker of ours, as anybody would start them: two processes, two files of settings. */
export async function startOurKafka(settings: Readonly<Record<string, string>> = {}): Promise<OurKafka> {
  const folder = mkdtempSync(join(tmpdir(), 'hikube-ours-'));
  const [zooKeeperPort, port] = [await freePort(), await freePort()];
  const zooKeeperFile = join(folder, 'zoo.cfg');
  writeFileSync(
    zooKeeperFile,
    [
      'tickTime=2000',
      `dataDir=${join(folder, 'zookeeper')}`,
      `clientPort=${zooKeeperPort}`,
      'clientPortAddress=127.0.0.1',
    ].join('\n'),
  );
  const brokerFile = join(folder, 'server.properties');
  const properties: Record<string, string> = {
    'broker.id': '1',
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': join(folder, 'kafka'),
    'zookeeper.connect': `127.0.0.1:${zooKeeperPort}`,
    'num.partitions': '3',
    'offsets.topic.replication.factor': '1',
    'group.initial.rebalance.delay.ms': '500',
    ...settings,
  };
  writeFileSync(
    brokerFile,
    Object.entries(properties)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n'),
  );
  const zooKeeper = await start(node, [main, 'zookeeper', zooKeeperFile], { ready: /serving clients/ });
  const stopAll = async (broker?: Running): Promise<void> => {
    await broker?.stop();
    await zooKeeper.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const broker = await start(node, [main, 'broker', brokerFile], { ready: /the controller is ready/ });
    return { port, bootstrap: `127.0.0.1:${port}`, broker, stop: () => stopAll(broker) };
  } catch (error) {
    await stopAll();
    throw error;
  }
}
