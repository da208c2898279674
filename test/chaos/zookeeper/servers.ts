import { type ChildProcess, spawn } from 'node:child_process';
import {
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  type WriteStream,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Link } from './link.ts';

export const tickMs = 1000;
const clientPort = 21_810;
const quorumPort = 28_880;
const electionPort = 38_880;
/** Second bytes of the loopback addresses that a run may take for its own: 127.x.0.0/16. */
const firstNetwork = 100;
const networksMax = 100;
/** Third byte of the addresses over which clients reach servers. */
const clientsFrom = 100;

export type ServersOptions = {
  readonly count: number;
  readonly clientCount: number;
  /** The program's `main.ts`; another one than ours is a mutant. */
  readonly main?: string;
  readonly settings?: readonly string[];
  /** One server without an ensemble. */
  readonly alone?: boolean;
  /** Where a server has its data, instead of in this run's folder. */
  readonly dataOf?: (id: number) => string;
};

const ourMain = resolve(import.meta.dirname, '../../../src/main.ts');

/**
 * An ensemble of processes that have loopback addresses of their own, as pods have, and call each other by name. Each
 * server's hosts file leads every other name to a link of its own, and so does each client's list of servers; so every
 * direction between any two can be cut, whatever membership says.
 */
export class Servers {
  readonly folder = mkdtempSync(join(tmpdir(), 'chaos-zookeeper-'));
  readonly ids: readonly number[];
  readonly #options: ServersOptions;
  readonly #links = new Map<string, Link>();
  readonly #children = new Map<number, ChildProcess>();
  readonly #outputs = new Map<number, WriteStream>();
  #network = 0;
  #networkLock: Server | undefined;

  constructor(options: ServersOptions) {
    this.#options = options;
    this.ids = Array.from({ length: options.count }, (_, index) => index + 1);
  }

