import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Running, start } from '../../support/apache-kafka.ts';
import { classPathOf, type Original } from '../../support/originals.ts';
import { freePort } from '../../support/ports.ts';

export type ApacheCluster = {
  readonly bootstrap: string;
  /** Log folders of a broker. */
  disksOf(id: number): readonly string[];
  /** Ends a broker with SIGKILL; `begin` starts it again where it was. */
  kill(id: number): Promise<void>;
  begin(id: number): Promise<void>;
  /** Runs one of Apache's own tools against the cluster. */
  tool(mainClass: string, ...args: readonly string[]): { readonly status: number | null; readonly output: string };
  stop(): Promise<void>;
};

/** How brokers are set up: small for a test, or as Apache's documentation says. */
export type SetUp = 'small' | 'documented';

const clusterId = '4L6g3nShT-eMCtK--X86sw';
const startTimeoutMs = 150_000;

/**
 * Small: starts quickly and takes little. Documented: the arguments that Apache's documentation calls typical
 * (https://kafka.apache.org/39/documentation.html#java), with half of their heap, as four share a machine.
 */
const javaOptions: Readonly<Record<SetUp, readonly string[]>> = {
  small: ['-Xmx320m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
  documented: [
    '-Xmx3g',
    '-Xms3g',
    '-XX:MetaspaceSize=96m',
    '-XX:+UseG1GC',
    '-XX:MaxGCPauseMillis=20',
    '-XX:InitiatingHeapOccupancyPercent=35',
    '-XX:G1HeapRegionSize=16M',
    '-XX:MinMetaspaceFreeRatio=50',
    '-XX:MaxMetaspaceFreeRatio=80',
    '-XX:+ExplicitGCInvokesConcurrent',
  ],
};

/** Documented: Apache's own number of threads. */
const threads: Readonly<Record<SetUp, Readonly<Record<string, string>>>> = {
  small: { 'num.network.threads': '2', 'num.io.threads': '2' },
  documented: {},
};

/** Brokers 1, 2, ... of an original in KRaft mode, one for each rack named; broker 1 is the controller as well. */
export async function startApacheCluster(
  original: Extract<Original, 'kafka-3.9' | 'kafka-4'>,
  racks: readonly string[],
  { disks = 1, setUp = 'small' }: { readonly disks?: number; readonly setUp?: SetUp | undefined } = {},
): Promise<ApacheCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'hikube-brokers-'));
  const classPath = classPathOf(original);
  const controllerPort = await freePort();
  const ports: number[] = [];
  for (const _ of racks) ports.push(await freePort());
  const running = new Map<number, Running>();
  const disksOf = (id: number): string[] =>
    Array.from({ length: disks }, (_, disk) => join(folder, `broker-${id}`, `disk-${disk}`));
  const settingsOf = (id: number): string => join(folder, `server-${id}.properties`);
  const stop = async (): Promise<void> => {
    // Broker 1 is the controller: without it the others wait in vain for leave to go.
    for (const id of [...running.keys()].reverse()) if (id !== 1) running.get(id)!.process.kill('SIGKILL');
    await Promise.all([...running.values()].map((each) => each.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  const logging = original === 'kafka-4' ? log4j2(folder) : log4j(folder);
  const begin = async (id: number): Promise<void> => {
    const args = [...javaOptions[setUp], ...logging, '-cp', classPath];
    running.set(
      id,
      await start('java', [...args, 'kafka.Kafka', settingsOf(id)], {
        ready: /KafkaRaftServer nodeId=\d+\] Kafka Server started|Kafka Server started/,
        timeoutMs: startTimeoutMs,
      }),
    );
  };
  try {
    for (const [at, rack] of racks.entries()) {
      const id = at + 1;
      for (const disk of disksOf(id)) mkdirSync(disk, { recursive: true });
      const own = `PLAINTEXT://127.0.0.1:${ports[at]}`;
      const properties: Record<string, string> = {
        'node.id': String(id),
        'process.roles': id === 1 ? 'broker,controller' : 'broker',
        'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
        'controller.listener.names': 'CONTROLLER',
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
        listeners: id === 1 ? `${own},CONTROLLER://127.0.0.1:${controllerPort}` : own,
        'advertised.listeners': own,
        'log.dirs': disksOf(id).join(','),
        'broker.rack': rack,
        'offsets.topic.num.partitions': '1',
        'offsets.topic.replication.factor': '1',
        ...threads[setUp],
        'auto.leader.rebalance.enable': 'false',
      };
      const text = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
      writeFileSync(settingsOf(id), text.join('\n'));
      if (id === 1) {
        const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', settingsOf(id)];
        const formatted = spawnSync('java', ['-Xmx128m', '-cp', classPath, ...format], { encoding: 'utf8' });
        if (formatted.status !== 0) throw new Error(`cannot format: ${formatted.stdout}${formatted.stderr}`);
      } else {
        for (const disk of disksOf(id)) {
          writeFileSync(join(disk, 'meta.properties'), `version=1\nnode.id=${id}\ncluster.id=${clusterId}\n`);
        }
      }
    }
    await begin(1);
    // All at once would take the machine's breath away, one after the other takes twice as long.
    for (let id = 2; id <= racks.length; id += 2) {
      await Promise.all([id, id + 1].filter((each) => each <= racks.length).map(begin));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    bootstrap: ports.map((port) => `127.0.0.1:${port}`).join(','),
    disksOf,
    kill: async (id) => {
      const { process } = running.get(id)!;
      const ended = new Promise((resolve) => process.once('exit', resolve));
      process.kill('SIGKILL');
      await ended;
    },
    begin,
    tool: (mainClass, ...args) => {
      const ran = spawnSync('java', ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', classPath, mainClass, ...args], {
        encoding: 'utf8',
      });
      return { status: ran.status, output: `${ran.stdout}${ran.stderr}` };
    },
    stop,
  };
}

function log4j(folder: string): string[] {
  const path = join(folder, 'log4j.properties');
  const lines = [
    'log4j.rootLogger=INFO, out',
    'log4j.appender.out=org.apache.log4j.ConsoleAppender',
    'log4j.appender.out.layout=org.apache.log4j.PatternLayout',
    'log4j.appender.out.layout.ConversionPattern=%d %p %c %m%n',
  ];
  writeFileSync(path, lines.join('\n'));
  return [`-Dlog4j.configuration=file:${path}`];
}

/** 4.x logs through Log4j 2. */
function log4j2(folder: string): string[] {
  const path = join(folder, 'log4j2.properties');
  const lines = [
    'appender.out.type=Console',
    'appender.out.name=out',
    'appender.out.layout.type=PatternLayout',
    'appender.out.layout.pattern=%d %p %c %m%n',
    'rootLogger.level=info',
    'rootLogger.appenderRef.out.ref=out',
  ];
  writeFileSync(path, lines.join('\n'));
  return [`-Dlog4j2.configurationFile=${path}`];
}
