/**
 * The loop that runs `quorum/` for one member: events in, effects out, in order. It owns log, snapshots and vote, and is
 * the only one to call `step`.
 */
import { assert, epoch, failure, offset, type Result, success, type Timer, unreachable } from '../../base/index.ts';
import {
  currentVoters,
  type Effect,
  initialState,
  isVoter,
  knownLeader,
  localNetworkSettings,
  type NodeId,
  type QuorumEvent,
  type QuorumState,
  type RequestOutcome,
  type SnapshotId,
  step,
  type Voter,
  type VoterChange,
  votersBelow,
  waitMs,
} from '../../quorum/index.ts';
import { channels } from './frame.ts';
import { GroupCommit } from './group-commit.ts';
import { LogStore } from './log-store.ts';
import { decodeMessage, encodeFetchAnswer, encodeMessage } from './message-codec.ts';
import { PeerTransport } from './peer-transport.ts';
import { Proposals } from './proposals.ts';
import { Reads } from './reads.ts';
import { encodeEntry, type Stored } from './record-codec.ts';
import { SnapshotStore } from './snapshot-store.ts';
import {
  type Agreement,
  type AgreementOptions,
  type AgreementRole,
  type AgreementStatus,
  type ChangeProblem,
  type Committed,
  type CommittedEntry,
  endpointOf,
  type Member,
  type ProposeProblem,
} from './types.ts';
import { freshDirectory, VoteStore } from './vote-store.ts';

const mebibyte = 1024 * 1024;
const segmentBytesDefault = 16 * mebibyte;
const recentBytes = 16 * mebibyte;
/** What is applied between two looks at the clock, and how long one turn of the loop may apply. */
const applyBytes = 128 * 1024;
const applyTurnMs = 10;

type Happens = QuorumEvent extends infer Each ? (Each extends QuorumEvent ? Omit<Each, 'nowMs'> : never) : never;

function addressOf(endpoint: string): Member['address'] {
  const colon = endpoint.lastIndexOf(':');
  return { host: endpoint.slice(0, colon), port: Number(endpoint.slice(colon + 1)) };
}

const memberOf = ({ id, endpoint }: Voter): Member => ({ id, address: addressOf(endpoint) });

class AgreementDriver implements Agreement {
  readonly #options: AgreementOptions;
  readonly #log: LogStore;
  readonly #snapshots: SnapshotStore;
  readonly #votes: VoteStore;
  readonly #transport: PeerTransport;
  #state: QuorumState;
  #role: AgreementRole = { kind: 'looking' };

  // Events: one at a time.
  readonly #events: Happens[] = [];
  #stepping = false;
  #stopped = false;
  /** The records of the fetch answer that is being handled. */
  #arrived: readonly Stored[] = [];
  #timer: { readonly timer: Timer; readonly atMs: number } | undefined;

  readonly #syncs: GroupCommit;

  // State machine.
  #applied: number;
  #appliedEpoch: number;
  #applyLater = false;
  #restoring = false;
  /** The leader's high watermark in its first answer of the epoch: below it this follower serves nobody. */
  #target: { readonly epoch: number; readonly offset: number } | undefined;
  #snapshotAtBytes = 0;
  #snapshotting: Promise<number> | undefined;

  // Requests of our own.
  #nextRequestId = 1;
  readonly #requests = new Map<number, (outcome: RequestOutcome) => void>();
  readonly #proposals: Proposals;
  readonly #reads: Reads;

