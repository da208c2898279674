import { failure, type Result, success } from '../../base/index.ts';
import type { KafkaAdmin } from '../../client/kafka/index.ts';
import type { Flow } from './allot.ts';
import { Arrivals } from './arrivals.ts';
import { leftAloneMs } from './calm.ts';
import { begin, electPreferred, type Held, liveBrokers, nameOf, ongoing, replicasNow } from './cluster-moves.ts';
import type { ExecuteOptions } from './execute.ts';
import { isToBeLifted, liftedBytes, liftedInSeconds } from './lift.ts';
import { Pacer, sampleMs } from './pacer.ts';
import { type Interrupted, type Patience, pause, type Refusal, refused } from './patience.ts';
import { fetchBytes } from './quota-window.ts';
import { spread } from './spread.ts';
import { blockedBy, copiedBytes, copyingSeconds, nextSteps, type Step } from './steps.ts';
import { setRates, setRatesSurely, setThrottledReplicas } from './throttle.ts';

type Outcome = Promise<Result<undefined, Refusal | Interrupted>>;

/** How long a broker may take to hear of a move that the controller has finished. */
const metadataLagMs = 15_000;
/** Brokers that are away are looked for this often. */
const liveMs = 2000;
/** So that one is there when another ends. */
const leastMovesPerBroker = 2;

/**
 * Moves partitions between brokers: begins copies as others end, watches them grow, keeps the throttle, and elects
 * preferred leaders where the plan changes them.
 *
 *   waiting ──nextSteps──▶ running ──no longer listed──▶ arriving ──replicas and leader as planned──▶ finished
 */
export class Moves {
  private readonly admin: KafkaAdmin;
  private readonly patience: Patience;
  private readonly options: ExecuteOptions;
  private readonly onProgress: (done: number, bytes: number, bytesMoved: number) => void;
  private readonly pacer: Pacer | undefined;
  private readonly arrivals: Arrivals;
  private readonly movesPerBroker: number;
  private waiting: Step[];
  private readonly all: readonly Step[];
  /** Brokers that may be asked for copies. */
  private readonly sources: ReadonlySet<number>;
  private readonly throttled = new Set<number>();
  /** By topic, steps whose copies are throttled: few, as what is produced to a throttled partition counts as well. */
  private readonly named = new Map<string, ReadonlySet<string>>();
  /** Lists of topics are set one after the other: each is made from what is under way by then. */
  private naming: Promise<unknown> = Promise.resolve();
  /** Those whose throttle was lifted before their end. */
  private lifted: ReadonlySet<string> = new Set();
  /** What their copies will bring unthrottled, while the pacer counts it as if it had come. */
  private readonly foreseen = new Map<string, { readonly flows: readonly Flow[]; readonly bytes: number }>();
  private readonly running = new Map<string, Step>();
  private readonly arriving = new Map<string, { readonly step: Step; readonly sinceMs: number }>();
  /** Ended since the last sample, which must still see their last bytes. */
  private ended: Step[] = [];
  private readonly held = new Map<string, Held>();
  private live: ReadonlySet<number> = new Set();
  private liveAtMs = Number.NEGATIVE_INFINITY;
  private awaySinceMs: number | undefined;
  private awayNotice = '';
  /** When the next copy is about to end, as of the last sample; while that is not known, in the past. */
  private endsAtMs = Number.NEGATIVE_INFINITY;
  private finished = 0;
  private finishedBytes = 0;
  /** Of copies that an earlier run began. */
  private bytesAtStart = 0;

