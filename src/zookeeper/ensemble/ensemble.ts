import type { Clock, Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type { RequestOf, SessionId } from '../../protocol/zookeeper/index.ts';
import { errorCode, JuteWriter, permission, zxid } from '../../protocol/zookeeper/index.ts';
import type { NodeId } from '../../quorum/index.ts';
import { nodeId } from '../../quorum/index.ts';
import type { EnsembleServer } from '../../settings/index.ts';
import type { Agreement, AgreementRole, CommittedEntry } from '../agreement/index.ts';
import { beginAgreement, isBegun, startAgreement } from '../agreement/index.ts';
import type { DataFolders } from '../disk/data-folder.ts';
import { dataFolders, ensembleFolder, recover } from '../disk/data-folder.ts';
import { filesOf } from '../disk/file-names.ts';
import { SnapshotReader } from '../disk/snapshot-reader.ts';
import { snapshotPieces } from '../disk/snapshot-writer.ts';
import { mayAccess } from '../request/access.ts';
import type { Wish } from '../request/decider.ts';
import type { Orderer, ServerDeps, ServerMode } from '../server.ts';
import { Server } from '../server.ts';
import type { ServerSettings } from '../server-settings.ts';
import type { Session } from '../session/session-table.ts';
import type { RunningServer } from '../standalone.ts';
import { CONFIG_PATH, DataTree } from '../tree/data-tree.ts';
import type { LoggedTxn } from '../tree/txn.ts';
import { readTxn, writeTxn } from '../tree/txn.ts';
import { configText, memberOf, serversOfConfig, versionOfConfig, voterSteps, wantedServers } from './membership.ts';
import type { PeerMessage } from './peer-messages.ts';
import { decodePeerMessage, encodePeerMessage } from './peer-messages.ts';

export type EnsembleOptions = {
  readonly servers: readonly EnsembleServer[];
  /** `version=` of the dynamic file, hexadecimal. */
  readonly configVersion: string;
  readonly reconfigEnabled: boolean;
};

const CLUSTER_ID = 'zookeeper';
const EPOCH = 0x100000000;
const ZXID_BYTES = 8;
/** Transactions decided and not committed; a client whose write would exceed it is sent away. */
const PENDING_BYTES_MAX = 192 << 20;
/** What agreement may hold: above our own limit, so that it never refuses what was decided. */
const PROPOSED_BYTES_MAX = 256 << 20;
/** Messages of followers that came before this server had taken office. */
const EARLY_MAX = 10_000;
const TOUCH_EVERY_MS_MAX = 500;
/** How long a new member may take to catch up before a reconfig gives up. */
const JOIN_MS_MAX = 20_000;
const JOIN_RETRY_MS = 100;
/** How long to wait before asking again whether a session that is being closed is gone. */
const RENEW_AGAIN_MS = 20;

/**
 * One of several servers: the leader decides, all agree on the log, each applies it. A client's write goes from its
 * server to the leader and comes back in the log; reads are local; `sync` asks the leader.
 *
 * Whenever a server cannot be sure that what it forwarded has arrived (another leader, a broken connection to it) it
 * closes its clients' connections: they come back with their sessions and ask again.
 */
class EnsembleOrderer implements Orderer {
  #settings: ServerSettings;
  #options: EnsembleOptions;
  #deps: ServerDeps;
  #server: Server;
  #agreement: Agreement | undefined;
  #role: AgreementRole = { kind: 'looking' };
  /** Own decisions of this term by zxid, which need not be decoded when they come back. */
  #decided = new Map<number, LoggedTxn>();
  #pendingBytes = 0;
  #writer = new JuteWriter(1024);
  #early: { readonly from: NodeId; readonly message: Extract<PeerMessage, { kind: 'wish' | 'renew' }> }[] = [];
  #touched = new Set<SessionId>();
  #renewals = new Map<number, (alive: boolean | undefined) => void>();
  #nextRequestId = 1;
  #servers: readonly EnsembleServer[];
  #reconfiguring = false;
  #lookingSinceMs: number;
  #electionMs = 0;

  constructor(server: Server, settings: ServerSettings, options: EnsembleOptions, deps: ServerDeps) {
    this.#server = server;
    this.#settings = settings;
    this.#options = options;
    this.#deps = deps;
    this.#servers = options.servers;
    this.#lookingSinceMs = deps.clock.monotonicMs();
  }

  get mode(): ServerMode {
    if (this.#role.kind === 'follower' && !this.#role.voter) return 'observer';
    return this.#role.kind;
  }

  get decides(): boolean {
    return this.#role.kind === 'leader';
  }

  get serves(): boolean {
    return this.#role.kind !== 'looking';
  }

  async join(onFailure: (error: Error) => void): Promise<Result<undefined, string>> {
    const { clock, disk, network, random, logger } = this.#deps;
    const own = this.#options.servers.find(({ id }) => id === this.#settings.serverId)!;
    const participants = this.#options.servers.filter(({ role }) => role === 'participant');
    try {
      this.#agreement = await startAgreement({
        nodeId: nodeId(this.#settings.serverId),
        clusterId: CLUSTER_ID,
        listen: { host: await listenHost(own.host), port: own.quorumPort },
        peers: this.#options.servers.map(memberOf),
        initialVoters: participants.map(memberOf),
        disk,
        folder: ensembleFolder(this.#settings.dataLogDir),
        network,
        clock,
        random,
        logger,
        stateMachine: {
          apply: (entries) => this.#apply(entries),
          snapshot: () => this.#snapshot(),
          restore: (pieces) => this.#restore(pieces),
        },
        onRole: (role) => this.#onRole(role),
        onTold: (from, bytes) => this.#onTold(from, Buffer.from(bytes)),
        onPeer: (peer, connected) => this.#onPeer(peer, connected),
        onVoters: () => {
          // Whoever is joining just now must still be spoken to.
          if (!this.#reconfiguring) this.#showConfig();
        },
        onFailure,
        pendingProposalsBytes: PROPOSED_BYTES_MAX,
        ...(this.#settings.logBytesMax === undefined ? {} : { segmentBytes: this.#settings.logBytesMax }),
      });
    } catch (error) {
      return failure((error as Error).message);
    }
    this.#showConfig();
    clock.every(Math.min(TOUCH_EVERY_MS_MAX, this.#settings.tickMs / 2), () => this.#sendTouches());
    return success(undefined);
  }

  submit(wish: Wish): void {
    if (this.#role.kind === 'leader') {
      this.#decide(wish);
      return;
    }
    const { sessionId, cxid, identities, command } = wish;
    if (this.#role.kind !== 'follower') {
      this.#sendAway(sessionId);
      return;
    }
    const { epoch, leader } = this.#role;
    const sent = this.#tell(leader, { kind: 'wish', epoch, sessionId, cxid, identities, command });
    if (!sent) this.#sendAway(sessionId);
  }

  sync(done: (caughtUp: boolean) => void): void {
    void this.#agreement?.catchUp().then((result) => done(result.ok));
  }

  renew(session: SessionId, done: (alive: boolean | undefined) => void): void {
    if (this.#role.kind === 'leader') {
      this.#renewHere(session, this.#settings.serverId, done);
      return;
    }
    const requestId = this.#nextRequestId++ & 0x7fffffff;
    this.#renewals.set(requestId, done);
    const sent =
      this.#role.kind === 'follower' && this.#tell(this.#role.leader, { kind: 'renew', requestId, sessionId: session });
    if (sent) return;
    this.#renewals.delete(requestId);
    done(undefined);
  }

  touched(session: Session): void {
    if (this.#role.kind === 'follower') this.#touched.add(session.id);
  }

  snapshotDue(): void {
    // A failure to write one ends agreement, which then tells.
    this.#agreement?.takeSnapshot().catch(() => {});
  }

  rollLog(): void {}

  monitorValues(): [string, string | number][] {
    const status = this.#agreement?.status();
    if (status === undefined) return [];
    const peerStates: Record<ServerMode, string> = {
      leader: 'leading - broadcast',
      follower: 'following - broadcast',
      observer: 'observing - broadcast',
      looking: 'looking - election',
      standalone: 'standalone',
    };
    const values: [string, string | number][] = [
      ['quorum_size', status.voters.length],
      ['peer_state', peerStates[this.mode]],
      ['election_time', Math.round(this.#electionMs)],
      ['current_epoch', status.epoch],
      ['log_end_offset', status.endOffset],
      ['committed_offset', status.committedOffset],
      ['applied_offset', status.appliedOffset],
      ['agreement_sync_count', status.syncs.count],
      ['agreement_sync_ms_total', Math.round(status.syncs.totalMs)],
    ];
    if (this.#role.kind !== 'leader') return values;
    const others = status.members.filter(({ id }) => id !== this.#settings.serverId);
    const live = others.filter(({ silentMs }) => silentMs !== undefined && silentMs < LIVE_MS);
    const synced = live.filter(({ voter, ackedOffset }) => voter && status.endOffset - ackedOffset <= SYNCED_ENTRIES);
    return [
      ...values,
      ['learners', live.length],
      ['followers', live.filter(({ voter }) => voter).length],
      ['synced_followers', synced.length],
      ['synced_non_voting_followers', 0],
      ['synced_observers', live.filter(({ voter }) => !voter).length],
      ['pending_syncs', 0],
      ['leader_uptime', Math.round(this.#deps.clock.monotonicMs() - this.#lookingSinceMs)],
    ];
  }

  proposalLines(): string[] {
    return this.#role.kind === 'leader' ? ['Proposal sizes last/min/max: -1/-1/-1'] : [];
  }

  configLines(): string[] {
    return [
      'initLimit=10',
      'syncLimit=5',
      'electionAlg=3',
      `electionPort=${this.#servers.find(({ id }) => id === this.#settings.serverId)?.electionPort ?? -1}`,
      `quorumPort=${this.#servers.find(({ id }) => id === this.#settings.serverId)?.quorumPort ?? -1}`,
      `peerType=${this.mode === 'observer' ? 1 : 0}`,
      `membership: `,
      this.#configText(),
    ];
  }

  async stop(): Promise<void> {
    await this.#agreement?.stop();
  }

  // Deciding.

  #decide(wish: Wish): void {
    if (this.#pendingBytes > PENDING_BYTES_MAX) {
      this.#refuse(wish);
      return;
    }
    if (wish.command.op === 'reconfig') {
      void this.#reconfigure(wish, wish.command);
      return;
    }
    const logged = this.#server.decider.decide(wish);
    writeTxn(this.#writer, logged.header, logged.txn);
    const bytes = this.#writer.take();
    this.#decided.set(logged.header.zxid, logged);
    this.#pendingBytes += bytes.length;
    const decided = this.#decided;
    void this.#agreement!.propose(bytes).then((result) => {
      if (decided === this.#decided) this.#pendingBytes -= bytes.length;
      // With another problem than these the role changes too, and everybody is sent away then.
      if (!result.ok && result.problem.kind === 'overloaded') {
        // What was decided after it builds on it: this term is over.
        this.#deps.logger.error({}, 'agreement refused a decision, giving up the leadership');
        void this.#agreement?.transferLeadership();
        this.#onRole({ kind: 'looking' });
      }
    });
  }

  #refuse({ sessionId, fromServer }: Wish): void {
    if (fromServer === undefined) return;
    if (fromServer === this.#settings.serverId) this.#sendAway(sessionId);
    else this.#tell(nodeId(fromServer), { kind: 'drop', sessionId });
  }

  /** The client has to ask again, here or elsewhere. */
  #sendAway(session: SessionId): void {
    const connection = this.#server.connectionOf(session);
    // Not within the call that brought its request.
    setImmediate(() => connection?.destroy());
  }

  // The state machine.

  #apply(entries: readonly CommittedEntry[]): void {
    for (const entry of entries) {
      if (entry.kind === 'newLeader') continue;
      const logged = this.#own(entry) ?? decoded(entry);
      // Decided in an earlier term and proposed in a later one: all servers see the same log and pass over it alike.
      if (logged.header.zxid <= this.#server.tree.lastZxid) {
        this.#deps.logger.warn({ offset: entry.offset }, 'passed over a transaction of an earlier term');
        continue;
      }
      this.#server.commit(logged);
      if (logged.txn.type === 'reconfig') this.#showConfig();
    }
  }

  #own(entry: Extract<CommittedEntry, { kind: 'data' }>): LoggedTxn | undefined {
    if (this.#role.kind !== 'leader' || entry.epoch !== this.#role.epoch) return undefined;
    const { value } = entry;
    const view = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    // Session and cxid stand before the zxid.
    const at = view.readInt32BE(12) * EPOCH + view.readUInt32BE(16);
    const logged = this.#decided.get(at);
    this.#decided.delete(at);
    return logged;
  }

  #snapshot(): AsyncGenerator<Buffer, void> {
    const { tree, committedSessions, clock } = this.#server;
    return statePieces(tree, new Map(committedSessions), clock);
  }

  async #restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    this.#server.closeConnections();
    const head = Buffer.alloc(ZXID_BYTES);
    let headBytes = 0;
    const reader = new SnapshotReader('the snapshot', this.#settings);
    for await (const piece of pieces) {
      const ofHead = Math.min(piece.length, ZXID_BYTES - headBytes);
      head.set(piece.subarray(0, ofHead), headBytes);
      headBytes += ofHead;
      if (reader.push(piece.subarray(ofHead)) !== undefined) break;
      // A piece is work for a few milliseconds, and comes from a file that is read at once.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    const loaded = reader.finish(zxid(Number(head.readBigInt64BE(0))));
    if (!loaded.ok) throw new Error(loaded.problem);
    this.#server.replaceState(loaded.value.tree, loaded.value.sessions);
    this.#showConfig();
  }

  // Roles.

  #onRole(role: AgreementRole): void {
    const before = this.#role;
    const { clock } = this.#deps;
    this.#role = role;
    if (before.kind !== 'looking') this.#server.closeConnections();
    this.#decided = new Map();
    this.#pendingBytes = 0;
    this.#touched.clear();
    for (const done of this.#renewals.values()) done(undefined);
    this.#renewals.clear();
    if (role.kind === 'looking') {
      if (before.kind !== 'looking') this.#lookingSinceMs = clock.monotonicMs();
      this.#server.decider.overlay.clear();
      return;
    }
    this.#electionMs = clock.monotonicMs() - this.#lookingSinceMs;
    this.#lookingSinceMs = clock.monotonicMs();
    const early = this.#early;
    this.#early = [];
    if (role.kind !== 'leader') return;
    // A new epoch for clients too, above every zxid that was ever shown.
    const epoch = Math.max(role.epoch, Math.floor(this.#server.tree.lastZxid / EPOCH) + 1);
    this.#server.decider.begin(zxid(epoch * EPOCH));
    for (const { from, message } of early) {
      if (message.kind === 'wish') this.#onWish(from, message);
      else this.#onRenew(from, message);
    }
  }

  #onPeer(peer: NodeId, connected: boolean): void {
    if (connected || this.#role.kind !== 'follower' || this.#role.leader !== peer) return;
    // Writes and touches that were under way are lost; their clients must not wait for them.
    this.#server.closeConnections();
    for (const done of this.#renewals.values()) done(undefined);
    this.#renewals.clear();
  }

  // Messages.

  #tell(to: NodeId, message: PeerMessage): boolean {
    return this.#agreement?.tell(to, encodePeerMessage(message)) ?? false;
  }

  #onTold(from: NodeId, bytes: Buffer): void {
    const message = decodePeerMessage(bytes);
    if (message === undefined) {
      this.#deps.logger.warn({ peer: from, bytes: bytes.length }, 'dropped bytes that are no message of a server');
      return;
    }
    switch (message.kind) {
      case 'wish':
        this.#onWish(from, message);
        return;
      case 'renew':
        this.#onRenew(from, message);
        return;
      case 'renewed': {
        const done = this.#renewals.get(message.requestId);
        this.#renewals.delete(message.requestId);
        done?.(message.alive);
        return;
      }
      case 'touches':
        for (const id of message.sessions) {
          const session = this.#server.sessions.get(id);
          if (session !== undefined) this.#server.sessions.touch(session);
        }
        return;
      case 'drop':
        this.#sendAway(message.sessionId);
    }
  }

  #onWish(from: NodeId, message: Extract<PeerMessage, { kind: 'wish' }>): void {
    if (this.#role.kind === 'leader' && this.#role.epoch === message.epoch) {
      const { sessionId, cxid, identities, command } = message;
      this.#decide({ sessionId, cxid, identities, command, fromServer: from });
    } else this.#keepEarly(from, message);
  }

  #onRenew(from: NodeId, message: Extract<PeerMessage, { kind: 'renew' }>): void {
    if (this.#role.kind !== 'leader') {
      this.#keepEarly(from, message);
      return;
    }
    this.#renewHere(message.sessionId, from, (alive) => {
      // Without an answer the other server learns of the end of this term, and sends its client away.
      if (alive !== undefined) this.#tell(from, { kind: 'renewed', requestId: message.requestId, alive });
    });
  }

  /** A follower may know of this server's election before it has taken office itself. */
  #keepEarly(from: NodeId, message: Extract<PeerMessage, { kind: 'wish' | 'renew' }>): void {
    if (this.#role.kind === 'looking' && this.#early.length < EARLY_MAX) this.#early.push({ from, message });
  }

  /**
   * A session whose end is decided is not over before that is committed: told so earlier, its client could still meet
   * its ephemeral nodes, or even find it alive again after another election.
   */
  #renewHere(id: SessionId, server: number, done: (alive: boolean | undefined) => void): void {
    if (this.#role.kind !== 'leader') {
      done(undefined);
      return;
    }
    const session = this.#server.sessions.get(id);
    if (session === undefined) {
      done(false);
      return;
    }
    if (session.closing) {
      this.#deps.clock.after(RENEW_AGAIN_MS, () => this.#renewHere(id, server, done));
      return;
    }
    session.owner = server;
    this.#server.sessions.touch(session);
    done(true);
  }

  #sendTouches(): void {
    if (this.#touched.size === 0 || this.#role.kind !== 'follower') return;
    this.#tell(this.#role.leader, { kind: 'touches', sessions: [...this.#touched] });
    this.#touched.clear();
  }

  // Membership.

  /**
   * What the log says; before any change of the membership, the configured servers that vote. A file may also name
   * servers that have yet to join: they are not members because of that.
   */
  #configText(): string {
    const { servers, configVersion } = this.#options;
    const text = this.#server.tree.get(CONFIG_PATH)?.data?.toString() ?? '';
    if (text !== '' && versionOfConfig(text) !== versionOfConfig(`version=${configVersion}`)) return text;
    const voters = new Set(this.#agreement?.status().voters.map(({ id }) => id));
    const members = servers.filter(({ id, role }) => role === 'observer' || voters.has(nodeId(id)));
    return configText(members, configVersion, this.#settings.client.port);
  }

  /** What the log says of the membership counts more than what the file said. */
  #showConfig(): void {
    const text = this.#configText();
    this.#server.tree.setConfig(text);
    const servers = serversOfConfig(text);
    if (servers.length === 0) return;
    this.#servers = servers;
    // Who starts with a newer file than the others must still be able to speak to them.
    const known = new Set(servers.map(({ id }) => id));
    const configured = this.#options.servers.filter(({ id }) => !known.has(id));
    this.#agreement?.setPeers([...servers, ...configured].map(memberOf));
  }

  async #reconfigure(wish: Wish, request: RequestOf<'reconfig'>): Promise<void> {
    const fail = (code: number): void => {
      if (this.#role.kind === 'leader') this.#decide({ ...wish, command: { op: 'fail', code } });
    };
    if (!this.#options.reconfigEnabled) return fail(errorCode.reconfigDisabled);
    if (this.#reconfiguring) return fail(errorCode.reconfigInProgress);
    const config = this.#server.tree.get(CONFIG_PATH)!;
    if (!mayAccess(this.#server.rules, config.acl, permission.write, wish.identities)) return fail(errorCode.noAuth);
    if (request.currentConfigId !== -1 && request.currentConfigId !== versionOfConfig(this.#configText())) {
      return fail(errorCode.badVersion);
    }
    const wanted = wantedServers(request, this.#servers);
    if (!wanted.ok) return fail(wanted.problem);
    this.#reconfiguring = true;
    try {
      const code = await this.#changeVoters(wanted.value);
      if (code !== errorCode.ok) return fail(code);
      const next = (this.#server.decider.lastZxid + 1).toString(16);
      const text = configText(wanted.value, next, this.#settings.client.port);
      if (this.#role.kind === 'leader') this.#decide({ ...wish, command: { op: 'applyReconfig', configText: text } });
    } finally {
      this.#reconfiguring = false;
    }
  }

  async #changeVoters(wanted: readonly EnsembleServer[]): Promise<number> {
    const agreement = this.#agreement!;
    const all = new Map([...this.#servers, ...wanted].map((server) => [server.id, server]));
    agreement.setPeers([...all.values()].map(memberOf));
    const current = agreement.status().voters.map(({ id }) => id);
    const deadlineMs = this.#deps.clock.monotonicMs() + JOIN_MS_MAX;
    for (const step of voterSteps(current, wanted, nodeId(this.#settings.serverId))) {
      if ('remove' in step && !this.#mayRemove(step.remove)) return this.#cannotChange(step, 'too few would be left');
      if ('remove' in step && step.remove === this.#settings.serverId) {
        // Its client hears nothing more from here, finds the successor, and asks that one.
        await agreement.transferLeadership(this.#successor(wanted));
        return this.#cannotChange(step, 'the leader has to hand over first');
      }
      for (;;) {
        const result = 'add' in step ? await agreement.addVoter(step.add) : await agreement.removeVoter(step.remove);
        if (result.ok || result.problem.kind === 'voterExists' || result.problem.kind === 'voterUnknown') break;
        const later = result.problem.kind === 'notCaughtUp' || result.problem.kind === 'busy';
        if (!later || this.#deps.clock.monotonicMs() > deadlineMs) {
          return this.#cannotChange(step, result.problem.kind);
        }
        await new Promise<void>((resolve) => void this.#deps.clock.after(JOIN_RETRY_MS, resolve));
      }
    }
    return errorCode.ok;
  }

  #cannotChange(step: object, problem: string): number {
    this.#deps.logger.warn({ step, problem }, 'could not change the voters');
    this.#showConfig();
    return errorCode.newConfigNoQuorum;
  }

  /** Whether a majority of the voters that would be left is here now. */
  #mayRemove(id: NodeId): boolean {
    const { voters, members } = this.#agreement!.status();
    const left = voters.filter((voter) => voter.id !== id);
    const live = left.filter((voter) => {
      if (voter.id === this.#settings.serverId) return true;
      const silentMs = members.find((member) => member.id === voter.id)?.silentMs;
      return silentMs !== undefined && silentMs < LIVE_MS;
    });
    return live.length > left.length / 2;
  }

  /** Of the voters that stay, the one that has most of the log. */
  #successor(wanted: readonly EnsembleServer[]): NodeId | undefined {
    const staying = new Set<number>(wanted.filter(({ role }) => role === 'participant').map(({ id }) => id));
    const [first] = this.#agreement!.status()
      .members.filter(({ id, voter }) => voter && staying.has(id))
      .sort((a, b) => b.ackedOffset - a.ackedOffset);
    return first?.id;
  }
}

const LIVE_MS = 2_000;
const SYNCED_ENTRIES = 1_000;

function decoded(entry: Extract<CommittedEntry, { kind: 'data' }>): LoggedTxn {
  const { value } = entry;
  const logged = readTxn(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  if (!logged.ok) throw new Error(`entry ${entry.offset} is no transaction: ${logged.problem.sentence}`);
  return logged.value;
}

/** A member listens on all its addresses; a simulated pod has one of its own, a literal loopback address is kept. */
function listenHost(host: string): Promise<string> {
  return Promise.resolve(/^127\.|^::1$/.test(host) ? host : '0.0.0.0');
}

/**
 * Recovers the data, serves clients as soon as there is a leader, and takes part in agreement.
 *
 * @returns a sentence on why it cannot start
 */
export async function startEnsemble(
  settings: ServerSettings,
  options: EnsembleOptions,
  deps: ServerDeps,
  onFailure: (error: Error) => void,
): Promise<Result<RunningServer, string>> {
  const folders = dataFolders(settings.dataDir, settings.dataLogDir);
  const own = ensembleFolder(settings.dataLogDir);
  const logs = filesOf('log', deps.disk.list(folders.logs));
  const snapshots = filesOf('snapshot', deps.disk.list(folders.snapshots));
  const hasData = logs.length > 0 || snapshots.some(({ zxid: last }) => last > 0);
  if (hasData && !isBegun(own, deps.disk)) {
    const [only, ...others] = options.servers.filter(({ role }) => role === 'participant');
    if (only?.id !== settings.serverId || others.length > 0) {
      return failure(
        `${folders.logs} holds the data of a server alone, and several servers cannot begin with it, as each of them ` +
          'might have its own: start this server with its own server.N line only and standaloneEnabled=false, then ' +
          'let the others join with reconfig',
      );
    }
    const taken = await takeOver(settings, folders, only, deps);
    if (!taken.ok) return taken;
  }
  const tree = new DataTree(settings);
  const empty = { tree, sessions: new Map<SessionId, number>(), replayedCount: 0, passedOver: [] };
  const server = new Server(settings, folders, empty, deps);
  const orderer = new EnsembleOrderer(server, settings, options, deps);
  const started = await server.start(orderer);
  if (!started.ok) return started;
  const joined = await orderer.join(onFailure);
  if (!joined.ok) {
    await server.stop();
    return joined;
  }
  return success({
    server,
    async stop() {
      await server.stop();
      await orderer.stop();
    },
  });
}

/** Makes what a server alone has kept the beginning of an ensemble of one. Its own files stay as they are. */
async function takeOver(
  settings: ServerSettings,
  folders: DataFolders,
  own: EnsembleServer,
  deps: ServerDeps,
): Promise<Result<undefined, string>> {
  const recovered = recover(folders, settings, deps);
  if (!recovered.ok) return recovered;
  const { tree, sessions } = recovered.value;
  await beginAgreement({
    ...deps,
    nodeId: nodeId(settings.serverId),
    clusterId: CLUSTER_ID,
    folder: ensembleFolder(settings.dataLogDir),
    self: memberOf(own),
    pieces: statePieces(tree, sessions, deps.clock),
  });
  deps.logger.info(
    { lastZxid: `0x${tree.lastZxid.toString(16)}`, nodes: tree.nodeCount },
    'took over the data of a server alone: this is an ensemble of one now',
  );
  return success(undefined);
}

/** A snapshot's content: the last zxid, then Apache's format. It is that of this call, however late it is read. */
function statePieces(
  tree: DataTree,
  sessions: ReadonlyMap<SessionId, number>,
  clock: Clock,
): AsyncGenerator<Buffer, void> {
  const head = Buffer.alloc(ZXID_BYTES);
  head.writeBigInt64BE(BigInt(tree.lastZxid));
  const pieces = snapshotPieces(tree, sessions, clock);
  return (async function* () {
    yield head;
    yield* pieces;
  })();
}
