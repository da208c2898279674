import type { Random, Result } from '../../../src/base/index.ts';
import { ZooKeeperClient, type ZooKeeperProblem } from '../../../src/client/zookeeper/index.ts';
import { nodeNetwork, systemClock } from '../../../src/platform/index.ts';
import type { Recorded } from '../../linearizability/history.ts';
import type { ZnodeInput, ZnodeOutput } from '../../linearizability/znode-model.ts';
import { type EphemeralRecord, Ephemerals, type SessionRecord, sessionRecord } from './ephemerals.ts';
import { SessionObserver, type Sighting, ZxidLedger } from './observer.ts';

export const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const timeoutsMs = [3000, 4500, 6000];
export const longestTimeoutMs = 6000;
const keyFolder = '/keys';
const keys = 12;
export const ephemeralFolder = '/ephemerals';
const queueFolder = '/queue';
const pair = ['/pair-a', '/pair-b'] as const;
/** One session in so many watches all keys for as long as a connection lasts. */
const recursiveChance = 0.4;

/** What all clients of a run write down. */
export class Notes {
  readonly history: Recorded[] = [];
  readonly violations: string[] = [];
  /** When writes were acknowledged, to find the longest gap. */
  readonly acknowledgedAtMs: number[] = [];
  readonly ledger = new ZxidLedger();
  readonly ephemerals = new Ephemerals();
  /** Sequential nodes, in the order of their answers. */
  readonly queue: { readonly number: number; readonly callAt: number; readonly returnAt: number }[] = [];
  sessions = 0;
  expired = 0;
  watchesSet = 0;
  watchesFired = 0;
  reads = 0;

  /** Numbers are given once, and rise: who asked after another was answered has the higher one. */
  judgeQueue(): void {
    const numbers = new Set(this.queue.map(({ number }) => number));
    if (numbers.size < this.queue.length) this.violations.push('a sequence number was given twice');
    const byCall = [...this.queue].sort((a, b) => a.callAt - b.callAt);
    const byReturn = [...this.queue].sort((a, b) => a.returnAt - b.returnAt);
    let answered = 0;
    let highest = -1;
    for (const { number, callAt } of byCall) {
      for (let next = byReturn[answered]; next !== undefined && next.returnAt < callAt; next = byReturn[++answered]) {
        highest = Math.max(highest, next.number);
      }
      if (number < highest) this.violations.push(`sequence number ${number} was given after ${highest}`);
    }
  }
}

type Deps = {
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  readonly random: Random;
  readonly notes: Notes;
};

/** A client that opens a session, works for a while, closes it, and begins again. One request at a time, as one thread. */
export class ChaosClient {
  readonly #name: string;
  readonly #deps: Deps;
  readonly #random: Random;
  readonly #notes: Notes;
  #client: ZooKeeperClient;
  #observer: SessionObserver;
  #session: SessionRecord;
  #serial = 0;
  /** Its session's, acknowledged and not deleted. */
  #ephemerals: EphemeralRecord[] = [];
  #expired = false;

  constructor(name: string, deps: Deps) {
    this.#name = name;
    this.#deps = deps;
    this.#random = deps.random;
    this.#notes = deps.notes;
    this.#session = sessionRecord('');
    this.#observer = new SessionObserver('', deps.notes.ledger);
    this.#client = this.#open();
  }

