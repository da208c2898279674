import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Request } from '../../src/protocol/zookeeper/index.ts';
import {
  decodeReplyHeader,
  encodeConnectRequest,
  FrameSplitter,
  JuteWriter,
  openAcl,
  sessionId,
  writeRequestFrame,
} from '../../src/protocol/zookeeper/index.ts';
import { classPathOf } from '../support/originals.ts';
import { ended, fourLetterWord, freePort } from '../support/zookeeper/apache-server.ts';

export const summary = 'ZooKeeper server against Apache ZooKeeper 3.9: throughput, latency, start, memory, failover';

const DATA = Buffer.alloc(100, 'd');
const CLIENTS = 4;
const IN_FLIGHT = 64;

type Kind = 'ours' | 'apache';
type Servers = {
  readonly kind: Kind;
  readonly ports: readonly number[];
  readonly children: (ChildProcess | undefined)[];
  readonly startMs: number;
  stop(): Promise<void>;
  restart(index: number): void;
};

async function start(kind: Kind, count: number): Promise<Servers> {
  const folder = mkdtempSync(join(tmpdir(), `bench-${kind}-`));
  const ports: number[] = [];
  const lines: string[] = [];
  for (let id = 1; id <= count; id++) {
    ports.push(await freePort());
    lines.push(`server.${id}=127.0.0.1:${await freePort()}:${await freePort()}:participant`);
  }
  const launch = (index: number): ChildProcess => {
    const data = join(folder, `${index + 1}`);
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, 'myid'), `${index + 1}`);
    const file = join(data, 'zoo.cfg');
    writeFileSync(
      file,
      [
        ...['tickTime=2000', 'initLimit=10', 'syncLimit=5', `dataDir=${data}`, `clientPort=${ports[index]}`],
        ...['admin.enableServer=false', 'maxClientCnxns=0', '4lw.commands.whitelist=*'],
        ...(count > 1 ? lines : []),
        '',
      ].join('\n'),
    );
    const java = [
      '-Xmx512m',
      '-cp',
      classPathOf('zookeeper-3.9'),
      'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      file,
    ];
    const own = [resolve(import.meta.dirname, '../../src/main.ts'), 'zookeeper', file];
    return kind === 'apache'
      ? spawn('java', java, { stdio: 'ignore' })
      : spawn(process.execPath, own, { stdio: 'ignore' });
  };
  const beganMs = performance.now();
  const children: (ChildProcess | undefined)[] = ports.map((_, index) => launch(index));
  for (const port of ports) await mode(port);
  const startMs = performance.now() - beganMs;
  return {
    kind,
    ports,
    children,
    startMs,
    restart(index) {
      children[index] = launch(index);
    },
    async stop() {
      await Promise.all(children.map((child) => (child === undefined ? undefined : ended(child, 'SIGKILL'))));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function mode(port: number): Promise<string> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const found = /Mode: (\w+)/.exec(await fourLetterWord(port, 'srvr').catch(() => ''))?.[1];
    if (found !== undefined) return found;
    await new Promise((wait) => setTimeout(wait, 20));
  }
  throw new Error(`port ${port} does not serve`);
}

/** Sends frames and counts answers; nothing of a body is looked at. */
class Load {
  errors = 0;
  events = 0;
  #socket: Socket;
  #splitter = new FrameSplitter(64 << 20);
  #ready: () => void = () => {};
  #open = false;
  #nextXid = 1;
  #sentAt: number[] = [];
  #onAnswer: (latencyMs: number) => void = () => {};

