import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { classPathOf } from '../support/originals.ts';
import { ended } from '../support/zookeeper/apache-server.ts';
import { type OwnEnsemble, startEnsembleOf } from '../support/zookeeper/own-ensemble.ts';

const clients = join(import.meta.dirname, 'clients');
const KAZOO_VERSION = '2.11.0';
/** How long the clients work while servers are killed. */
const KILL_SECONDS = Number(process.env.KILL_SECONDS ?? 20);

let ensemble: OwnEnsemble;
beforeAll(async () => {
  ensemble = await startEnsembleOf(3);
});
afterAll(() => ensemble?.stop());

/** A Python that has kazoo, in the cache of the originals. */
function kazooPython(): string {
  const folder = join(
    process.env.HIKUBE_ORIGINALS ?? join(homedir(), '.cache', 'hikube-kafka'),
    `kazoo-${KAZOO_VERSION}`,
  );
  const python = join(folder, 'bin', 'python');
  if (!existsSync(join(folder, 'ready'))) {
    for (const [program, ...args] of [
      ['python3', '-m', 'venv', folder],
      [python, '-m', 'pip', 'install', '-q', `kazoo==${KAZOO_VERSION}`],
      ['touch', join(folder, 'ready')],
    ] as [string, ...string[]][]) {
      const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
    }
  }
  return python;
}

function run(program: string, args: readonly string[], timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece: Buffer) => {
        text = (text + piece.toString()).slice(-20_000);
      });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(`${text}\nexit ${code}`);
    });
  });
}

/** Kills one server after another while `work` goes on; the leader every second time. */
async function withKills(work: Promise<string>): Promise<{ text: string; kills: number }> {
  let over = false;
  const finished = work.finally(() => {
    over = true;
  });
  let kills = 0;
  while (!over) {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    if (over) break;
    const leader = await ensemble.serving(3);
    const victim = kills % 2 === 0 ? leader : [1, 2, 3].find((id) => id !== leader)!;
    await ensemble.kill(victim);
    kills++;
    await ensemble.serving(2);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    ensemble.start(victim);
  }
  await ensemble.serving(3);
  return { text: await finished, kills };
}

/** ZooKeeper's own command line, one session for many commands. */
class ZkCli {
  readonly #child: ChildProcess;
  #text = '';

  constructor() {
    const classPath = classPathOf('zookeeper-3.9');
    const args = ['-cp', classPath, 'org.apache.zookeeper.ZooKeeperMain', '-server', ensemble.connectText];
    this.#child = spawn('java', [...args, '-waitforconnection'], { stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (piece: Buffer) => {
        this.#text += piece.toString();
      });
    }
  }

  /** Types a command, again after every connection that is lost, until it is answered so. @returns what it said last */
  async command(text: string, answered: RegExp, waitMs = 60_000): Promise<string> {
    const endMs = performance.now() + waitMs;
    for (;;) {
      this.#text = '';
      this.#child.stdin?.write(`${text}\n`);
      while (!answered.test(this.#text) && !/ConnectionLoss/.test(this.#text)) {
        if (performance.now() > endMs || this.#child.exitCode !== null) throw new Error(`${text}: ${this.#text}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      if (answered.test(this.#text)) return this.#text;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async quit(): Promise<void> {
    await ended(this.#child, 'SIGTERM');
  }
}

const curator = (...args: string[]): [string, string[]] => [
  'java',
  ['-cp', classPathOf('curator-5'), join(clients, 'CuratorRecipes.java'), ensemble.connectText, ...args],
];
const kazoo = (...args: string[]): [string, string[]] => [
  kazooPython(),
  [join(clients, 'kazoo_recipes.py'), ensemble.connectText, ...args],
];

test('kazoo and its recipes work on an ensemble of three', async () => {
  expect(await run(...kazoo(), 120_000)).toMatch(/^OK$[\s\S]*exit 0$/m);
});

test("Curator's recipes work on an ensemble of three", async () => {
  expect(await run(...curator(), 120_000)).toMatch(/^OK$[\s\S]*exit 0$/m);
});

test('kazoo locks and counts while servers are killed', async () => {
  const { text, kills } = await withKills(run(...kazoo(`${KILL_SECONDS}`), 170_000));
  expect(text).toMatch(/^OK$[\s\S]*exit 0$/m);
  expect(kills).toBeGreaterThan(1);
});

test('Curator locks and counts while servers are killed', { timeout: KILL_SECONDS * 1000 + 180_000 }, async () => {
  const { text, kills } = await withKills(run(...curator(`${KILL_SECONDS}`), KILL_SECONDS * 1000 + 150_000));
  process.stdout.write(`${/^acquired .*$/m.exec(text)?.[0]}, ${kills} kills\n`);
  expect(text).toMatch(/^OK$[\s\S]*exit 0$/m);
  expect(kills).toBeGreaterThan(1);
});

test('zkCli goes on with its session while servers are killed', async () => {
  const cli = new ZkCli();
  await cli.command('create /cli', /Created \/cli|Node already exists/);
  await cli.command('create -e /cli/mine here', /Created|already exists/);
  let made = 0;
  const work = async (): Promise<string> => {
    const endMs = performance.now() + KILL_SECONDS * 1000;
    while (performance.now() < endMs) {
      // A create that met a broken connection may have happened.
      await cli.command(`create /cli/n${made} value-${made}`, /Created \/cli\/n|Node already exists/);
      expect(await cli.command(`get /cli/n${made}`, /value-\d+/)).toContain(`value-${made}`);
      made++;
    }
    return cli.command('ls /cli', /\[[^\]]*n0[^\]]*\]/);
  };
  const { text, kills } = await withKills(work());
  expect(kills).toBeGreaterThan(1);
  expect(made).toBeGreaterThan(20);
  const listed = /\[([^\]]*n0[^\]]*)\]/.exec(text)?.[1]?.split(', ') ?? [];
  expect(listed.length).toBe(made + 1);
  // The session of its ephemeral node is the one that it began with.
  expect(listed).toContain('mine');
  await cli.quit();
});

test('ZooKeeperMain does one command after another with a server down', async () => {
  const leader = await ensemble.serving(3);
  await ensemble.kill(leader);
  const main = (...command: string[]): Promise<string> =>
    run(
      'java',
      [
        ...['-cp', classPathOf('zookeeper-3.9'), 'org.apache.zookeeper.ZooKeeperMain', '-waitforconnection'],
        ...['-server', ensemble.connectText, ...command],
      ],
      60_000,
    );
  expect(await main('create', '/main', 'hello')).toMatch(/Created \/main[\s\S]*exit 0/);
  expect(await main('get', '/main')).toMatch(/hello[\s\S]*exit 0/);
  expect(await main('deleteall', '/main')).toMatch(/exit 0/);
  ensemble.start(leader);
  await ensemble.serving(3);
});