  #open(): ZooKeeperClient {
    const deps = { network: nodeNetwork({}), clock: systemClock, random: this.#random, logger: silent };
    const sessionTimeoutMs = timeoutsMs[this.#random.below(timeoutsMs.length)] as number;
    const client = new ZooKeeperClient({ servers: this.#deps.addresses, sessionTimeoutMs }, deps);
    const name = `${this.#name}/${++this.#notes.sessions}`;
    const observer = new SessionObserver(name, this.#notes.ledger);
    const session = sessionRecord(name);
    this.#observer = observer;
    this.#session = session;
    this.#ephemerals = [];
    this.#expired = false;
    let recursive = false;
    if (this.#random.next() < recursiveChance) {
      void client
        .addWatch(keyFolder, 'persistentRecursive', ({ path }) => observer.told(path))
        .then(({ ok }) => {
          recursive = ok;
          if (!ok) return;
          this.#notes.watchesSet++;
          observer.recursive(`${keyFolder}/`);
        });
    }
    client.onSession((event) => {
      observer.disconnected();
      if (event.kind === 'connected') {
        session.timeoutMs = client.sessionTimeoutMs;
        // After a reconnect the watch is there again, before any answer.
        if (recursive) observer.recursive(`${keyFolder}/`);
      }
      if (event.kind === 'expired') {
        session.endedMs = performance.now();
        this.#expired = true;
      }
    });
    return client;
  }

  get sessionId(): bigint {
    return this.#client.sessionId;
  }

  async run(untilMs: number): Promise<void> {
    while (performance.now() < untilMs) {
      if (this.#expired) this.#replaceExpired();
      const dice = this.#random.next();
      this.#doing = `${this.#client.sessionId.toString(16)} ${dice.toFixed(3)} ${this.#client.state}`;
      if (dice < 0.24) await this.#set();
      else if (dice < 0.27) await this.#casByMulti();
      else if (dice < 0.32) await this.#create();
      else if (dice < 0.35) await this.#delete();
      else if (dice < 0.56) await this.#syncRead(this.#path());
      else if (dice < 0.78) await this.#plainRead(this.#path());
      else if (dice < 0.82) await this.#children();
      else if (dice < 0.9) await this.#ephemeral();
      else if (dice < 0.95) await this.#inspect();
      else if (dice < 0.97) await this.#sequential();
      else if (dice < 0.985) await this.#bothOfPair();
      else await this.#reopen();
      await new Promise((done) => setTimeout(done, this.#random.below(3)));
    }
    this.#doing = undefined;
  }

  #doing: string | undefined;
  /** What this client waits for, to be told if that never ends. */
  get doing(): string | undefined {
    return this.#doing === undefined ? undefined : `${this.#name}: ${this.#doing}, now ${this.#client.state}`;
  }

  #replaceExpired(): void {
    this.#notes.expired++;
    this.#settle();
    this.#client = this.#open();
  }

  #path(): string {
    return `${keyFolder}/${this.#random.below(keys)}`;
  }

  /** @returns what `call` settles with; a write that is acknowledged keeps the session alive from `calledMs` on */
  async #write<Value>(call: Promise<Result<Value, ZooKeeperProblem>>): Promise<Result<Value, ZooKeeperProblem>> {
    const session = this.#session;
    const calledMs = performance.now();
    const result = await call;
    if (!result.ok) return result;
    if (calledMs > session.lastWriteMs) session.lastWriteMs = calledMs;
    this.#notes.acknowledgedAtMs.push(performance.now());
    return result;
  }

  async #record<Value>(
    path: string,
    input: ZnodeInput,
    call: Promise<Result<Value, ZooKeeperProblem>>,
    outputOf: (value: Value) => ZnodeOutput,
  ): Promise<Result<Value, ZooKeeperProblem>> {
    const callAt = performance.now();
    const result = input.kind === 'read' ? await call : await this.#write(call);
    const returnAt = performance.now();
    const { kind } = result.ok ? { kind: 'ok' } : result.problem;
    let output: ZnodeOutput | undefined;
    if (result.ok) output = outputOf(result.value);
    else if (kind === 'noNode' || kind === 'nodeExists' || kind === 'badVersion') output = { kind };
    // It was never sent, or the server says that it did nothing.
    else if (kind === 'sessionExpired') return result;
    if (output === undefined && input.kind === 'read') return result;
    this.#notes.history.push({
      path,
      callAt,
      returnAt: output === undefined ? Number.POSITIVE_INFINITY : returnAt,
      input,
      output,
    });
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

  /** Two operations, of which the second must not happen without the first. */
  async #casByMulti(): Promise<void> {
    const path = this.#path();
    const value = this.#value();
    const seen = await this.#client.getData(path);
    this.#see(path, seen);
    if (!seen.ok) return;
    const { version } = seen.value.stat;
    const call = this.#client.multi([
      { op: 'check', path, version },
      { op: 'setData', path, data: Buffer.from(value), version: -1 },
    ]);
    const input = { kind: 'set', value, version } as const;
    await this.#record(path, input, call, (results) => ({
      kind: 'set',
      version: results[1]?.op === 'setData' ? results[1].stat.version : -1,
    }));
  }

  async #bothOfPair(): Promise<void> {
    const data = Buffer.from(this.#value());
    await this.#write(this.#client.multi(pair.map((path) => ({ op: 'setData', path, data, version: -1 }))));
  }

  async #sequential(): Promise<void> {
    const callAt = performance.now();
    const made = await this.#write(
      this.#client.create(`${queueFolder}/n-`, undefined, { mode: 'persistentSequential' }),
    );
    if (!made.ok) return;
    this.#notes.queue.push({ number: Number(made.value.path.slice(-10)), callAt, returnAt: performance.now() });
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
    this.#notes.reads++;
    if (this.#random.next() < 0.6) {
      this.#see(path, await this.#client.getData(path));
      return;
    }
    const watch = new EarlyWatch();
    const observer = this.#observer;
    const result = await this.#client.getData(path, watch.watcher);
    let seen = this.#see(path, result);
    if (seen === 'absent') {
      const stat = await this.#client.exists(path, watch.watcher);
      if (!stat.ok) return;
      seen = stat.value === undefined ? 'absent' : { mzxid: stat.value.mzxid };
      observer.saw(path, seen);
    }
    if (seen !== undefined) watch.tellTo(observer.watch(path, seen));
  }

  /** Children come and go as what is in the folder does; its pzxid tells when. */
  async #children(): Promise<void> {
    this.#notes.reads++;
    const watch = new EarlyWatch();
    const observer = this.#observer;
    const watched = this.#random.next() < 0.5;
    const result = await this.#client.getChildren(ephemeralFolder, watched ? watch.watcher : undefined);
    if (!result.ok) return;
    const seen = { mzxid: result.value.stat.pzxid };
    const path = `children of ${ephemeralFolder}`;
    observer.saw(path, seen);
    if (watched) watch.tellTo(observer.watch(path, seen));
  }

  async #ephemeral(): Promise<void> {
    const old = this.#ephemerals[0];
    if (old !== undefined && (this.#ephemerals.length > 20 || this.#random.next() < 0.3)) {
      this.#ephemerals.shift();
      old.deleteCalledMs = performance.now();
      const deleted = await this.#write(this.#client.delete(old.path));
      if (deleted.ok) old.deletedMs = performance.now();
      return;
    }
    const path = `${ephemeralFolder}/${this.#value()}`;
    const session = this.#session;
    const made = await this.#write(this.#client.create(path, Buffer.alloc(0), { mode: 'ephemeral' }));
    if (made.ok) this.#ephemerals.push(this.#notes.ephemerals.created(path, session, performance.now()));
    else if (made.problem.kind === 'connectionLoss') {
      this.#notes.ephemerals.created(path, session, Number.POSITIVE_INFINITY);
    }
  }

  /** Whoever's it is. */
  async #inspect(of: EphemeralRecord | undefined = this.#notes.ephemerals.pick(this.#random.next())): Promise<void> {
    if (of === undefined) return;
    const calledMs = performance.now();
    const synced = this.#client.sync(of.path);
    const found = await this.#client.exists(of.path);
    if (!(await synced).ok || !found.ok) return;
    this.#notes.ephemerals.seen(of, found.value !== undefined, calledMs, performance.now());
  }

  /** Ends the session; another one then looks whether all that was its own has gone with it. */
  async #reopen(): Promise<void> {
    const { state } = this.#client;
    const left = [...this.#ephemerals];
    const session = this.#session;
    this.#settle();
    session.closeCalledMs = performance.now();
    let lost = state !== 'connected';
    const stop = this.#client.onSession(({ kind }) => {
      if (kind === 'disconnected') lost = true;
    });
    await this.#client.close();
    stop();
    // A close that met a broken connection is not acknowledged: then the session ends by its time-out.
    if (!lost) session.endedMs = Math.min(session.endedMs, performance.now());
    this.#client = this.#open();
    for (const ephemeral of left.slice(0, 3)) await this.#inspect(ephemeral);
  }

  #settle(): void {
    this.#observer.end();
    this.#notes.violations.push(...this.#observer.violations.splice(0));
    this.#notes.watchesSet += this.#observer.watchesSet;
    this.#notes.watchesFired += this.#observer.watchesFired;
  }

  /** After everything is healed: a last look at every key, so that whatever was lost shows. */
  async finish(): Promise<void> {
    for (let attempt = 0; this.#client.state !== 'connected' && attempt < 200; attempt++) {
      if (this.#expired) this.#replaceExpired();
      await new Promise((done) => setTimeout(done, 50));
    }
    if (this.#client.state !== 'connected') {
      this.#notes.violations.push(`${this.#name} could not connect although everything was healed`);
      return;
    }
    for (let key = 0; key < keys; key++) await this.#syncRead(`${keyFolder}/${key}`);
  }

  /** Some time after the last write: no watch is owed, own ephemerals are there. */
  async expectQuiet(): Promise<void> {
    for (const path of this.#observer.pending()) {
      if (!path.startsWith('/')) {
        const children = await this.#client.getChildren(ephemeralFolder);
        if (children.ok) this.#observer.expectFired(path, { mzxid: children.value.stat.pzxid });
        continue;
      }
      await this.#client.sync(path);
      const result = await this.#client.getData(path);
      if (result.ok) this.#observer.expectFired(path, { mzxid: result.value.stat.mzxid });
      else if (result.problem.kind === 'noNode') this.#observer.expectFired(path, 'absent');
    }
    for (const ephemeral of this.#ephemerals) await this.#inspect(ephemeral);
    this.#settle();
  }

  /** Makes an ephemeral as its last word. @returns its path, and when its making was called */
  async lastWord(): Promise<
    { readonly path: string; readonly calledMs: number; readonly timeoutMs: number } | undefined
  > {
    for (let attempt = 0; attempt < 10; attempt++) {
      // One whose answer was lost may be there.
      const path = `${ephemeralFolder}/last-${this.#name}-${attempt}`;
      const calledMs = performance.now();
      const made = await this.#client.create(path, undefined, { mode: 'ephemeral' });
      if (made.ok) return { path, calledMs, timeoutMs: this.#client.sessionTimeoutMs };
      if (this.#expired) this.#replaceExpired();
    }
    return undefined;
  }

  /** Resolves when a watch says that it is gone; undefined: it was not there. */
  async gone(path: string): Promise<number | undefined> {
    await this.#client.sync(path);
    return new Promise((resolve) => {
      void this.#client
        .exists(path, ({ type }) => resolve(type === 'nodeDeleted' ? performance.now() : undefined))
        .then((found) => {
          if (!found.ok || found.value === undefined) resolve(undefined);
        });
    });
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
    for (const path of [keyFolder, ephemeralFolder, queueFolder, ...pair]) {
      for (let attempt = 0; ; attempt++) {
        const made = await this.#client.create(path, undefined);
        if (made.ok || made.problem.kind === 'nodeExists') break;
        if (attempt === 100) throw new Error(`${path} could not be made`);
      }
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** The event may come before the answer's promise settles: the observer hears of both in the order of the frames. */
class EarlyWatch {
  #fired = 0;
  #tell: () => void = () => {
    this.#fired++;
  };
  readonly watcher = (): void => this.#tell();

  tellTo(tell: () => void): void {
    this.#tell = tell;
    for (; this.#fired > 0; this.#fired--) tell();
  }
}