  async prepare(): Promise<void> {
    // Nobody stays behind if this process ends before its time.
    process.once('exit', this.#killAll);
    await this.#takeNetwork();
    for (const to of this.ids) {
      for (const from of this.ids) {
        if (from === to) continue;
        const link = new Link({ host: this.#hostOf(to), port: quorumPort });
        await link.listen({ host: this.#address(from, to), port: quorumPort });
        this.#links.set(`${from}-${to}`, link);
      }
      for (let client = 0; client < this.#options.clientCount; client++) {
        const link = new Link({ host: this.#hostOf(to), port: clientPort });
        await link.listen({ host: this.#address(clientsFrom + client, to), port: clientPort });
        this.#links.set(`c${client}-${to}`, link);
      }
    }
  }

  readonly #killAll = (): void => {
    for (const child of this.#children.values()) child.kill('SIGKILL');
  };

  /** Runs may go on side by side: each holds a port of its network while it lasts. */
  async #takeNetwork(): Promise<void> {
    for (let network = firstNetwork; network < firstNetwork + networksMax; network++) {
      const lock = createServer();
      const taken = await new Promise<boolean>((done) => {
        lock.once('error', () => done(false));
        lock.listen(quorumPort, `127.${network}.0.1`, () => done(true));
      });
      if (!taken) continue;
      this.#network = network;
      this.#networkLock = lock;
      return;
    }
    throw new Error(`no free network among 127.${firstNetwork}.0.0 and the ${networksMax} that follow`);
  }

  #address(from: number, to: number): string {
    return `127.${this.#network}.${from}.${to}`;
  }

  #hostOf(id: number): string {
    return this.#address(id, id);
  }

  /** As a client reaches them, each over its own link. */
  addressesFor(client: number): { readonly host: string; readonly port: number }[] {
    return this.ids.map((id) => ({ host: this.#address(clientsFrom + client, id), port: clientPort }));
  }

  /** Without a link in between. */
  directAddress(id: number): { readonly host: string; readonly port: number } {
    return { host: this.#hostOf(id), port: clientPort };
  }

  get running(): readonly number[] {
    return [...this.#children.keys()];
  }

  link(from: number, to: number): Link {
    return this.#links.get(`${from}-${to}`) as Link;
  }

  linkOfClient(client: number, id: number): Link {
    return this.#links.get(`c${client}-${id}`) as Link;
  }

  linksOfClient(client: number): Link[] {
    return this.ids.map((id) => this.linkOfClient(client, id));
  }

  serverLine(id: number): string {
    return `server.${id}=zk${id}:${quorumPort}:${electionPort}:participant;0.0.0.0:${clientPort}`;
  }

  #dataOf(id: number): string {
    return this.#options.dataOf?.(id) ?? join(this.folder, String(id), 'data');
  }

  /** Does nothing if it runs. */
  start(id: number): void {
    if (this.#children.has(id)) return;
    const data = this.#dataOf(id);
    mkdirSync(data, { recursive: true });
    mkdirSync(join(this.folder, String(id)), { recursive: true });
    writeFileSync(join(data, 'myid'), `${id}\n`);
    const file = join(this.folder, String(id), 'zoo.cfg');
    const hosts = join(this.folder, String(id), 'hosts');
    const lines = [
      ...[`tickTime=${tickMs}`, 'initLimit=10', 'syncLimit=5', `dataDir=${data}`, 'maxClientCnxns=0'],
      ...['admin.enableServer=false', '4lw.commands.whitelist=*', 'reconfigEnabled=true', 'skipACL=yes'],
      ...(this.#options.settings ?? []),
      ...(this.#options.alone === true
        ? [`clientPort=${clientPort}`]
        : ['standaloneEnabled=false', ...this.ids.map((other) => this.serverLine(other))]),
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    const names = this.ids.map((other) => `${this.#address(id, other)} zk${other}`);
    writeFileSync(hosts, `${names.join('\n')}\n`);
    const child = spawn(process.execPath, [this.#options.main ?? ourMain, 'zookeeper', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HIKUBE_HOSTS_FILE: hosts, HIKUBE_POD_ADDRESS: this.#hostOf(id) },
    });
    const output = this.#outputs.get(id) ?? createWriteStream(this.#logOf(id), { flags: 'a' });
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

  #logOf(id: number): string {
    return join(this.folder, `${id}.log`);
  }

  /** Servers that nobody killed. */
  readonly unexpectedExits: string[] = [];

  signal(id: number, signal: NodeJS.Signals): void {
    this.#children.get(id)?.kill(signal);
  }

  /** SIGTERM is an orderly stop: a leader hands over first. */
  async kill(id: number, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#children.get(id);
    this.#children.delete(id);
    if (child === undefined) return;
    const ended = new Promise((done) => child.once('close', done));
    child.kill('SIGCONT');
    child.kill(signal);
    const patience = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(patience);
  }

  /** Its volume is lost. It must not run. */
  wipe(id: number): void {
    rmSync(this.#dataOf(id), { recursive: true, force: true });
  }

  /** Undefined: it does not answer. */
  mode(id: number): Promise<string | undefined> {
    return new Promise((done) => {
      const socket = connect(this.directAddress(id));
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

  /** Heals all links and starts what is down. */
  heal(): void {
    for (const link of this.#links.values()) link.heal();
    for (const id of this.ids) {
      this.signal(id, 'SIGCONT');
      this.start(id);
    }
  }

  /** Heals, and waits until every server serves. @throws after `waitMs` */
  async healAll(waitMs: number, wanted: readonly string[] = ['leader', 'follower']): Promise<void> {
    this.heal();
    const endMs = performance.now() + waitMs;
    for (;;) {
      const modes = await Promise.all(this.ids.map((id) => this.mode(id)));
      const led = modes.includes('leader') || modes.includes('standalone');
      if (led && modes.every((mode) => mode !== undefined && wanted.includes(mode))) return;
      if (performance.now() > endMs) throw new Error(`healed for ${waitMs} ms, but the modes are ${modes.join(', ')}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** How often the servers' logs tell of something. */
  told(sentence: string): number {
    return this.ids.reduce((sum, id) => sum + readFileSync(this.#logOf(id), 'utf8').split(sentence).length - 1, 0);
  }

  /** @param keep  leaves folders and logs to be looked at */
  async stop({ keep }: { readonly keep: boolean }): Promise<void> {
    process.removeListener('exit', this.#killAll);
    await Promise.all([...this.#children.keys()].map((id) => this.kill(id)));
    for (const link of this.#links.values()) link.close();
    for (const output of this.#outputs.values()) output.end();
    this.#networkLock?.close();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