  private constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('error', () => {});
    this.#socket.on('data', (chunk: Buffer) => {
      this.#splitter.push(chunk, (frame) => {
        if (!this.#open) {
          this.#open = true;
          this.#ready();
          return true;
        }
        const xid = frame.readInt32BE(0);
        if (xid === -1) this.events++;
        else {
          const header = decodeReplyHeader(frame);
          if (header.ok && header.value.error !== 0) this.errors++;
          this.#onAnswer(performance.now() - this.#sentAt.shift()!);
        }
        return true;
      });
    });
  }

  static open(port: number): Promise<Load> {
    return new Promise((resolved, rejected) => {
      const load = new Load(port);
      load.#ready = () => resolved(load);
      load.#socket.on('close', () => rejected(new Error('closed')));
      const hello = {
        protocolVersion: 0,
        lastZxidSeen: 0,
        timeoutMs: 30_000,
        sessionId: sessionId(0n),
        readOnly: false,
      };
      load.#socket.write(encodeConnectRequest({ ...hello, password: Buffer.alloc(16) }));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** @returns latencies in milliseconds */
  run(count: number, inFlight: number, make: (index: number) => Request): Promise<number[]> {
    return new Promise((resolved) => {
      const latencies: number[] = [];
      let sent = 0;
      const writer = new JuteWriter();
      const fill = (): void => {
        while (sent < count && this.#sentAt.length < inFlight) {
          writeRequestFrame(writer, this.#nextXid++, make(sent++));
          this.#sentAt.push(performance.now());
        }
        if (writer.length > 0) this.#socket.write(writer.take());
      };
      let scheduled = false;
      this.#onAnswer = (latencyMs) => {
        latencies.push(latencyMs);
        if (latencies.length === count) resolved(latencies);
        else if (!scheduled) {
          scheduled = true;
          queueMicrotask(() => {
            scheduled = false;
            fill();
          });
        }
      };
      fill();
    });
  }
}

type Row = { readonly name: string; readonly perSecond: number; readonly p50: number; readonly p99: number };

let unique = 0;

async function measure(servers: Servers, name: string, count: number, inFlight: number): Promise<Row> {
  const clients = inFlight === 1 ? 1 : CLIENTS;
  const loads = await Promise.all(
    Array.from({ length: clients }, (_, index) => Load.open(servers.ports[index % servers.ports.length]!)),
  );
  const root = `/b${unique++}`;
  const [first] = loads as [Load, ...Load[]];
  const create = (path: string): Request => ({ op: 'create', path, data: DATA, acl: openAcl, flags: 0 });
  await first.run(1, 1, () => create(root));
  const each = Math.ceil(count / clients);
  const path = (client: number, index: number): string => `${root}/n${client}-${index}`;
  const prepare = name === 'create' ? 0 : name === 'delete' ? each : 100;
  await Promise.all(
    loads.map((load, client) =>
      load.run(prepare || 1, IN_FLIGHT, (index) => create(prepare === 0 ? `${root}/x${client}` : path(client, index))),
    ),
  );
  const make =
    (client: number) =>
    (index: number): Request => {
      const known = path(client, index % 100);
      if (name === 'create') return create(path(client, index));
      if (name === 'delete') return { op: 'delete', path: path(client, index), version: -1 };
      const set = name === 'set' || (name === 'mixed 9:1' && index % 10 === 0);
      return set
        ? { op: 'setData', path: known, data: DATA, version: -1 }
        : { op: 'getData', path: known, watch: false };
    };
  const beganMs = performance.now();
  const latencies = (await Promise.all(loads.map((load, client) => load.run(each, inFlight, make(client))))).flat();
  const seconds = (performance.now() - beganMs) / 1000;
  for (const load of loads) {
    if (load.errors > 0) process.stdout.write(`  ${servers.kind} ${name}: ${load.errors} errors\n`);
    load.close();
  }
  latencies.sort((a, b) => a - b);
  const quantile = (part: number): number => latencies[Math.floor(latencies.length * part)] ?? 0;
  return { name, perSecond: latencies.length / seconds, p50: quantile(0.5), p99: quantile(0.99) };
}

const rssMb = (child: ChildProcess | undefined): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child!.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function fanOut(servers: Servers, watchers: number): Promise<number> {
  const writer = await Load.open(servers.ports[0]!);
  const path = `/fan${unique++}`;
  await writer.run(1, 1, () => ({ op: 'create', path, data: DATA, acl: openAcl, flags: 0 }));
  const loads: Load[] = [];
  for (let index = 0; index < watchers; index++)
    loads.push(await Load.open(servers.ports[index % servers.ports.length]!));
  await Promise.all(loads.map((load) => load.run(1, 1, () => ({ op: 'getData', path, watch: true }))));
  const beganMs = performance.now();
  await writer.run(1, 1, () => ({ op: 'setData', path, data: DATA, version: -1 }));
  while (loads.some(({ events }) => events === 0)) await new Promise((wait) => setImmediate(wait));
  const tookMs = performance.now() - beganMs;
  for (const load of [writer, ...loads]) load.close();
  return tookMs;
}

/** Milliseconds between the death of the leader and the first write that another server takes. */
async function failover(servers: Servers): Promise<number> {
  const modes = await Promise.all(servers.ports.map((port) => mode(port)));
  const leader = modes.indexOf('leader');
  const child = servers.children[leader]!;
  const beganMs = performance.now();
  child.kill('SIGKILL');
  const others = servers.ports.filter((_, index) => index !== leader);
  for (let attempt = 0; ; attempt++) {
    const load = await Promise.race([
      Load.open(others[attempt % 2]!).catch(() => undefined),
      new Promise<undefined>((wait) => setTimeout(() => wait(undefined), 500)),
    ]);
    if (load === undefined) {
      await new Promise((wait) => setTimeout(wait, 5));
      continue;
    }
    const done = await Promise.race([
      load.run(1, 1, () => ({ op: 'create', path: `/f${unique++}`, data: DATA, acl: openAcl, flags: 0 })),
      new Promise<undefined>((wait) => setTimeout(() => wait(undefined), 500)),
    ]);
    load.close();
    if (done !== undefined) break;
  }
  const tookMs = performance.now() - beganMs;
  servers.restart(leader);
  for (const port of servers.ports) await mode(port);
  return tookMs;
}

function table(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    process.stdout.write(
      `${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')}\n`,
    );
  }
}

/** Options: `--quick`, `--servers 1|3` (both if left out), `--znodes N` (default 100,000), `--failovers N` (default 3). */
export async function run(args: readonly string[]): Promise<void> {
  const option = (name: string, otherwise: number): number => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(args[at + 1]);
  };
  const quick = args.includes('--quick');
  const scale = quick ? 0.25 : 1;
  const counts = [1, 3].filter((count) => option('servers', count) === count);
  for (const count of counts) {
    const ours = await start('ours', count);
    const apache = await start('apache', count);
    try {
      const rest = { ours: rssMb(ours.children[0]), apache: rssMb(apache.children[0]) };
      const rows: string[][] = [['', 'ours /s', 'p50', 'p99', 'Apache /s', 'p50', 'p99', 'ratio']];
      for (const inFlight of [1, IN_FLIGHT]) {
        const total = Math.round((inFlight === 1 ? 1_000 : 20_000) * scale);
        for (const name of ['create', 'set', 'get', 'delete', 'mixed 9:1']) {
          // Warm both, then A B B A.
          for (const servers of [ours, apache]) await measure(servers, name, Math.min(total, 4_000), inFlight);
          const found: Record<Kind, Row[]> = { ours: [], apache: [] };
          for (const servers of [ours, apache, apache, ours]) {
            found[servers.kind].push(await measure(servers, name, total, inFlight));
          }
          const best = (kind: Kind, of: (row: Row) => number): number =>
            found[kind].reduce((sum, row) => sum + of(row), 0) / found[kind].length;
          const cell = (kind: Kind): string[] => [
            best(kind, (row) => row.perSecond).toFixed(0),
            best(kind, (row) => row.p50).toFixed(2),
            best(kind, (row) => row.p99).toFixed(2),
          ];
          const ratio = best('ours', (row) => row.perSecond) / best('apache', (row) => row.perSecond);
          const label = inFlight === 1 ? `${name}, one at a time` : `${name}, ${CLIENTS} x ${inFlight} in flight`;
          rows.push([label, ...cell('ours'), ...cell('apache'), ratio.toFixed(2)]);
        }
      }
      process.stdout.write(
        `\n${count} server${count > 1 ? 's' : ''} (latencies in ms; load ${loadavg()[0]!.toFixed(1)})\n`,
      );
      table(rows);
      const facts: string[][] = [['', 'ours', 'Apache']];
      facts.push(['start to serving, ms', ours.startMs.toFixed(0), apache.startMs.toFixed(0)]);
      facts.push(['RSS at rest, MB', rest.ours.toFixed(0), rest.apache.toFixed(0)]);
      facts.push([
        'watch fan-out to 1,000 clients, ms',
        ...[await fanOut(ours, 1_000), await fanOut(apache, 1_000)].map((ms) => ms.toFixed(0)),
      ]);
      if (count > 1) {
        const times: Record<Kind, number[]> = { ours: [], apache: [] };
        for (let round = 0; round < option('failovers', 3); round++) {
          for (const servers of [ours, apache]) times[servers.kind].push(await failover(servers));
        }
        facts.push(['failover, median ms', median(times.ours).toFixed(0), median(times.apache).toFixed(0)]);
        facts.push(['failover, longest ms', Math.max(...times.ours).toFixed(0), Math.max(...times.apache).toFixed(0)]);
      } else {
        const znodes = option('znodes', quick ? 20_000 : 100_000);
        for (const servers of [ours, apache]) await measure(servers, 'create', znodes, IN_FLIGHT);
        facts.push([
          `RSS with ${znodes} more znodes of 100 bytes, MB`,
          rssMb(ours.children[0]).toFixed(0),
          rssMb(apache.children[0]).toFixed(0),
        ]);
      }
      process.stdout.write('\n');
      table(facts);
    } finally {
      await ours.stop();
      await apache.stop();
    }
  }
}