  constructor(
    admin: KafkaAdmin,
    patience: Patience,
    options: ExecuteOptions,
    steps: readonly Step[],
    onProgress: (done: number, bytes: number, bytesMoved: number) => void,
  ) {
    this.admin = admin;
    this.patience = patience;
    this.options = options;
    this.onProgress = onProgress;
    this.all = steps;
    this.waiting = [...steps];
    this.sources = new Set(steps.flatMap(({ change: { from } }) => from));
    this.arrivals = new Arrivals(admin);
    const { throttle, movesPerBroker } = options;
    this.pacer = throttle === undefined ? undefined : new Pacer(throttle, copyingSeconds(steps, throttle));
    // Every copy may bring a whole fetch at once: few at a time keep a small throttle smooth.
    this.movesPerBroker =
      throttle === undefined
        ? movesPerBroker
        : Math.min(movesPerBroker, Math.max(leastMovesPerBroker, Math.floor(throttle / fetchBytes)));
  }

  async run(): Outcome {
    const { pollMs, signal } = this.options;
    const read = await this.readStart();
    if (!read.ok) return read;
    if (this.pacer !== undefined) {
      // What an earlier run has left behind goes away where nothing is under way.
      const named = await this.throttle(this.all);
      if (!named.ok) return named;
    }
    const seen = await this.readLive();
    if (!seen.ok) return seen;
    let sampling: Promise<void> = this.sample();
    await sampling;
    for (const step of this.running.values()) this.bytesAtStart += this.arrivals.bytesOf(step);
    let sampledMs = performance.now();
    let isSampling = false;
    let askedMs = Number.NEGATIVE_INFINITY;
    try {
      for (;;) {
        if (performance.now() - askedMs >= this.leftAloneMs()) {
          askedMs = performance.now();
          for (const turn of [this.readLive, this.beginNext, this.seeEnded, this.settle]) {
            const outcome = await turn.call(this);
            if (!outcome.ok) return outcome;
          }
        }
        if (this.waiting.length + this.running.size + this.arriving.size === 0) return success(undefined);
        if (!isSampling && performance.now() - sampledMs >= this.unsampledMs()) {
          isSampling = true;
          sampling = this.sample().finally(() => {
            isSampling = false;
            sampledMs = performance.now();
          });
        }
        this.report();
        await pause(pollMs, signal);
        if (signal.aborted) return failure({ kind: 'interrupted' });
      }
    } finally {
      // No rate may be set after the throttle is taken away.
      await sampling;
    }
  }

  /** For how long nobody need be asked whether a copy has ended. */
  private leftAloneMs(): number {
    return this.arriving.size > 0 ? 0 : leftAloneMs((this.endsAtMs - performance.now()) / 1000);
  }

  /** For how long copies need not be looked at. */
  private unsampledMs(): number {
    const isSteady = this.pacer?.isSteady(this.flowsOf([...this.running.values()])) === true;
    return isSteady ? Math.max(sampleMs, this.leftAloneMs()) : sampleMs;
  }

  private report(): void {
    let copied = this.finishedBytes;
    for (const step of this.running.values()) copied += this.arrivals.bytesOf(step);
    for (const { step } of this.arriving.values()) copied += copiedBytes(step);
    this.onProgress(this.finished, copied, copied - this.bytesAtStart);
  }

  /** What an earlier run began is waited for, not begun again. */
  private async readStart(): Outcome {
    const held = await replicasNow(this.admin, this.patience, this.waiting);
    if (!held.ok) return held;
    for (const [name, is] of held.value) this.held.set(name, is);
    const before = await ongoing(this.admin, this.patience);
    if (!before.ok) return before;
    for (const step of this.waiting)
      if (before.value.has(nameOf(step.change))) this.running.set(nameOf(step.change), step);
    this.waiting = this.waiting.filter(({ change }) => !this.running.has(nameOf(change)));
    return success(undefined);
  }

