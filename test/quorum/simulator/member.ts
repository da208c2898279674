import type { Random } from '../../../src/base/index.ts';
import { assert, epoch, offset } from '../../../src/base/index.ts';
import type {
  Effect,
  Entry,
  LogIndex,
  NodeId,
  QuorumEvent,
  QuorumMessage,
  QuorumSettings,
  QuorumState,
  SnapshotId,
  Vote,
  Voter,
  VoterSetAt,
} from '../../../src/quorum/index.ts';
import { type Checker, hold } from './checker.ts';
import { LogDisk, type StoredSnapshot } from './log-disk.ts';

/** The code under test: `src/quorum`, or a mutant of it. */
export type QuorumModule = Pick<
  typeof import('../../../src/quorum/index.ts'),
  'initialState' | 'step' | 'waitMs' | 'LogIndex'
>;

/** An event without its time, which the member adds by its own clock. */
export type Happens = QuorumEvent extends infer Each ? (Each extends QuorumEvent ? Omit<Each, 'nowMs'> : never) : never;

/** What a member needs of the world it lives in. */
export type World = {
  readonly quorum: QuorumModule;
  readonly random: Random;
  readonly checker: Checker;
  readonly members: ReadonlyMap<number, Member>;
  readonly settings: QuorumSettings;
  nowMs(): number;
  transmit(from: Member, to: NodeId, message: QuorumMessage): void;
  /** The flush that begins now ends later: call `flushEnded` then. */
  beginFlush(member: Member, mark: FlushMark): void;
  beginInstall(member: Member, snapshot: StoredSnapshot | undefined, id: SnapshotId): void;
  wakeAfter(member: Member, waitMs: number): void;
};

export type FlushMark = {
  readonly life: number;
  readonly index: ReturnType<LogIndex['flushMark']>;
  readonly end: number;
  readonly cuts: number;
};

type Asked = {
  readonly kind: 'propose' | 'read' | 'change' | 'transfer';
  readonly committedEnd: number;
  readonly atMs: number;
};

/** Bytes of a snapshot as they travel: a header that says what it is, and filling that only fits this one. */
const snapshotBytes = 20;

export function encodeSnapshot(snapshot: StoredSnapshot): Uint8Array {
  const bytes = new Uint8Array(snapshotBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, snapshot.id.offset);
  view.setUint32(4, snapshot.id.epoch);
  view.setInt32(8, snapshot.hash);
  for (let at = 12; at < snapshotBytes; at++) bytes[at] = (snapshot.id.offset * 31 + snapshot.id.epoch * 7 + at) & 0xff;
  return bytes;
}

/** One process and its disk: a driver as `src/quorum/index.ts` describes it, in simulated time. */
export class Member {
  readonly id: NodeId;
  readonly world: World;
  readonly initialVoters: readonly Voter[];
  readonly clockRate: number;
  directory: string | undefined;

  // On disk.
  disk = new LogDisk();
  /** The volumes that this member has had, by directory. */
  readonly volumes = new Map<string, LogDisk>();
  vote: Vote | undefined;

  // In memory.
  state!: QuorumState;
  index!: LogIndex;
  running = false;
  /** Counts starts, so that what a former life began does not end in this one. */
  life = 0;
  pausedUntilMs = 0;
  clockOffsetMs = 0;
  committed = 0;
  appliedOffset = 0;
  appliedHash = 0;
  /** Of this member's log, by our own account. */
  voterSets: VoterSetAt[] = [];
  flushing = false;
  #flushAgain = false;
  #download: { readonly key: string; bytes: Uint8Array } | undefined;
  readonly asked = new Map<number, Asked>();
  /** Due time of the next tick. */
  dueAtMs = 0;
  timerAtMs = Number.POSITIVE_INFINITY;

  constructor(
    world: World,
    options: { id: NodeId; directory: string | undefined; initialVoters: readonly Voter[]; clockRate: number },
  ) {
    this.world = world;
    this.id = options.id;
    this.directory = options.directory;
    if (this.directory !== undefined) this.volumes.set(this.directory, this.disk);
    this.initialVoters = options.initialVoters;
    this.clockRate = options.clockRate;
  }

  statedVoters(): readonly Voter[] {
    return this.voterSets.at(-1)?.voters ?? [];
  }

