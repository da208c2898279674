import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, type WriteStream, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Link } from './link.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

type Ports = { readonly client: number; readonly quorum: number; readonly election: number };

/** An ensemble of processes in which each server reaches each other one over a link of its own. */
export class Servers {
  readonly folder = mkdtempSync(join(tmpdir(), 'chaos-zookeeper-'));
  readonly ids: readonly number[];
  readonly #ports = new Map<number, Ports>();
  /** By `from * 100 + to`. */
  readonly #links = new Map<number, { readonly link: Link; readonly port: number }>();
  readonly #children = new Map<number, ChildProcess>();
  readonly #outputs = new Map<number, WriteStream>();

  constructor(count: number) {
    this.ids = Array.from({ length: count }, (_, index) => index + 1);
  }

  async prepare(): Promise<void> {
    for (const id of this.ids) {
      this.#ports.set(id, { client: await freePort(), quorum: await freePort(), election: await freePort() });
    }
    for (const from of this.ids) {
      for (const to of this.ids) {
        if (from === to) continue;
        const link = new Link((this.#ports.get(to) as Ports).quorum);
        this.#links.set(from * 100 + to, { link, port: await link.listen() });
      }
    }
  }

  get clientPorts(): readonly number[] {
    return this.ids.map((id) => (this.#ports.get(id) as Ports).client);
  }

  get running(): readonly number[] {
    return [...this.#children.keys()];
  }

  link(from: number, to: number): Link {
    return (this.#links.get(from * 100 + to) as { link: Link }).link;
  }

  /** Does nothing if it runs. */
  start(id: number): void {
    if (this.#children.has(id)) return;
    const data = join(this.folder, String(id), 'data');
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, 'myid'), `${id}\n`);
    const lines = this.ids.map((other) => {
      const { client, quorum, election } = this.#ports.get(other) as Ports;
      const port = other === id ? quorum : this.#links.get(id * 100 + other)?.port;
      return `server.${other}=127.0.0.1:${port}:${election}:participant;127.0.0.1:${client}`;
    });
    const file = join(this.folder, String(id), 'zoo.cfg');
    const settings = ['tickTime=1000', 'initLimit=10', 'syncLimit=5', `dataDir=${data}`, 'maxClientCnxns=0'];
    const more = ['admin.enableServer=false', '4lw.commands.whitelist=*', 'standaloneEnabled=false', 'snapCount=5000'];
    writeFileSync(file, [...settings, ...more, ...lines, ''].join('\n'));
    const main = resolve(import.meta.dirname, '../../../src/main.ts');
    const child = spawn(process.execPath, [main, 'zookeeper', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = this.#outputs.get(id) ?? createWriteStream(join(this.folder, `${id}.log`), { flags: 'a' });
    this.#outputs.set(id, output);
    child.stdout.pipe(output, { end: false });
    child.stderr.pipe(output, { end: false });
    this.#children.set(id, child);
    child.once('exit', (code, signal) => {
      if (this.#children.get(id) !== child) return;
      this.#children.delete(id);
      this.unexpectedExits.push(`server ${id} ended by itself (${signal ?? code})`);
    });
  }

  /** Servers that nobody killed. */
  readonly unexpectedExits: string[] = [];

  signal(id: number, signal: NodeJS.Signals): void {
    this.#children.get(id)?.kill(signal);
  }

  async kill(id: number): Promise<void> {
    const child = this.#children.get(id);
    this.#children.delete(id);
    if (child === undefined) return;
    const ended = new Promise((done) => child.once('close', done));
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await ended;
  }

  /** Undefined: it does not answer. */
  mode(id: number): Promise<string | undefined> {
    return new Promise((done) => {
      const socket = connect({ port: (this.#ports.get(id) as Ports).client, host: '127.0.0.1' });
      let text = '';
      socket.setTimeout(500, () => socket.destroy());
      socket.on('connect', () => socket.write('srvr'));
      socket.on('data', (bytes) => {
        text += bytes.toString();
      });
      socket.on('error', () => socket.destroy());
      socket.on('close', () => done(/^Mode: (\w+)$/m.exec(text)?.[1]));
    });
  }

  async leader(): Promise<number | undefined> {
    for (const id of this.running) if ((await this.mode(id)) === 'leader') return id;
    return undefined;
  }

  /** Heals all links, starts what is down, and waits until every server serves. @throws after `waitMs` */
  async healAll(waitMs: number): Promise<void> {
    for (const { link } of this.#links.values()) link.heal();
    for (const id of this.ids) {
      this.signal(id, 'SIGCONT');
      if (!this.#children.has(id)) this.start(id);
    }
    const endMs = performance.now() + waitMs;
    for (;;) {
      const modes = await Promise.all(this.ids.map((id) => this.mode(id)));
      if (modes.includes('leader') && modes.every((mode) => mode === 'leader' || mode === 'follower')) return;
      if (performance.now() > endMs) throw new Error(`healed for ${waitMs} ms, but the modes are ${modes.join(', ')}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** @param keep  leaves folders and logs to be looked at */
  async stop({ keep }: { readonly keep: boolean }): Promise<void> {
    await Promise.all([...this.#children.keys()].map((id) => this.kill(id)));
    for (const { link } of this.#links.values()) link.close();
    for (const output of this.#outputs.values()) output.end();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