  /** Says who is away, and gives up when somebody who is needed has been away for too long. */
  private async readLive(): Outcome {
    if (performance.now() - this.liveAtMs < liveMs) return success(undefined);
    const live = await liveBrokers(this.admin, this.patience);
    if (!live.ok) return live;
    this.live = live.value;
    this.liveAtMs = performance.now();
    if (this.pacer !== undefined) await this.readLeaders();
    const throttled = await this.throttleNew();
    if (!throttled.ok) return throttled;
    const isLive = (id: number): boolean => live.value.has(id);
    const blockers = [...this.running.values(), ...this.waiting].flatMap((step) => blockedBy(step, isLive));
    const away = [...new Set(blockers)].sort((one, other) => one - other);
    const notice =
      away.length === 0 ? '' : `waiting for broker ${away.join(', ')}, which ${away.length > 1 ? 'are' : 'is'} away`;
    if (notice !== this.awayNotice) {
      this.awayNotice = notice;
      this.options.onNotice(notice === '' ? 'the brokers that were away are back' : notice);
    }
    const isStuck = away.length > 0 && [...this.running.values()].every((step) => blockedBy(step, isLive).length > 0);
    this.awaySinceMs = isStuck ? (this.awaySinceMs ?? performance.now()) : undefined;
    const { patienceMs } = this.options;
    if (this.awaySinceMs !== undefined && performance.now() - this.awaySinceMs > patienceMs) {
      return refused(
        'moving partitions',
        `broker ${away.join(', ')} has been away for ${Math.round(patienceMs / 1000)} s`,
      );
    }
    return success(undefined);
  }

  /** Leaders of what is under way may have changed. What is not answered now is asked again with the next look. */
  private async readLeaders(): Promise<void> {
    const { running } = this;
    const now = await replicasNow(this.admin, this.patience, [...running.values()]);
    if (now.ok) for (const [name, held] of now.value) if (running.has(name)) this.held.set(name, held);
  }

  /** Brokers that are there for the first time get their rates before anything is copied from them. */
  private async throttleNew(): Outcome {
    if (this.pacer === undefined) return success(undefined);
    const { pacer } = this;
    const fresh = [...this.sources].filter((id) => this.live.has(id) && !this.throttled.has(id));
    if (fresh.length === 0) return success(undefined);
    for (const id of fresh) this.throttled.add(id);
    // Those that copies come from first get at once what these will need: every setting costs producers.
    const changed = this.changedFor([...this.running.values(), ...this.next()]);
    for (const id of fresh) changed.set(id, pacer.rateOf(id));
    return await setRatesSurely(this.admin, this.patience, changed);
  }

  /** What may begin now. */
  private next(): Step[] {
    return this.nextAfter(this.running.values());
  }

  /** What may begin once only these are running. */
  private nextAfter(running: Iterable<Step>): Step[] {
    const limits = { movesPerBroker: this.movesPerBroker, partitions: this.options.batchPartitions };
    return nextSteps(this.waiting, running, limits, {
      isLive: (id) => this.live.has(id),
      sourceOf: this.sourceOf,
    });
  }

  private async beginNext(): Outcome {
    if (this.waiting.length === 0) return success(undefined);
    const next = this.next();
    if (next.length === 0) return success(undefined);
    const chosen = new Set(next);
    this.endsAtMs = Number.NEGATIVE_INFINITY;
    // Counted as running before the cluster is asked: an interruption in between must cancel them.
    for (const step of next) this.running.set(nameOf(step.change), step);
    this.waiting = this.waiting.filter((step) => !chosen.has(step));
    if (this.pacer !== undefined) {
      await this.naming;
      const named = await this.throttle(next.filter((step) => step.receivers.length > 0 && !this.isNamed(step)));
      if (!named.ok) return named;
    }
    // What sources may send is shared with the new copies before these begin.
    const paced = await this.pace();
    if (!paced.ok) return paced;
    const { admin, patience } = this;
    if (this.pacer === undefined) return await begin(admin, patience, next);
    this.foresee(next, this.pacer);
    return await spread(patience, next, (some) => begin(admin, patience, some));
  }

