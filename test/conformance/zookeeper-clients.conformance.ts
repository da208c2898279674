import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { classPathOf } from '../support/originals.ts';
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

test('Curator locks and counts while servers are killed', async () => {
  const { text, kills } = await withKills(run(...curator(`${KILL_SECONDS}`), 170_000));
  expect(text).toMatch(/^OK$[\s\S]*exit 0$/m);
  expect(kills).toBeGreaterThan(1);
});
