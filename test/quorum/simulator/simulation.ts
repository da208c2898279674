import { type Random, seededRandom } from '../../../src/base/index.ts';
import type { NodeId, QuorumMessage, SnapshotId, Voter } from '../../../src/quorum/index.ts';
import { Checker, hold, type Invariant, Violation } from './checker.ts';
import type { StoredSnapshot } from './log-disk.ts';
import { type FlushMark, findSnapshot, type Happens, Member, type QuorumModule, type World } from './member.ts';
import { Schedule } from './schedule.ts';
import { drawSwarm, type Swarm } from './swarm.ts';

export type Outcome = {
  readonly seed: number;
  readonly events: number;
  /** Of everything that happened, in order: equal for equal seeds. */
  readonly trace: number;
  readonly committed: number;
  readonly elections: number;
  readonly crashes: number;
  readonly snapshotsInstalled: number;
  readonly votersChanged: number;
  readonly readsAnswered: number;
  readonly failure: { readonly invariant: Invariant; readonly seen: string; readonly atMs: number } | undefined;
};

type Happening =
  | { readonly kind: 'arrive'; readonly from: NodeId; readonly to: Member; readonly message: QuorumMessage }
  | { readonly kind: 'wake'; readonly member: Member }
  | { readonly kind: 'flushed'; readonly member: Member; readonly mark: FlushMark }
  | {
      readonly kind: 'installed';
      readonly member: Member;
      readonly life: number;
      readonly snapshot: StoredSnapshot | undefined;
      readonly id: SnapshotId;
    }
  | { readonly kind: 'restart'; readonly member: Member }
  | { readonly kind: 'disconnected'; readonly member: Member; readonly peer: NodeId }
  | { readonly kind: 'heal'; readonly partition: number }
  | { readonly kind: 'work'; readonly work: Work };

type Work =
  | 'propose'
  | 'read'
  | 'snapshot'
  | 'changeVoters'
  | 'transfer'
  | 'resign'
  | 'crash'
  | 'crashAll'
  | 'wipe'
  | 'pause'
  | 'clockJump'
  | 'partition';

const electionTimeoutMs = 60;
/** How long a healed cluster may take to elect, commit and catch up; the longest straggler and pause are over before. */
const healingMs = 8000;
/** An end to runs that only repeat themselves. */
const eventsLimit = 60_000;

/** One run from one seed: a cluster suffers what its swarm draws, is healed, and must then make progress. */
export class Simulation implements World {
  readonly quorum: QuorumModule;
  readonly random: Random;
  readonly checker = new Checker();
  readonly members = new Map<number, Member>();
  readonly settings: World['settings'];
  readonly #seed: number;
  readonly #swarm: Swarm;
  readonly #schedule = new Schedule<Happening>();
  #nowMs = 0;
  #healed = false;
  /** From -> to that do not get through, by partition. */
  readonly #partitions = new Map<number, ReadonlySet<number>>();
  #nextPartition = 1;
  #nextRequestId = 1;
  #wiped = 0;
  #trace = 0;
  #events = 0;
  #elections = 0;
  #crashes = 0;
  #snapshotsInstalled = 0;
  #votersChanged = 0;
  #readsAnswered = 0;

  constructor(quorum: QuorumModule, seed: number) {
    this.quorum = quorum;
    this.#seed = seed;
    this.#swarm = drawSwarm(seed);
    this.random = seededRandom(seed);
    this.settings = {
      electionTimeoutMs,
      fetchTimeoutMs: 160,
      fetchWaitMs: 60,
      requestTimeoutMs: 100,
      retryBackoffMs: 10,
      checkQuorumMs: 240,
      flushStallMs: 600,
      transferTimeoutMs: 200,
      fetchMaxBytes: 1024,
      snapshotChunkBytes: 8,
      newsAhead: this.#swarm.newsAhead,
      waitingReadsLimit: 5,
      unanimousFormation: this.#swarm.unanimousFormation,
    };
  }

  nowMs(): number {
    return this.#nowMs;
  }

