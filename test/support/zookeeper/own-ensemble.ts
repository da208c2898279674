import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../ports.ts';
import { ended, fourLetterWord } from './apache-server.ts';

type Ports = { readonly client: number; readonly quorum: number; readonly election: number };

/** Servers of ours as processes, in one ensemble on this machine's loopback. */
export class OwnEnsemble {
  readonly folder = mkdtempSync(join(tmpdir(), 'own-ensemble-'));
  readonly ports = new Map<number, Ports>();
  readonly #children = new Map<number, ChildProcess>();
  readonly #settings: readonly string[];
  output = '';

  constructor(settings: readonly string[] = []) {
    this.#settings = settings;
  }

  /** `host:port` of every server that was ever configured. */
  get connectText(): string {
    return [...this.ports.values()].map(({ client }) => `127.0.0.1:${client}`).join(',');
  }

  serverLine(id: number): string {
    const { client, quorum, election } = this.ports.get(id)!;
    return `server.${id}=127.0.0.1:${quorum}:${election}:participant;127.0.0.1:${client}`;
  }

  async configure(ids: readonly number[]): Promise<void> {
    for (const id of ids) {
      if (this.ports.has(id)) continue;
      this.ports.set(id, { client: await freePort(), quorum: await freePort(), election: await freePort() });
    }
  }

  /** @param members  the servers that stand in its file; all that are configured if left out */
  start(id: number, members: readonly number[] = [...this.ports.keys()]): void {
    const data = join(this.folder, `${id}`, 'data');
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, 'myid'), `${id}\n`);
    const file = join(this.folder, `${id}`, 'zoo.cfg');
    const lines = [
      'tickTime=2000',
      'initLimit=10',
      'syncLimit=5',
      `dataDir=${data}`,
      'maxClientCnxns=0',
      'admin.enableServer=false',
      '4lw.commands.whitelist=*',
      'extendedTypesEnabled=true',
      'standaloneEnabled=false',
      ...this.#settings,
      ...members.map((member) => this.serverLine(member)),
      '',
    ];
    writeFileSync(file, lines.join('\n'));
    const main = resolve(import.meta.dirname, '../../../src/main.ts');
    const child = spawn(process.execPath, [main, 'zookeeper', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => {
        this.output = (this.output + text.toString()).slice(-50_000);
      });
    }
    this.#children.set(id, child);
  }

  pid(id: number): number {
    return this.#children.get(id)!.pid!;
  }

  async kill(id: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#children.get(id);
    this.#children.delete(id);
    if (child !== undefined) await ended(child, signal);
  }

  get running(): number[] {
    return [...this.#children.keys()];
  }

  async mode(id: number): Promise<string> {
    const text = await fourLetterWord(this.ports.get(id)!.client, 'srvr').catch(() => '');
    return /^Mode: (\w+)$/m.exec(text)?.[1] ?? 'none';
  }

  /** Waits for a leader and for `count` servers that serve; answers the leader. */
  async serving(count = this.#children.size, waitMs = 20_000): Promise<number> {
    const endMs = performance.now() + waitMs;
    for (;;) {
      const modes = await Promise.all(this.running.map(async (id) => [id, await this.mode(id)] as const));
      const leader = modes.find(([, mode]) => mode === 'leader');
      if (leader !== undefined && modes.filter(([, mode]) => mode !== 'none').length >= count) return leader[0];
      if (performance.now() > endMs)
        throw new Error(`waited in vain for ${count} servers: ${JSON.stringify(modes)}\n${this.output}`);
      await new Promise((wait) => setTimeout(wait, 20));
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.running.map((id) => this.kill(id)));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function startEnsembleOf(count: number, settings: readonly string[] = []): Promise<OwnEnsemble> {
  const ensemble = new OwnEnsemble(settings);
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  await ensemble.configure(ids);
  for (const id of ids) ensemble.start(id);
  await ensemble.serving(count);
  return ensemble;
}