  private async seeEnded(): Outcome {
    if (this.running.size === 0) return success(undefined);
    const still = await ongoing(this.admin, this.patience);
    if (!still.ok) return still;
    const unlifted: Step[] = [];
    for (const [name, step] of [...this.running]) {
      if (still.value.has(name)) continue;
      if (this.isNamed(step) && !this.lifted.has(name)) unlifted.push(step);
      this.running.delete(name);
      this.takeBack(name);
      this.ended.push(step);
      this.arriving.set(name, { step, sinceMs: performance.now() });
    }
    return unlifted.length === 0 ? success(undefined) : await this.throttle(unlifted, this.next());
  }

  /** Brokers hear of a finished move one after the other; a preferred leader may need a moment before it can lead. */
  private async settle(): Outcome {
    if (this.arriving.size === 0) return success(undefined);
    const now = await replicasNow(
      this.admin,
      this.patience,
      [...this.arriving.values()].map(({ step }) => step),
    );
    if (!now.ok) return now;
    const unled: Step[] = [];
    for (const [name, { step, sinceMs }] of [...this.arriving]) {
      const { topic, partition, to } = step.change;
      const held = now.value.get(name);
      const isLate = performance.now() - sinceMs > metadataLagMs;
      if (held?.replicas.join() !== to.join()) {
        if (!isLate) continue;
        const is = held?.replicas.join(', ') ?? 'none';
        return refused(`moving ${topic}-${partition}`, `its replicas are ${is}; somebody cancelled or changed it`);
      }
      if (held.leader !== to[0]) {
        if (!isLate) {
          unled.push(step);
          continue;
        }
        this.options.onNotice(`${topic}-${partition} is in place, but broker ${to[0]} did not become its leader yet`);
      }
      this.arriving.delete(name);
      this.finished++;
      this.finishedBytes += copiedBytes(step);
    }
    this.report();
    return unled.length === 0 ? success(undefined) : await electPreferred(this.admin, this.patience, unled);
  }

  private async sample(): Promise<void> {
    const flows = this.flowsOf([...this.running.values()]);
    const copies = [...this.running.values(), ...this.ended.splice(0)].map((step) => {
      return {
        step,
        source: this.sourceOf(step),
        isThrottled: this.isThrottled(step),
        followers: this.followersOf(step),
      };
    });
    const seen = await this.arrivals.sample(copies, (id) => this.live.has(id));
    if (this.pacer === undefined || seen.seconds === 0) return;
    this.pacer.see(seen, flows);
    // A rate that could not be set is set with the next sample that changes it.
    await this.pace();
    await this.lift();
    this.endsAtMs = this.nextEndMs(this.pacer);
  }

  /** When the throttle of the next copy is to be lifted; one that is, or that nothing is known of, may end any time. */
  private nextEndMs(pacer: Pacer): number {
    const paceOf = this.paces(pacer);
    const ends = [...this.running.values()].map((step) => {
      const isLifted = this.lifted.has(nameOf(step.change));
      const bytes = isLifted ? undefined : this.arrivals.lastBytesOf(step, this.sourceOf(step));
      return bytes === undefined ? 0 : liftedInSeconds(bytes, paceOf(step));
    });
    return performance.now() + (ends.length > 0 ? Math.min(...ends) * 1000 : 0);
  }

  /** What could not be lifted now is tried with the next sample, or ends throttled. */
  private async lift(): Outcome {
    const { pacer } = this;
    if (pacer === undefined) return success(undefined);
    const running = [...this.running.values()];
    const paceOf = this.paces(pacer);
    const ending = running.filter((step) => {
      const bytes = step.receivers.length > 0 ? this.arrivals.lastBytesOf(step, this.sourceOf(step)) : undefined;
      return bytes !== undefined && isToBeLifted(bytes, paceOf(step));
    });
    const names = new Set(ending.map(({ change }) => nameOf(change)).filter((name) => !this.lifted.has(name)));
    if (names.size === 0) return success(undefined);
    this.lifted = new Set([...this.lifted, ...names]);
    // What is to begin next is named with it: every setting costs producers.
    const set = await this.throttle(ending, this.nextAfter(running.filter((step) => !ending.includes(step))));
    if (set.ok) for (const name of names) this.takeBack(name);
    else this.lifted = new Set([...this.lifted].filter((name) => !names.has(name)));
    return set;
  }