  run(): Outcome {
    let failure: Outcome['failure'];
    try {
      this.#begin();
      this.#runUntil(this.#swarm.durationMs);
      this.#heal();
      this.#expectProgress();
    } catch (error) {
      const broken = error instanceof Violation ? error.invariant : 'no assumption breaks';
      failure = {
        invariant: broken,
        seen: String(error instanceof Violation ? error.message : (error as Error).stack),
        atMs: this.#nowMs,
      };
    }
    return {
      seed: this.#seed,
      events: this.#events,
      trace: this.#trace,
      committed: this.checker.committedEnd,
      elections: this.#elections,
      crashes: this.#crashes,
      snapshotsInstalled: this.#snapshotsInstalled,
      votersChanged: this.#votersChanged,
      readsAnswered: this.#readsAnswered,
      failure,
    };
  }

  #begin(): void {
    const swarm = this.#swarm;
    const initialVoters: Voter[] = [];
    for (let id = 1; id <= swarm.voters; id++) {
      initialVoters.push({ id: id as NodeId, directory: swarm.directories ? `volume-${id}` : undefined, endpoint: '' });
    }
    for (let id = 1; id <= swarm.voters + swarm.extras; id++) {
      const directory = swarm.directories ? `volume-${id}` : undefined;
      const clockRate = swarm.clockDrift ? 0.8 + 0.4 * this.random.next() : 1;
      const member = new Member(this, { id: id as NodeId, directory, initialVoters, clockRate });
      this.members.set(id, member);
      this.#schedule.add(this.random.below(20), { kind: 'restart', member });
    }
    const rates: Partial<Record<Work, number>> = {
      propose: swarm.proposalRate,
      read: swarm.readRate,
      snapshot: swarm.snapshotRate,
      changeVoters: swarm.voterChangeRate,
      transfer: swarm.transferRate,
      resign: swarm.resignRate,
      crash: swarm.crashRate,
      crashAll: swarm.crashAllRate,
      wipe: swarm.directories ? swarm.wipeRate : 0,
      pause: swarm.pauseRate,
      clockJump: swarm.clockJumpRate,
      partition: swarm.partitionRate,
    };
    for (const [work, rate] of Object.entries(rates) as [Work, number][]) this.#plan(work, rate);
    this.#rates = rates;
  }

  #rates: Partial<Record<Work, number>> = {};

  #plan(work: Work, rate: number): void {
    if (rate <= 0) return;
    this.#schedule.add(this.#nowMs + 1 + (2 * this.random.next() * 1000) / rate, { kind: 'work', work });
  }

  #runUntil(endMs: number, done?: () => boolean): boolean {
    while (this.#schedule.size > 0) {
      const { atMs, happening } = this.#schedule.take();
      if (atMs > endMs) {
        this.#schedule.add(atMs, happening);
        this.#nowMs = endMs;
        return false;
      }
      this.#nowMs = atMs;
      this.#happen(happening);
      if (done?.()) return true;
    }
    return false;
  }

  #count(member: Member, kind: number): void {
    this.#events++;
    this.#trace = (Math.imul(this.#trace ^ (member.id * 16 + kind), 0x01000193) + Math.floor(this.#nowMs * 1024)) | 0;
    if (this.#events > eventsLimit) throw new Violation('after healing there is progress', 'too many events');
  }

  #happen(happening: Happening): void {
    switch (happening.kind) {
      case 'wake': {
        const { member } = happening;
        if (!member.running || member.timerAtMs !== this.#nowMs) return;
        member.timerAtMs = Number.POSITIVE_INFINITY;
        if (this.#deferred(member, happening)) return;
        if (member.dueAtMs > this.#nowMs) this.wakeAfter(member, member.dueAtMs - this.#nowMs);
        else this.#step(member, { kind: 'tick' }, 1);
        return;
      }
      case 'arrive': {
        const { to, from } = happening;
        if (!to.running || this.#blocked(from, to.id)) return;
        if (this.#deferred(to, happening)) return;
        this.#step(to, { kind: 'message', from, message: happening.message }, 2);
        return;
      }
      case 'flushed': {
        const { member, mark } = happening;
        if (!member.running || member.life !== mark.life) return;
        if (this.#deferred(member, happening)) return;
        this.#count(member, 3);
        member.flushEnded(mark);
        return;
      }
      case 'installed': {
        const { member, snapshot } = happening;
        if (!member.running || member.life !== happening.life) return;
        if (this.#deferred(member, happening)) return;
        this.#count(member, 4);
        if (snapshot === undefined) member.step({ kind: 'snapshotRefused', snapshot: happening.id });
        else {
          this.#snapshotsInstalled++;
          member.installed(snapshot);
        }
        return;
      }
      case 'restart':
        if (happening.member.running) return;
        this.#count(happening.member, 5);
        happening.member.start();
        return;
      case 'disconnected':
        if (happening.member.running && !this.#deferred(happening.member, happening)) {
          this.#step(happening.member, { kind: 'disconnected', peer: happening.peer }, 6);
        }
        return;
      case 'heal':
        this.#partitions.delete(happening.partition);
        return;
      case 'work':
        if (this.#healed && happening.work !== 'propose') return;
        this.#work(happening.work);
        this.#plan(happening.work, this.#rates[happening.work] ?? 0);
        return;
    }
  }

  /** A paused process takes nothing in; it finds all of it when it goes on. */
  #deferred(member: Member, happening: Happening): boolean {
    if (member.pausedUntilMs <= this.#nowMs) return false;
    this.#schedule.add(member.pausedUntilMs, happening);
    if (happening.kind === 'wake') member.timerAtMs = member.pausedUntilMs;
    return true;
  }

  #step(member: Member, happens: Happens, kind: number): void {
    this.#count(member, kind);
    const wasLeader = member.state.role.kind === 'leader';
    const dies =
      !this.#healed && this.#swarm.crashChancePerStep > 0 && this.random.next() < this.#swarm.crashChancePerStep;
    member.step(happens, dies ? this.random.below(5) : Number.POSITIVE_INFINITY);
    if (!member.running) this.#restartLater(member);
    else if (!wasLeader && member.state.role.kind === 'leader') this.#elections++;
  }

  // ---- the world, as members see it

  transmit(from: Member, to: NodeId, message: QuorumMessage): void {
    const target = this.members.get(to);
    if (target === undefined || this.#blocked(from.id, to)) return;
    const swarm = this.#swarm;
    const { random } = this;
    const sick = !this.#healed;
    if (sick && swarm.lossChance > 0 && random.next() < swarm.lossChance) return;
    const times = sick && swarm.repeatChance > 0 && random.next() < swarm.repeatChance ? 2 : 1;
    for (let time = 0; time < times; time++) {
      let delayMs = swarm.delayMinMs;
      if (sick) delayMs += random.next() * (swarm.delayMaxMs - swarm.delayMinMs);
      if (sick && swarm.stragglerChance > 0 && random.next() < swarm.stragglerChance) delayMs += random.below(500);
      this.#schedule.add(this.#nowMs + delayMs, { kind: 'arrive', from: from.id, to: target, message });
    }
  }

  beginFlush(member: Member, mark: FlushMark): void {
    const swarm = this.#swarm;
    const { random } = this;
    let takesMs = swarm.flushMinMs;
    if (!this.#healed) {
      takesMs += random.next() * (swarm.flushMaxMs - swarm.flushMinMs);
      if (swarm.slowFlushChance > 0 && random.next() < swarm.slowFlushChance) takesMs += random.below(1000);
    }
    this.#schedule.add(this.#nowMs + takesMs, { kind: 'flushed', member, mark });
  }

  beginInstall(member: Member, snapshot: StoredSnapshot | undefined, id: SnapshotId): void {
    const refused = !this.#healed && this.random.next() < this.#swarm.refusedSnapshotChance;
    this.#schedule.add(this.#nowMs + 1 + this.random.below(30), {
      kind: 'installed',
      member,
      life: member.life,
      snapshot: refused ? undefined : snapshot,
      id,
    });
  }

  wakeAfter(member: Member, waitMs: number): void {
    const atMs = this.#nowMs + Math.max(waitMs, 0.5);
    // A timer that fires too early looks again; only one that would fire too late is replaced.
    if (member.timerAtMs <= atMs && member.timerAtMs > this.#nowMs) return;
    member.timerAtMs = atMs;
    this.#schedule.add(atMs, { kind: 'wake', member });
  }

  #blocked(from: number, to: number): boolean {
    for (const links of this.#partitions.values()) if (links.has(from * 64 + to)) return true;
    return false;
  }

  // ---- what is done to the cluster

  #work(work: Work): void {
    const { random } = this;
    const all = [...this.members.values()];
    const anyone = all[random.below(all.length)] as Member;
    switch (work) {
      case 'propose':
      case 'read':
      case 'changeVoters':
      case 'transfer':
      case 'resign':
      case 'snapshot':
        this.#ask(work, this.#someone());
        return;
      case 'crash':
        if (anyone.running) this.#crash(anyone);
        return;
      case 'crashAll':
        for (const member of all) if (member.running) this.#crash(member);
        return;
      case 'wipe':
        if (this.#wiped > 0 || this.#swarm.voters < 3) return;
        this.#wiped++;
        if (anyone.running) this.#crash(anyone);
        anyone.wipe(`volume-${anyone.id}-new`);
        return;
      case 'pause':
        anyone.pausedUntilMs = this.#nowMs + random.below(random.next() < 0.2 ? 800 : 200);
        return;
      case 'clockJump':
        anyone.clockOffsetMs += (random.next() < 0.5 ? 1 : -1) * random.below(random.next() < 0.1 ? 3_600_000 : 300);
        return;
      case 'partition':
        this.#partition(all);
        return;
    }
  }

  /** Mostly the leader with the highest epoch, as a client that knows would ask it; sometimes anyone. */
  #someone(): Member | undefined {
    const awake = [...this.members.values()].filter((member) => member.running && member.pausedUntilMs <= this.#nowMs);
    if (awake.length === 0) return undefined;
    if (this.random.next() < 0.3) return awake[this.random.below(awake.length)];
    const leaders = awake.filter((member) => member.state.role.kind === 'leader');
    return leaders.length === 0 ? awake[this.random.below(awake.length)] : leaders[this.random.below(leaders.length)];
  }

  #ask(
    work: 'propose' | 'read' | 'changeVoters' | 'transfer' | 'resign' | 'snapshot',
    member: Member | undefined,
  ): void {
    if (member === undefined) return;
    const { random } = this;
    const requestId = this.#nextRequestId++;
    const wasLeader = member.state.role.kind === 'leader';
    this.#count(member, 7);
    if (work === 'propose') {
      const proposals = Array.from({ length: 1 + random.below(3) }, () => ({
        value: noBytes,
        count: random.next() < 0.1 ? 1 + random.below(3) : 1,
      }));
      member.ask(requestId, 'propose', { kind: 'propose', requestId, proposals });
    } else if (work === 'read') {
      const before = member.asked.size;
      member.ask(requestId, 'read', { kind: 'read', requestId });
      if (member.asked.size > before) this.#readsAnswered++;
    } else if (work === 'changeVoters') {
      member.ask(requestId, 'change', { kind: 'changeVoters', requestId, change: this.#drawChange(member) });
      if (member.asked.has(requestId)) this.#votersChanged++;
    } else if (work === 'transfer') {
      const to = random.next() < 0.5 ? undefined : ((1 + random.below(this.members.size)) as NodeId);
      member.ask(requestId, 'transfer', { kind: 'transfer', requestId, to });
    } else if (work === 'resign') member.step({ kind: 'resign' });
    else member.takeSnapshot();
    if (!wasLeader && member.state.role.kind === 'leader') this.#elections++;
  }

  #drawChange(member: Member): Extract<Happens, { kind: 'changeVoters' }>['change'] {
    const voters = member.statedVoters();
    const id = (1 + this.random.below(this.members.size)) as NodeId;
    const present = voters.find((voter) => voter.id === id);
    const voter = { id, directory: this.members.get(id)?.directory, endpoint: '' };
    if (present === undefined) return { kind: 'add', voter };
    if (present.directory === voter.directory && this.random.next() < 0.2) return { kind: 'update', voter };
    return { kind: 'remove', id };
  }

  #crash(member: Member): void {
    this.#count(member, 8);
    this.#crashes++;
    member.crash();
    this.#restartLater(member);
  }

  #restartLater(member: Member): void {
    const { random } = this;
    member.pausedUntilMs = 0;
    this.#schedule.add(this.#nowMs + 1 + random.below(random.next() < 0.3 ? 500 : 60), { kind: 'restart', member });
    for (const other of this.members.values()) {
      if (other !== member && random.next() < this.#swarm.disconnectChance) {
        this.#schedule.add(this.#nowMs + 1, { kind: 'disconnected', member: other, peer: member.id });
      }
    }
  }

  #partition(all: readonly Member[]): void {
    const { random } = this;
    const side = new Set(all.filter(() => random.next() < 0.5).map(({ id }) => id as number));
    const links = new Set<number>();
    const oneWay = this.#swarm.asymmetricPartitions && random.next() < 0.6;
    const bridge = random.next() < 0.2 ? 1 + random.below(all.length) : 0;
    for (const { id: from } of all) {
      for (const { id: to } of all) {
        if (from === bridge || to === bridge || side.has(from) === side.has(to)) continue;
        if (!oneWay || side.has(from)) links.add(from * 64 + to);
      }
    }
    const partition = this.#nextPartition++;
    this.#partitions.set(partition, links);
    this.#schedule.add(this.#nowMs + 20 + random.below(400), { kind: 'heal', partition });
    for (const link of links) {
      const member = this.members.get(link % 64) as Member;
      if (random.next() < this.#swarm.disconnectChance) {
        this.#schedule.add(this.#nowMs + 1, { kind: 'disconnected', member, peer: Math.floor(link / 64) as NodeId });
      }
    }
  }

  // ---- the end

  #heal(): void {
    this.#healed = true;
    this.#partitions.clear();
    this.#rates = { propose: 20 };
    this.#plan('propose', 20);
    for (const member of this.members.values()) {
      if (member.pausedUntilMs > this.#nowMs) member.pausedUntilMs = this.#nowMs;
      this.#schedule.add(this.#nowMs + 1, { kind: 'restart', member });
    }
  }

  /** Every set of voters that some log ends with can come together, given the volumes that were lost. */
  #canProgress(): boolean {
    if (this.#wiped > 0 && this.settings.unanimousFormation && this.checker.committedEnd === 0) return false;
    return [...this.members.values()].every((member) => {
      const voters = member.statedVoters();
      const whole = voters.filter(
        ({ id, directory }) => directory === undefined || this.members.get(id)?.directory === directory,
      );
      return whole.length > voters.length / 2;
    });
  }

  #expectProgress(): void {
    const { checker } = this;
    this.#runUntil(this.#nowMs + 700);
    const before = checker.committedEnd;
    const wanted = before + 3;
    let at = 0;
    const everyone = [...this.members.values()];
    const reached = (): boolean => {
      if (checker.committedEnd < wanted) return false;
      if (at === 0) at = checker.committedEnd;
      return everyone.every((member) => member.running && member.committed >= at);
    };
    const done = this.#runUntil(this.#nowMs + healingMs, reached);
    hold(done || !this.#canProgress(), 'after healing there is progress', () => {
      const members = everyone.map(
        (member) =>
          `${member.id}: ${member.running ? member.state.role.kind : 'down'} epoch ${member.state.vote.epoch} log ${member.disk.start}..${member.disk.durableEnd}..${member.disk.end} committed ${member.committed} voters ${member.statedVoters().map(({ id }) => id)}`,
      );
      return `committed ${before} -> ${checker.committedEnd}; ${members.join('; ')}`;
    });
    if (!done) return;
    this.#runUntil(this.#nowMs + 300);
    for (const member of everyone) {
      const forgotten = [...member.asked].find(([, asked]) => asked.atMs < this.#nowMs - 300);
      hold(
        forgotten === undefined,
        'every request is answered once',
        () => `member ${member.id} owes ${forgotten?.[1].kind}`,
      );
    }
  }
}

const noBytes = new Uint8Array(0);

export { findSnapshot };

/** @param quorum  the code under test */
export function simulate(quorum: QuorumModule, seed: number): Outcome {
  return new Simulation(quorum, seed).run();
}
