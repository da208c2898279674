import type { Random, Result } from '../../../src/base/index.ts';
import { ZooKeeperClient, type ZooKeeperProblem } from '../../../src/client/zookeeper/index.ts';
import { nodeNetwork, systemClock } from '../../../src/platform/index.ts';
import type { Recorded } from '../../linearizability/history.ts';
import type { ZnodeInput, ZnodeOutput } from '../../linearizability/znode-model.ts';
import { SessionObserver, type Sighting } from './observer.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const sessionTimeoutMs = 6000;
export const keys = 12;
export const ephemeralFolder = '/ephemerals';

/** What all clients of a run write down. */
export type Notes = {
  readonly history: Recorded[];
  readonly violations: string[];
  /** When writes were acknowledged, to find the longest gap. */
  readonly acknowledgedAtMs: number[];
  sessions: number;
  expired: number;
  watchesSet: number;
  watchesFired: number;
  ephemeralsChecked: number;
};

/** A client that opens a session, works for a while, closes it, and begins again. One request at a time, as one thread. */
export class ChaosClient {
  readonly #name: string;
  readonly #ports: readonly number[];
  readonly #random: Random;
  readonly #notes: Notes;
  #client: ZooKeeperClient;
  #observer: SessionObserver;
  #serial = 0;
  /** Ephemerals whose creation was acknowledged, and that were not deleted. */
  #ephemerals = new Set<string>();
  #expired = false;

  constructor(name: string, { ports, random, notes }: { ports: readonly number[]; random: Random; notes: Notes }) {
    this.#name = name;
    this.#ports = ports;
    this.#random = random;
    this.#notes = notes;
    this.#observer = new SessionObserver(name);
    this.#client = this.#open();
  }

  #open(): ZooKeeperClient {
    const servers = this.#ports.map((port) => ({ host: '127.0.0.1', port }));
    const deps = { network: nodeNetwork(), clock: systemClock, random: this.#random, logger: silent };
    const client = new ZooKeeperClient({ servers, sessionTimeoutMs }, deps);
    this.#notes.sessions++;
    this.#observer = new SessionObserver(`${this.#name}/${this.#notes.sessions}`);
    this.#ephemerals = new Set();
    this.#expired = false;
    client.onSession((event) => {
      if (event.kind === 'expired') this.#expired = true;
    });
    return client;
  }

  get sessionId(): bigint {
    return this.#client.sessionId;
  }