  /** The state machine has been restored to the newest snapshot already. */
  constructor(options: AgreementOptions, opened: Opened, transport: PeerTransport) {
    this.#options = options;
    this.#log = opened.log;
    this.#snapshots = opened.snapshots;
    this.#votes = opened.votes;
    this.#transport = transport;
    const { snapshot } = this.#log.index;
    this.#applied = snapshot?.offset ?? 0;
    this.#appliedEpoch = snapshot?.epoch ?? 0;
    const configured = options.initialVoters.map(
      ({ id, address }): Voter => ({ id, directory: undefined, endpoint: endpointOf(address) }),
    );
    const stated = this.#log.voterSets;
    this.#state = initialState(
      {
        nodeId: options.nodeId,
        directory: this.#votes.directory,
        settings: { ...localNetworkSettings, ...options.quorum },
        vote: this.#votes.vote,
        voterSets: this.#log.index.startOffset === 0 ? [{ offset: -1, voters: configured }, ...stated] : [...stated],
        nowMs: options.clock.monotonicMs(),
      },
      this.#log.index,
      options.random,
    );
    this.#syncs = new GroupCommit(options.clock, () => this.#log.sync(), {
      onSynced: () => {
        this.#dispatch({ kind: 'flushed' });
        this.#snapshotIfDue();
      },
      onFailure: (error) => this.#fail(error),
    });
    this.#proposals = new Proposals(
      options.pendingProposalsBytes ?? 64 * mebibyte,
      (values, settle) => {
        const requestId = this.#expect(settle);
        this.#dispatch({ kind: 'propose', requestId, proposals: values.map((value) => ({ value, count: 1 })) });
      },
      () => this.#state.vote.epoch,
    );
    this.#reads = new Reads({
      id: options.nodeId,
      leader: () => knownLeader(this.#state),
      applied: () => this.#appliedNow(),
      askOurselves: (settle) => this.#dispatch({ kind: 'read', requestId: this.#expect(settle) }),
      askLeader: (leader, question) => transport.ask(leader, channels.askRead, [question]),
      answer: (to, answer) => void transport.answer(to, channels.readAnswer, [answer]),
    });
  }

  begin(): void {
    // So that whoever started us holds the result before the first call back.
    setImmediate(() => this.#dispatch({ kind: 'tick' }));
  }

  // ---- events and effects

  #dispatch(happens: Happens): void {
    if (this.#stopped) return;
    this.#events.push(happens);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (;;) {
        const next = this.#events.shift();
        if (next === undefined || this.#stopped) break;
        this.#step(next);
      }
    } catch (error) {
      this.#fail(error as Error);
    } finally {
      this.#stepping = false;
    }
  }

  #step(happens: Happens): void {
    const { clock, random } = this.#options;
    const event = { ...happens, nowMs: clock.monotonicMs() } as QuorumEvent;
    const votersBefore = currentVoters(this.#state);
    const { state, effects } = step(this.#state, event, this.#log.index, random);
    this.#state = state;
    for (const effect of effects) this.#run(effect);
    this.#failLostProposals();
    this.#noteRole();
    const voters = currentVoters(state);
    if (voters !== votersBefore) this.#options.onVoters?.(voters.map(memberOf));
    this.#arm();
  }

  #run(effect: Effect): void {
    switch (effect.kind) {
      case 'persist':
        this.#votes.write(effect.vote);
        return;
      case 'append': {
        const arrived = this.#arrived.length === effect.entries.length && this.#arrived[0]?.entry === effect.entries[0];
        this.#log.append(
          arrived ? this.#arrived : effect.entries.map((entry) => ({ entry, bytes: encodeEntry(entry) })),
        );
        return;
      }
      case 'truncate':
        this.#log.truncate(effect.to);
        return;
      case 'flush':
        this.#syncs.request();
        return;
      case 'send': {
        const pieces = encodeMessage(effect.message);
        if (isAnswer(effect.message.kind)) this.#transport.answer(effect.to, channels.quorum, pieces);
        else this.#transport.ask(effect.to, channels.quorum, pieces);
        return;
      }
      case 'sendEntries': {
        const records = this.#log.read(effect.from, effect.maxBytes);
        this.#transport.answer(effect.to, channels.quorum, encodeFetchAnswer(effect.answer, records));
        return;
      }
      case 'sendSnapshot':
        this.#sendSnapshot(effect);
        return;
      case 'commit':
        this.#apply();
        return;
      case 'storeSnapshot':
        this.#snapshots.store(effect.snapshot, effect.position, effect.bytes);
        return;
      case 'installSnapshot':
        this.#install(effect.snapshot).catch((error: Error) => this.#fail(error));
        return;
      case 'reply': {
        const settle = this.#requests.get(effect.requestId);
        this.#requests.delete(effect.requestId);
        settle?.(effect.outcome);
        return;
      }
      default:
        unreachable(effect);
    }
  }

  #sendSnapshot({ to, answer, maxBytes }: Extract<Effect, { kind: 'sendSnapshot' }>): void {
    const piece = this.#snapshots.read(answer.snapshot, answer.position, maxBytes);
    const filled =
      piece === undefined
        ? { ...answer, problem: 'snapshotNotFound' as const }
        : piece.bytes.length === 0
          ? { ...answer, problem: 'positionOutOfRange' as const }
          : { ...answer, ...piece };
    this.#transport.answer(to, channels.quorum, encodeMessage(filled));
  }

  #arm(): void {
    if (this.#stopped) return;
    const { clock } = this.#options;
    const atMs = clock.monotonicMs() + waitMs(this.#state);
    // One that fires too early looks again.
    if (this.#timer !== undefined && this.#timer.atMs <= atMs) return;
    this.#timer?.timer.cancel();
    const timer = clock.after(Math.max(1, Math.ceil(atMs - clock.monotonicMs())), () => {
      this.#timer = undefined;
      this.#dispatch({ kind: 'tick' });
      this.#nameVolumes();
    });
    this.#timer = { timer, atMs };
  }

  #fail(error: Error): void {
    if (this.#stopped) return;
    this.#options.logger.error(
      { err: error },
      'agreement stops, since what is on disk or in the state is not known any more',
    );
    this.#end();
    this.#options.onFailure(error);
  }

  // ---- from other members

  onFrame(from: NodeId, channel: number, payload: Buffer): void {
    if (this.#stopped) return;
    if (channel === channels.quorum) this.#onMessage(from, payload);
    else if (channel === channels.told) this.#options.onTold?.(from, payload);
    else if (channel === channels.askRead) this.#reads.onQuestion(from, payload);
    else if (channel === channels.readAnswer) this.#reads.onAnswer(payload);
  }

  #onMessage(from: NodeId, payload: Buffer): void {
    const decoded = decodeMessage(payload);
    if (decoded === undefined) {
      this.#options.logger.warn({ peer: from, bytes: payload.length }, 'dropped bytes that are no message');
      return;
    }
    const { message, stored } = decoded;
    if (message.kind === 'fetchAnswer' && message.problem === undefined && this.#target?.epoch !== message.epoch) {
      this.#target = { epoch: message.epoch, offset: message.highWatermark };
    }
    this.#arrived = stored;
    this.#dispatch({ kind: 'message', from, message });
    this.#arrived = [];
  }

  onPeer(peer: NodeId, connected: boolean): void {
    if (this.#stopped) return;
    if (!connected) {
      this.#reads.onDisconnected(peer);
      this.#dispatch({ kind: 'disconnected', peer });
    }
    this.#options.onPeer?.(peer, connected);
  }

  // ---- the state machine

  /** Applies what is committed, a turn's worth at a time. */
  #apply(): void {
    if (this.#restoring || this.#applyLater || this.#stopped) return;
    const { clock, stateMachine } = this.#options;
    const untilMs = clock.monotonicMs() + applyTurnMs;
    while (this.#applied < this.#state.highWatermark) {
      const records = this.#log.read(offset(this.#applied), applyBytes);
      const entries: CommittedEntry[] = [];
      for (const { entry } of records) {
        if (entry.offset >= this.#state.highWatermark) break;
        const { body } = entry;
        if (body.kind === 'data') {
          entries.push({ kind: 'data', offset: entry.offset, epoch: entry.epoch, value: body.value });
        } else if (body.kind === 'leaderChange') {
          entries.push({ kind: 'newLeader', offset: entry.offset, epoch: entry.epoch, leader: body.leader });
        }
        this.#applied = entry.offset + 1;
        this.#appliedEpoch = entry.epoch;
      }
      if (entries.length > 0) stateMachine.apply(entries);
      this.#settleApplied();
      if (clock.monotonicMs() >= untilMs && this.#applied < this.#state.highWatermark) {
        this.#applyLater = true;
        setImmediate(() => {
          this.#applyLater = false;
          try {
            this.#apply();
            this.#noteRole();
          } catch (error) {
            this.#fail(error as Error);
          }
        });
        return;
      }
    }
    this.#snapshotIfDue();
  }

  #appliedNow(): Committed {
    return { offset: this.#applied, epoch: this.#appliedEpoch };
  }

  #settleApplied(): void {
    this.#proposals.settle(this.#applied);
    this.#reads.settle(this.#appliedNow());
  }

  async #install(id: SnapshotId): Promise<void> {
    const { logger, stateMachine } = this.#options;
    const checked = await this.#snapshots.finishDownload(id, this.#options.clock);
    if (checked === undefined) {
      this.#dispatch({ kind: 'snapshotRefused', snapshot: id });
      return;
    }
    this.#restoring = true;
    await stateMachine.restore(this.#snapshots.pieces(id), id);
    await this.#syncs.idle();
    if (this.#stopped) return;
    this.#log.replaceBy(id, checked.voters);
    this.#snapshots.keepOnly(id);
    this.#applied = id.offset;
    this.#appliedEpoch = id.epoch;
    this.#restoring = false;
    this.#snapshotAtBytes = this.#log.appendedBytes;
    logger.info({ offset: id.offset, epoch: id.epoch }, 'took over a snapshot from the leader');
    this.#dispatch({ kind: 'snapshotInstalled', snapshot: id, voters: checked.voters });
    this.#settleApplied();
    this.#apply();
  }

  #snapshotIfDue(): void {
    const everyBytes = this.#options.snapshotEveryBytes ?? 64 * mebibyte;
    if (this.#log.appendedBytes - this.#snapshotAtBytes < everyBytes || this.#snapshotting !== undefined) return;
    if (this.#applied > this.#log.index.flushedOffset || this.#restoring) return;
    this.takeSnapshot().catch((error: Error) => this.#fail(error));
  }

  takeSnapshot(): Promise<number> {
    this.#snapshotting ??= this.#writeSnapshot().finally(() => {
      this.#snapshotting = undefined;
    });
    return this.#snapshotting;
  }

  async #writeSnapshot(): Promise<number> {
    const { index } = this.#log;
    // The state machine may ask for it while it applies: then it does not hold yet all that counts as applied.
    await undefined;
    // What was applied may not be flushed here yet, only by the others.
    while (this.#applied > index.flushedOffset && !this.#stopped) await this.#log.sync();
    const at = offset(this.#applied);
    if (this.#restoring || this.#stopped || at <= (index.snapshot?.offset ?? 0)) return index.snapshot?.offset ?? 0;
    const id: SnapshotId = { offset: at, epoch: epoch(this.#appliedEpoch) };
    const voters = votersBelow(this.#state, at);
    const pieces = this.#options.stateMachine.snapshot();
    this.#snapshotAtBytes = this.#log.appendedBytes;
    await this.#snapshots.write({ id, voters }, pieces);
    // One from the leader may have come in between, and is newer.
    if (this.#stopped || at < index.startOffset || at <= (index.snapshot?.offset ?? 0)) return at;
    this.#log.setSnapshot(id);
    this.#options.logger.info({ offset: id.offset, epoch: id.epoch }, 'wrote a snapshot');
    const oldest = this.#snapshots.oldest();
    if (oldest !== undefined) this.#log.dropBelow(oldest.offset);
    this.#dispatch({ kind: 'snapshotTaken', snapshot: id });
    return at;
  }

  // ---- roles

  get role(): AgreementRole {
    return this.#role;
  }

  #roleNow(): AgreementRole {
    const { role, vote } = this.#state;
    const before = this.#role;
    // The first entry of the epoch stands behind everything that earlier leaders acknowledged.
    const current = this.#appliedEpoch === vote.epoch && !this.#restoring;
    if (role.kind === 'leader' && current) {
      return before.kind === 'leader' && before.epoch === vote.epoch ? before : { kind: 'leader', epoch: vote.epoch };
    }
    if (role.kind === 'follower' && current) {
      const voter = isVoter(this.#state);
      if (before.kind === 'follower' && before.epoch === vote.epoch && before.voter === voter) return before;
      const caughtUp = this.#target?.epoch === vote.epoch && this.#applied >= this.#target.offset;
      const serves = (before.kind === 'follower' && before.epoch === vote.epoch) || (caughtUp && role.leaderAnswered);
      if (serves) return { kind: 'follower', epoch: vote.epoch, leader: role.leader, voter };
    }
    return before.kind === 'looking' ? before : { kind: 'looking' };
  }

  #noteRole(): void {
    const role = this.#roleNow();
    if (role === this.#role) return;
    this.#role = role;
    // Coming back to the same leader, it must catch up again.
    if (role.kind === 'looking') this.#target = undefined;
    this.#options.logger.info(
      { role: role.kind, epoch: this.#state.vote.epoch, leader: knownLeader(this.#state) },
      'role changed',
    );
    this.#options.onRole?.(role);
  }

  /** What was proposed in an epoch that this member leads no longer may or may not come to be. */
  #failLostProposals(): void {
    const { role, vote, highWatermark } = this.#state;
    const proposedIn = this.#proposals.waitingEpoch;
    if (proposedIn === undefined || (role.kind === 'leader' && vote.epoch === proposedIn)) return;
    // Committed by its own leader's last act, or overtaken: only the epoch at its place tells.
    this.#proposals.giveUp(
      (endOffset, inEpoch) => endOffset <= highWatermark && this.#log.index.epochBefore(offset(endOffset)) === inEpoch,
    );
  }

  // ---- requests

  /** @returns the id of a request whose outcome goes to `settle` */
  #expect(settle: (outcome: RequestOutcome) => void): number {
    const requestId = this.#nextRequestId++;
    this.#requests.set(requestId, settle);
    return requestId;
  }

  #request(make: (requestId: number) => Happens): Promise<RequestOutcome> {
    return new Promise((resolve) => this.#dispatch(make(this.#expect(resolve))));
  }

  propose(value: Uint8Array): Promise<Result<Committed, ProposeProblem>> {
    return this.#proposals.add(value);
  }

  catchUp(): Promise<Result<Committed, ProposeProblem>> {
    return this.#reads.add();
  }

  // ---- members

  async #change(change: VoterChange): Promise<Result<undefined, ChangeProblem>> {
    if (this.#stopped) return failure({ kind: 'stopped' });
    return changeResult(await this.#request((requestId) => ({ kind: 'changeVoters', requestId, change })));
  }

  addVoter({ id, address }: Member): Promise<Result<undefined, ChangeProblem>> {
    const { role } = this.#state;
    const directory = role.kind === 'leader' ? role.replicas.get(id)?.directory : undefined;
    return this.#change({ kind: 'add', voter: { id, directory, endpoint: endpointOf(address) } });
  }

  removeVoter(id: NodeId): Promise<Result<undefined, ChangeProblem>> {
    return this.#change({ kind: 'remove', id });
  }

  async transferLeadership(to?: NodeId): Promise<Result<undefined, ChangeProblem>> {
    if (this.#stopped) return failure({ kind: 'stopped' });
    return changeResult(await this.#request((requestId) => ({ kind: 'transfer', requestId, to })));
  }

  #naming = false;
  /** A leader writes down which volume each voter has, so that one that loses its volume cannot vote as if it had not. */
  #nameVolumes(): void {
    const { role } = this.#state;
    if (this.#stopped || this.#naming || role.kind !== 'leader' || this.#role.kind !== 'leader') return;
    for (const voter of currentVoters(this.#state)) {
      if (voter.directory !== undefined) continue;
      const own = voter.id === this.#options.nodeId;
      const directory = own ? this.#votes.directory : role.replicas.get(voter.id)?.directory;
      if (directory === undefined) continue;
      this.#naming = true;
      // Refused while another change is under way; then the next tick tries again.
      void this.#change({ kind: 'update', voter: { ...voter, directory } }).then(() => {
        this.#naming = false;
      });
      return;
    }
  }

  setPeers(peers: readonly Member[]): void {
    this.#transport.setPeers(peers);
  }

  tell(to: NodeId, bytes: Uint8Array): boolean {
    return !this.#stopped && this.#transport.ask(to, channels.told, [bytes]);
  }

  status(): AgreementStatus {
    const state = this.#state;
    const { index } = this.#log;
    const { role } = state;
    const voters = currentVoters(state);
    return {
      role: this.#role,
      epoch: state.vote.epoch,
      leader: knownLeader(state),
      voters: voters.map(memberOf),
      endOffset: index.endOffset,
      committedOffset: state.highWatermark,
      appliedOffset: this.#applied,
      snapshotOffset: index.snapshot?.offset ?? 0,
      members:
        role.kind !== 'leader'
          ? []
          : [...role.replicas].map(([id, progress]) => ({
              id,
              voter: voters.some((voter) => voter.id === id),
              ackedOffset: progress.ackedOffset,
              silentMs: Number.isFinite(progress.fetchedAtMs) ? state.timeMs - progress.fetchedAtMs : undefined,
            })),
      syncs: this.#syncs.figures,
    };
  }

  // ---- the end

  async stop(): Promise<void> {
    if (this.#stopped) return;
    const others = currentVoters(this.#state).filter(({ id }) => id !== this.#options.nodeId);
    if (this.#state.role.kind === 'leader' && others.length > 0) await this.transferLeadership();
    this.#end();
    await this.#transport.stop();
    await this.#syncs.idle();
    await this.#snapshotting?.catch(() => undefined);
    this.#log.close();
    this.#snapshots.close();
  }

  #end(): void {
    this.#stopped = true;
    this.#timer?.timer.cancel();
    this.#proposals.stop();
    this.#reads.stop();
    for (const settle of this.#requests.values()) settle({ kind: 'unknown' });
    this.#requests.clear();
    if (this.#role.kind !== 'looking') {
      this.#role = { kind: 'looking' };
      this.#options.onRole?.(this.#role);
    }
    void this.#transport.stop();
  }
}

const answers = new Set(['voteAnswer', 'beginEpochAnswer', 'endEpochAnswer', 'fetchAnswer', 'fetchSnapshotAnswer']);
const isAnswer = (kind: string): boolean => answers.has(kind);

function changeResult(outcome: RequestOutcome): Result<undefined, ChangeProblem> {
  if (outcome.kind === 'done') return success(undefined);
  assert(outcome.kind !== 'appended' && outcome.kind !== 'readable', 'a change is answered as a change');
  return failure(outcome);
}

type Opened = { readonly log: LogStore; readonly snapshots: SnapshotStore; readonly votes: VoteStore };

/**
 * Recovers, restores the state machine from the newest good snapshot, and joins the others. Resolves when this member
 * takes part; it may be long until there is a leader (see `onRole`).
 *
 * @throws if what is on disk is damaged or belongs to someone else, or the address cannot be listened on
 */
export async function startAgreement(options: AgreementOptions): Promise<Agreement> {
  const { disk, folder, logger, nodeId, clusterId } = options;
  disk.makeFolder(folder);
  const votes = new VoteStore(disk, folder, { clusterId, nodeId }, freshDirectory(options.random));
  const snapshots = new SnapshotStore({ disk, folder, logger });
  const snapshot = snapshots.newestGood();
  const segmentBytes = options.segmentBytes ?? segmentBytesDefault;
  const log = new LogStore({ disk, folder, logger, settings: { segmentBytes, recentBytes } }, snapshot);
  if (votes.vote === undefined && log.index.endOffset > 0) {
    throw new Error(
      `${folder} holds a log but no vote.json: part of the volume is missing. Restore the volume, or remove this member from the ensemble and add it again with an empty volume.`,
    );
  }
  if (snapshot !== undefined) await options.stateMachine.restore(snapshots.pieces(snapshot.id), snapshot.id);
  // The transport calls back only after the driver is there.
  let driver: AgreementDriver | undefined;
  const transport = new PeerTransport({
    ...options,
    onFrame: (from, channel, payload) => driver?.onFrame(from, channel, payload),
    onPeer: (peer, connected) => driver?.onPeer(peer, connected),
  });
  driver = new AgreementDriver(options, { log, snapshots, votes }, transport);
  await transport.start(options.peers);
  driver.begin();
  return driver;
}