  private isNamed({ change }: Step): boolean {
    return this.named.get(change.topic)?.has(nameOf(change)) === true;
  }

  /** Sets the lists of these steps' topics anew: what is under way and not lifted is throttled, and what is about to be. */
  private throttle(some: readonly Step[], soon: readonly Step[] = []): Outcome {
    if (some.length === 0) return Promise.resolve(success(undefined));
    const turn = this.naming.then(async () => {
      const byTopic = new Map(some.map(({ change }) => [change.topic, new Map<string, Step>()]));
      for (const step of [...this.running.values(), ...soon]) {
        const name = nameOf(step.change);
        if (step.receivers.length > 0 && !this.lifted.has(name)) byTopic.get(step.change.topic)?.set(name, step);
      }
      const lists = new Map([...byTopic].map(([topic, steps]) => [topic, [...steps.values()]]));
      const set = await setThrottledReplicas(this.admin, this.patience, lists);
      if (set.ok) for (const [topic, steps] of byTopic) this.named.set(topic, new Set(steps.keys()));
      return set;
    });
    this.naming = turn.catch(() => undefined);
    return turn;
  }

  /** Bytes per second at which each copy of a step comes: its source's are shared alike. */
  private paces(pacer: Pacer): (step: Step) => number {
    const flows = Map.groupBy(this.flowsOf([...this.running.values()]), ({ source }) => source);
    return (step) => {
      const source = this.sourceOf(step);
      return pacer.paceOf(source) / (flows.get(source)?.length ?? 1);
    };
  }

  private foresee(steps: readonly Step[], pacer: Pacer): void {
    const paceOf = this.paces(pacer);
    for (const step of steps) {
      const flows = this.flowsOf([step]);
      const bytes = liftedBytes(step.change.bytes, paceOf(step));
      for (const flow of flows) pacer.foresee(flow, bytes);
      this.foreseen.set(nameOf(step.change), { flows, bytes });
    }
  }

  private takeBack(name: string): void {
    const { flows, bytes } = this.foreseen.get(name) ?? { flows: [], bytes: 0 };
    for (const flow of flows) this.pacer?.foresee(flow, -bytes);
    this.foreseen.delete(name);
  }

  /** Sets what sources send for the copies under way. */
  private async pace(): Outcome {
    const changed = this.changedFor([...this.running.values()]);
    return changed.size === 0 ? success(undefined) : await setRates(this.admin, this.patience, changed);
  }

  /** Rates of sources that are there and must be set anew for what is being copied. */
  private changedFor(steps: readonly Step[]): Map<number, number> {
    const changed = this.pacer?.changedFor(this.flowsOf(steps)) ?? new Map<number, number>();
    for (const id of changed.keys()) if (!this.live.has(id)) changed.delete(id);
    return changed;
  }

  private readonly sourceOf = ({ change }: Step): number => this.held.get(nameOf(change))?.leader ?? -1;

  /** Whether its copies are under way and held back by the quota of a leader that is there. */
  private isThrottled({ change }: Step): boolean {
    const name = nameOf(change);
    if (this.pacer === undefined || this.lifted.has(name) || !this.running.has(name)) return false;
    return (this.held.get(name)?.leader ?? -1) >= 0;
  }

  private followersOf({ change }: Step): number {
    const held = this.held.get(nameOf(change));
    return held?.inSync.filter((id) => id !== held.leader).length ?? 0;
  }

  /** Copies whose partition has a leader to copy from. */
  private flowsOf(steps: readonly Step[]): Flow[] {
    return steps.flatMap((step) => {
      const source = this.sourceOf(step);
      return source < 0 ? [] : step.receivers.map((receiver) => ({ source, receiver }));
    });
  }
}