  async run(untilMs: number): Promise<void> {
    while (performance.now() < untilMs) {
      if (this.#expired) {
        this.#notes.expired++;
        this.#settle();
        this.#client = this.#open();
      }
      const dice = this.#random.next();
      this.#doing = `${this.#client.sessionId.toString(16)} ${dice.toFixed(3)} ${this.#client.state}`;
      if (dice < 0.3) await this.#set();
      else if (dice < 0.36) await this.#create();
      else if (dice < 0.39) await this.#delete();
      else if (dice < 0.64) await this.#syncRead(this.#path());
      else if (dice < 0.9) await this.#plainRead(this.#path());
      else if (dice < 0.985) await this.#ephemeral();
      else await this.#reopen();
      await new Promise((done) => setTimeout(done, this.#random.below(4)));
    }
    this.#doing = undefined;
  }

  #doing: string | undefined;
  /** What this client waits for, to be told if that never ends. */
  get doing(): string | undefined {
    return this.#doing === undefined ? undefined : `${this.#name}: ${this.#doing}, now ${this.#client.state}`;
  }

  #path(): string {
    return `/key-${this.#random.below(keys)}`;
  }

  async #record<Value>(
    path: string,
    input: ZnodeInput,
    call: Promise<Result<Value, ZooKeeperProblem>>,
    outputOf: (value: Value) => ZnodeOutput,
  ): Promise<Result<Value, ZooKeeperProblem>> {
    const callAt = performance.now();
    const result = await call;
    const returnAt = performance.now();
    const { kind } = result.ok ? { kind: 'ok' } : result.problem;
    let output: ZnodeOutput | undefined;
    if (result.ok) output = outputOf(result.value);
    else if (kind === 'noNode' || kind === 'nodeExists' || kind === 'badVersion') output = { kind };
    if (output === undefined && input.kind === 'read') return result;
    this.#notes.history.push({
      path,
      callAt,
      returnAt: output === undefined ? Number.POSITIVE_INFINITY : returnAt,
      input,
      output,
    });
    if (result.ok && input.kind !== 'read') this.#notes.acknowledgedAtMs.push(returnAt);
    return result;
  }

  #value(): string {
    return `${this.#name}-${this.#serial++}`;
  }

  #see(
    path: string,
    result: Result<{ readonly stat: { readonly mzxid: number } }, ZooKeeperProblem>,
  ): Sighting | undefined {
    let sighting: Sighting | undefined;
    if (result.ok) sighting = { mzxid: result.value.stat.mzxid };
    else if (result.problem.kind === 'noNode') sighting = 'absent';
    if (sighting !== undefined) this.#observer.saw(path, sighting);
    return sighting;
  }

  async #set(): Promise<void> {
    const path = this.#path();
    const value = this.#value();
    let version = -1;
    if (this.#random.next() < 0.6) {
      const seen = await this.#client.getData(path);
      this.#see(path, seen);
      if (!seen.ok) return;
      version = seen.value.stat.version;
    }
    const call = this.#client.setData(path, Buffer.from(value), version);
    const input = { kind: 'set', value, version } as const;
    const result = await this.#record(path, input, call, (stat) => ({ kind: 'set', version: stat.version }));
    if (result.ok) this.#see(path, { ok: true, value: { stat: result.value } });
  }

  async #create(): Promise<void> {
    const path = this.#path();
    const value = this.#value();
    const call = this.#client.create(path, Buffer.from(value));
    const result = await this.#record(path, { kind: 'create', value }, call, () => ({ kind: 'created' }));
    if (result.ok) this.#see(path, result);
  }

  async #delete(): Promise<void> {
    const path = this.#path();
    await this.#record(path, { kind: 'delete', version: -1 }, this.#client.delete(path), () => ({ kind: 'deleted' }));
  }

  /** What a client does that must see everything acknowledged so far. */
  async #syncRead(path: string): Promise<Sighting | undefined> {
    const both = async (): ReturnType<ZooKeeperClient['getData']> => {
      const synced = this.#client.sync(path);
      const read = this.#client.getData(path);
      const ready = await synced;
      const result = await read;
      return ready.ok ? result : ready;
    };
    const result = await this.#record(path, { kind: 'read' }, both(), ({ data, stat }) => ({
      kind: 'read',
      value: data?.toString() ?? '',
      version: stat.version,
    }));
    return this.#see(path, result);
  }

  async #plainRead(path: string): Promise<void> {
    if (this.#random.next() < 0.6) {
      this.#see(path, await this.#client.getData(path));
      return;
    }
    // The event may come before this answer's promise settles: the observer hears of both in the order of the frames.
    let fired = 0;
    let tell = (): void => {
      fired++;
    };
    const watcher = (): void => tell();
    const observer = this.#observer;
    const result = await this.#client.getData(path, watcher);
    let seen = this.#see(path, result);
    if (seen === 'absent') {
      const stat = await this.#client.exists(path, watcher);
      if (!stat.ok) return;
      seen = stat.value === undefined ? 'absent' : { mzxid: stat.value.mzxid };
      observer.saw(path, seen);
    }
    if (seen === undefined) return;
    tell = observer.watch(path, seen);
    for (; fired > 0; fired--) tell();
  }

  async #ephemeral(): Promise<void> {
    const owned = [...this.#ephemerals];
    const old = owned[0];
    if (old !== undefined && (owned.length > 20 || this.#random.next() < 0.3)) {
      this.#ephemerals.delete(old);
      await this.#client.delete(old);
      return;
    }
    const path = `${ephemeralFolder}/${this.#value()}`;
    const created = await this.#client.create(path, Buffer.alloc(0), { mode: 'ephemeral' });
    if (created.ok) this.#ephemerals.add(path);
  }

  /** Ends the session; another one then looks whether all that was its own has gone with it. */
  async #reopen(): Promise<void> {
    const { state } = this.#client;
    const gone = [...this.#ephemerals];
    this.#settle();
    await this.#client.close();
    const acknowledged = state === 'connected' && this.#client.state === 'closed';
    this.#client = this.#open();
    if (!acknowledged) return;
    for (const path of gone.slice(0, 3)) {
      const synced = await this.#client.sync(path);
      const stat = await this.#client.exists(path);
      if (!synced.ok || !stat.ok) return;
      this.#notes.ephemeralsChecked++;
      // A close that met a broken connection is not acknowledged: then the session ends by its time-out.
      if (stat.value !== undefined) this.#suspects.push({ path, atMs: performance.now() });
    }
  }
  /** Ephemerals that were there after their session was closed: legal only until the session's time-out. */
  readonly #suspects: { readonly path: string; readonly atMs: number }[] = [];

  #settle(): void {
    this.#notes.violations.push(...this.#observer.violations.splice(0));
    this.#notes.watchesSet += this.#observer.watchesSet;
    this.#notes.watchesFired += this.#observer.watchesFired;
  }

  /** After everything is healed: a last look at every key, so that whatever was lost shows. */
  async finish(): Promise<void> {
    for (let attempt = 0; this.#client.state !== 'connected' && attempt < 200; attempt++) {
      if (this.#expired) {
        this.#notes.expired++;
        this.#settle();
        this.#client = this.#open();
      }
      await new Promise((done) => setTimeout(done, 50));
    }
    if (this.#client.state !== 'connected') {
      this.#notes.violations.push(`${this.#name} could not connect although everything was healed`);
      return;
    }
    for (let key = 0; key < keys; key++) await this.#syncRead(`/key-${key}`);
  }

  /** Some time after the last write: no watch is owed, own ephemerals are there, those of closed sessions are not. */
  async expectQuiet(): Promise<void> {
    for (const path of this.#observer.pending()) {
      await this.#client.sync(path);
      const result = await this.#client.getData(path);
      if (result.ok) this.#observer.expectFired(path, { mzxid: result.value.stat.mzxid });
      else if (result.problem.kind === 'noNode') this.#observer.expectFired(path, 'absent');
    }
    for (const path of this.#ephemerals) {
      const stat = await this.#client.exists(path);
      this.#notes.ephemeralsChecked++;
      if (stat.ok && stat.value === undefined && !this.#expired) {
        this.#notes.violations.push(`${this.#name}: ${path} is gone although its session lives`);
      }
    }
    for (const { path } of this.#suspects) {
      const stat = await this.#client.exists(path);
      if (stat.ok && stat.value !== undefined)
        this.#notes.violations.push(`${path} outlives its session, which was closed`);
    }
    this.#settle();
  }

  /** Owners of what is in the folder of ephemerals. */
  async owners(): Promise<Map<string, bigint>> {
    const owners = new Map<string, bigint>();
    await this.#client.sync(ephemeralFolder);
    const children = await this.#client.getChildren(ephemeralFolder);
    if (!children.ok) return owners;
    for (const child of children.value.children) {
      const stat = await this.#client.exists(`${ephemeralFolder}/${child}`);
      if (stat.ok && stat.value !== undefined) owners.set(child, stat.value.ephemeralOwner);
    }
    return owners;
  }

  async makeFolders(): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const made = await this.#client.create(ephemeralFolder, undefined);
      if (made.ok || made.problem.kind === 'nodeExists') return;
    }
    throw new Error('the folder of ephemerals could not be made');
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

export { sessionTimeoutMs };