  #nowMs(): number {
    return this.world.nowMs() * this.clockRate + this.clockOffsetMs;
  }

  start(): void {
    const { disk, world } = this;
    const { quorum } = world;
    this.life++;
    this.running = true;
    this.flushing = false;
    this.#flushAgain = false;
    this.#download = undefined;
    this.asked.clear();
    const start = disk.snapshot;
    this.index = new quorum.LogIndex(start === undefined ? undefined : this.#startSnapshot(start));
    if (start !== undefined) this.index.setSnapshot(start.id);
    this.voterSets = [
      start === undefined
        ? { offset: -1, voters: this.initialVoters }
        : { offset: this.#startOffset() - 1, voters: this.#votersBelowStart() },
    ];
    for (const entry of disk.entries) {
      this.index.append(entry);
      if (entry.body.kind === 'voters') this.voterSets.push({ offset: entry.offset, voters: entry.body.voters });
    }
    this.index.markFlushed(this.index.flushMark());
    this.committed = start?.id.offset ?? 0;
    this.appliedOffset = this.committed;
    this.appliedHash = start?.hash ?? 0;
    this.state = quorum.initialState(
      {
        nodeId: this.id,
        directory: this.directory,
        settings: world.settings,
        vote: this.vote,
        voterSets: this.voterSets,
        nowMs: this.#nowMs(),
      },
      this.index,
      world.random,
    );
    this.step({ kind: 'tick' });
  }

  // A log may begin below its snapshot; what lies just below its first entry is remembered with the log.
  #startBelow: { readonly epoch: number; readonly voters: readonly Voter[] } = { epoch: 0, voters: [] };
  #startOffset(): number {
    return this.disk.start;
  }
  #votersBelowStart(): readonly Voter[] {
    return this.disk.start === this.disk.snapshot?.id.offset
      ? (this.disk.snapshot as StoredSnapshot).voters
      : this.#startBelow.voters;
  }
  #startSnapshot(snapshot: StoredSnapshot): SnapshotId {
    if (this.disk.start === snapshot.id.offset) return snapshot.id;
    return { offset: offset(this.disk.start), epoch: epoch(this.#startBelow.epoch) };
  }

  crash(): void {
    this.running = false;
    this.life++;
    this.disk.crash(this.world.random);
    this.timerAtMs = Number.POSITIVE_INFINITY;
  }

  /** The volume is gone with all that was on it; a new one takes its place. */
  wipe(directory: string): void {
    this.disk = new LogDisk();
    this.volumes.set(directory, this.disk);
    this.vote = undefined;
    this.directory = directory;
    this.#startBelow = { epoch: 0, voters: [] };
  }

  /** @param crashAfter  so many effects run, then the process dies */
  step(happens: Happens, crashAfter = Number.POSITIVE_INFINITY): void {
    const { world } = this;
    const { checker } = world;
    const event = { ...happens, nowMs: this.#nowMs() } as QuorumEvent;
    const { state, effects } = world.quorum.step(this.state, event, this.index, world.random);
    this.state = state;
    const grants = event.kind === 'message' && event.message.kind === 'vote' && !event.message.preVote;
    for (let index = 0; index < effects.length; index++) {
      if (index >= crashAfter) {
        this.crash();
        return;
      }
      this.#run(effects[index] as Effect, grants);
    }
    if (state.role.kind === 'leader') checker.leads(this);
    hold(
      state.highWatermark === this.committed,
      'commits are announced',
      () => `member ${this.id}: ${state.highWatermark} announced as ${this.committed}`,
    );
    this.dueAtMs = world.nowMs() + world.quorum.waitMs(state) / this.clockRate;
    world.wakeAfter(this, world.quorum.waitMs(state) / this.clockRate);
  }

  #run(effect: Effect, grants: boolean): void {
    const { world } = this;
    const { checker } = world;
    switch (effect.kind) {
      case 'persist':
        checker.vote(this, effect.vote);
        this.vote = effect.vote;
        return;
      case 'append':
        this.#append(effect.entries);
        return;
      case 'truncate':
        hold(
          effect.to >= this.disk.start && effect.to <= this.disk.end,
          'effects fit the log',
          () => `member ${this.id} is to cut ${this.disk.start}..${this.disk.end} to ${effect.to}`,
        );
        checker.truncated(this, this.disk.entries.slice(this.disk.indexAt(effect.to)));
        this.disk.truncate(effect.to);
        this.index.truncate(effect.to);
        while ((this.voterSets.at(-1)?.offset ?? -1) >= effect.to) this.voterSets.pop();
        return;
      case 'flush':
        if (this.flushing) this.#flushAgain = true;
        else this.#flush();
        return;
      case 'send':
        if (grants && effect.message.kind === 'voteAnswer' && effect.message.granted) {
          checker.grant(this, effect.message.epoch, effect.to);
        }
        world.transmit(this, effect.to, effect.message);
        return;
      case 'sendEntries':
        world.transmit(this, effect.to, { ...effect.answer, entries: this.#entriesFrom(effect.from) });
        return;
      case 'sendSnapshot':
        this.#sendSnapshot(effect);
        return;
      case 'commit':
        checker.committed(this, effect.highWatermark, world.members);
        this.#apply();
        return;
      case 'storeSnapshot':
        this.#store(effect);
        return;
      case 'installSnapshot':
        this.#install(effect.snapshot);
        return;
      case 'reply':
        this.#reply(effect);
        return;
    }
  }

  #append(entries: readonly Entry[]): void {
    const { disk, index, world } = this;
    for (const entry of entries) {
      hold(
        entry.offset === disk.end,
        'effects fit the log',
        () => `member ${this.id} appends ${entry.offset} at ${disk.end}`,
      );
      const below = disk.epochBelow(entry.offset);
      world.checker.appended(this, entry, below);
      disk.append([entry]);
      index.append(entry);
      if (entry.body.kind !== 'voters') continue;
      const before = this.voterSets.at(-1) as VoterSetAt;
      const leading = this.state.role.kind === 'leader';
      const settled = before.offset < this.committed;
      world.checker.votersStated(before.voters, entry.body.voters, { leading, settled });
      this.voterSets.push({ offset: entry.offset, voters: entry.body.voters });
    }
  }

  #flush(): void {
    this.flushing = true;
    const { disk } = this;
    this.world.beginFlush(this, { life: this.life, index: this.index.flushMark(), end: disk.end, cuts: disk.cuts });
  }

  flushEnded(mark: FlushMark): void {
    this.disk.flushed(mark.end, mark.cuts);
    this.index.markFlushed(mark.index);
    this.flushing = false;
    if (this.#flushAgain) {
      this.#flushAgain = false;
      this.#flush();
    }
    this.step({ kind: 'flushed' });
  }

  #entriesFrom(from: number): readonly Entry[] {
    const { disk } = this;
    hold(from >= disk.start && from <= disk.end, 'effects fit the log', () => `member ${this.id} sends from ${from}`);
    const first = disk.indexAt(from);
    hold(
      first === disk.entries.length || disk.entries[first]?.offset === from,
      'effects fit the log',
      () => `member ${this.id} sends from ${from}, in the middle of an entry`,
    );
    // What would be a limit in bytes.
    return disk.entries.slice(first, first + 8);
  }

  #sendSnapshot(effect: Extract<Effect, { kind: 'sendSnapshot' }>): void {
    const { answer, to } = effect;
    const { snapshot } = this.disk;
    if (
      snapshot === undefined ||
      snapshot.id.offset !== answer.snapshot.offset ||
      snapshot.id.epoch !== answer.snapshot.epoch
    ) {
      this.world.transmit(this, to, { ...answer, problem: 'snapshotNotFound' });
      return;
    }
    const bytes = encodeSnapshot(snapshot);
    if (answer.position >= bytes.length) this.world.transmit(this, to, { ...answer, problem: 'positionOutOfRange' });
    else {
      const piece = bytes.slice(answer.position, answer.position + effect.maxBytes);
      this.world.transmit(this, to, { ...answer, sizeBytes: bytes.length, bytes: piece });
    }
  }

  #store({ snapshot, position, bytes }: Extract<Effect, { kind: 'storeSnapshot' }>): void {
    const key = `${snapshot.offset}/${snapshot.epoch}`;
    if (position === 0) this.#download = { key, bytes: new Uint8Array(0) };
    const download = this.#download;
    hold(
      download !== undefined && download.key === key && download.bytes.length === position,
      'snapshots arrive as they were',
      () => `member ${this.id} stores ${key} at ${position}, has ${download?.key} up to ${download?.bytes.length}`,
    );
    const whole = new Uint8Array(position + bytes.length);
    whole.set((download as { bytes: Uint8Array }).bytes);
    whole.set(bytes, position);
    this.#download = { key, bytes: whole };
  }

  #install(id: SnapshotId): void {
    const { world } = this;
    const original = findSnapshot(world.members, id);
    const download = this.#download;
    this.#download = undefined;
    hold(
      original === undefined || Buffer.compare(encodeSnapshot(original), download?.bytes ?? new Uint8Array(0)) === 0,
      'snapshots arrive as they were',
      () => `member ${this.id} has other bytes for the snapshot at ${id.offset}`,
    );
    world.beginInstall(this, original, id);
  }

  installed(snapshot: StoredSnapshot): void {
    this.world.checker.snapshot(snapshot.id.offset, snapshot.id.epoch, snapshot.hash);
    hold(!this.#busy(), 'effects fit the log', () => `member ${this.id} flushes while a snapshot is installed`);
    this.disk.replaceBy(snapshot);
    this.#startBelow = { epoch: snapshot.id.epoch, voters: snapshot.voters };
    this.index.replaceBy(snapshot.id);
    this.voterSets = [{ offset: snapshot.id.offset - 1, voters: snapshot.voters }];
    this.committed = Math.max(this.committed, snapshot.id.offset);
    this.appliedOffset = snapshot.id.offset;
    this.appliedHash = snapshot.hash;
    this.step({ kind: 'snapshotInstalled', snapshot: snapshot.id, voters: snapshot.voters });
  }

  #busy(): boolean {
    return this.flushing && this.index.flushedOffset < this.index.endOffset;
  }

  #apply(): void {
    const { disk } = this;
    for (let index = disk.indexAt(this.appliedOffset); index < disk.entries.length; index++) {
      const entry = disk.entries[index] as Entry;
      if (entry.offset + entry.count > this.committed) break;
      hold(
        entry.offset === this.appliedOffset,
        'only committed entries are applied',
        () => `a gap before ${entry.offset}`,
      );
      this.appliedOffset = entry.offset + entry.count;
      this.appliedHash = (Math.imul(this.appliedHash ^ entry.offset, 0x9e3779b1) + entry.epoch) | 0;
      this.world.checker.applied(this);
    }
  }

  /** Makes a snapshot of what is applied and flushed, if there is something new, and drops some of the log below it. */
  takeSnapshot(): void {
    const { disk, index, world } = this;
    const at = this.appliedOffset;
    if (at > disk.durableEnd || world.random.next() < 0.3) {
      // What was applied may not be flushed here yet; a driver syncs on its own account, beside a flush that runs.
      disk.flushed(disk.end, disk.cuts);
      index.markFlushed(index.flushMark());
    }
    if (this.state.installing !== undefined || at <= (disk.snapshot?.id.offset ?? 0)) return;
    const id = { offset: offset(at), epoch: epoch(disk.epochBelow(at) as number) };
    const voters = this.voterSets.findLast((set) => set.offset < at)?.voters ?? [];
    const snapshot = { id, voters, hash: this.appliedHash };
    world.checker.snapshot(at, id.epoch, snapshot.hash);
    disk.snapshot = snapshot;
    index.setSnapshot(id);
    const kept = disk.indexAt(at) - world.random.below(4);
    const to = kept >= disk.entries.length || kept < 0 ? at : Math.min(at, disk.entries[kept]?.offset ?? at);
    if (to > disk.start) {
      this.#startBelow = {
        epoch: disk.epochBelow(to) as number,
        voters: this.voterSets.findLast((set) => set.offset < to)?.voters ?? [],
      };
      index.dropBelow(offset(to));
      disk.dropBelow(to);
      const inForce = this.voterSets.findLastIndex((set) => set.offset < to);
      if (inForce > 0) this.voterSets.splice(0, inForce);
    }
    this.step({ kind: 'snapshotTaken', snapshot: id });
  }

  ask(requestId: number, kind: Asked['kind'], happens: Happens): void {
    const { committedEnd } = this.world.checker;
    this.asked.set(requestId, { kind, committedEnd, atMs: this.world.nowMs() });
    this.step(happens);
  }

  #reply({ requestId, outcome }: Extract<Effect, { kind: 'reply' }>): void {
    const asked = this.asked.get(requestId);
    hold(asked !== undefined, 'every request is answered once', () => `${requestId} again, with ${outcome.kind}`);
    this.asked.delete(requestId);
    if (asked?.kind === 'change' && outcome.kind === 'done') {
      hold(
        (this.voterSets.at(-1)?.offset ?? -1) < this.committed,
        'acknowledged changes of voters are committed',
        () => `member ${this.id} has committed below ${this.committed}`,
      );
    }
    if (outcome.kind === 'readable') {
      const { committedEnd } = asked as Asked;
      hold(
        outcome.offset >= committedEnd,
        'reads see every acknowledged write',
        () => `member ${this.id} answers with ${outcome.offset}, ${committedEnd} was committed before the question`,
      );
    }
  }
}

export function findSnapshot(members: ReadonlyMap<number, Member>, id: SnapshotId): StoredSnapshot | undefined {
  for (const member of members.values()) {
    const found = member.disk.snapshot;
    if (found?.id.offset === id.offset && found.id.epoch === id.epoch) return found;
  }
  return undefined;
}

assert(snapshotBytes % 4 === 0, 'the filling begins after whole words');
