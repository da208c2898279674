import type { Address, Clock, Disk, Logger, Network, Random, Result } from '../../base/index.ts';
import type { NodeId, QuorumSettings } from '../../quorum/index.ts';

/** A committed entry. Offsets rise from 0 but have gaps where agreement's own entries are. */
export type CommittedEntry =
  | { readonly kind: 'data'; readonly offset: number; readonly epoch: number; readonly value: Uint8Array }
  /** The first entry of every epoch: transactions after it were prepared by another leader than those before. */
  | { readonly kind: 'newLeader'; readonly offset: number; readonly epoch: number; readonly leader: NodeId };

/** What is agreed on. All members see the same entries in the same order, each once, after `restore` if there was one. */
export type StateMachine = {
  /** Applies the entries at once, in order. Throwing ends agreement: see `onFailure`. */
  apply(entries: readonly CommittedEntry[]): void;
  /**
   * The whole state as it is at this call, in pieces of any size. Entries go on being applied while the pieces are
   * taken; they must not show in them.
   */
  snapshot(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /**
   * Replaces the whole state by what `snapshot` gave on some member; entries from `at.offset` on follow. The pieces have
   * been checked; they have the same bytes, but may be cut otherwise.
   */
  restore(pieces: AsyncIterable<Uint8Array>, at: { readonly offset: number; readonly epoch: number }): Promise<void>;
};

export type AgreementRole =
  /** No leader is known, or the leader's first entry is not committed yet: serve nobody. */
  | { readonly kind: 'looking' }
  /** Every entry that any earlier leader acknowledged has been applied here: transactions may be prepared. */
  | { readonly kind: 'leader'; readonly epoch: number }
  /** Follows, and has caught up with what was committed when it began to. `voter: false`: an observer. */
  | { readonly kind: 'follower'; readonly epoch: number; readonly leader: NodeId; readonly voter: boolean };

export type ProposeProblem =
  /** Not in the log: propose again to `leader`. */
  | { readonly kind: 'notLeader'; readonly leader: NodeId | undefined }
  /** Leadership ended before the entry was committed: it may be committed by the next leader, or never. */
  | { readonly kind: 'unknown' }
  /** More than `pendingProposalsBytes` wait already. Nothing was done. */
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'stopped' };

export type ChangeProblem =
  | ProposeProblem
  | { readonly kind: 'busy' }
  | { readonly kind: 'notCaughtUp' }
  | { readonly kind: 'timedOut' }
  | { readonly kind: 'voterExists' }
  | { readonly kind: 'voterUnknown' }
  | { readonly kind: 'lastVoter' };

export type Committed = { readonly offset: number; readonly epoch: number };

export type Member = { readonly id: NodeId; readonly address: Address };

/** An address as the log states it. */
export const endpointOf = ({ host, port }: Address): string => `${host}:${port}`;

/** As the leader sees another member. */
export type MemberProgress = {
  readonly id: NodeId;
  readonly voter: boolean;
  readonly ackedOffset: number;
  /** Milliseconds since it last asked for entries; undefined: not in this epoch. */
  readonly silentMs: number | undefined;
};

export type AgreementStatus = {
  readonly role: AgreementRole;
  readonly epoch: number;
  readonly leader: NodeId | undefined;
  readonly voters: readonly Member[];
  readonly endOffset: number;
  readonly committedOffset: number;
  readonly appliedOffset: number;
  readonly snapshotOffset: number;
  /** Empty unless this member leads. */
  readonly members: readonly MemberProgress[];
  /** Totals since the start, and the longest of the last syncs. */
  readonly syncs: { readonly count: number; readonly totalMs: number; readonly longestMs: number };
};

export type AgreementOptions = {
  readonly nodeId: NodeId;
  /** Members of another cluster are turned away. */
  readonly clusterId: string;
  /** Where this member listens for the others. */
  readonly listen: Address;
  /** Every member that may be spoken to, this one too or not; changes by `setPeers`. Others are turned away. */
  readonly peers: readonly Member[];
  /**
   * Who votes, as configured: all members of a new ensemble give the same. It counts only until the first leader has
   * written the set into the log. A member that joins a running ensemble gives the voters it knows, without itself.
   */
  readonly initialVoters: readonly Member[];
  readonly disk: Disk;
  /** Owned by agreement alone. */
  readonly folder: string;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly stateMachine: StateMachine;
  /** Called when the role has changed, after the entries before it were applied. */
  readonly onRole?: (role: AgreementRole) => void;
  /** A message of `tell`; those of one sender arrive in order, and none twice. */
  readonly onTold?: (from: NodeId, bytes: Uint8Array) => void;
  /** The connection to a peer was made or has broken; what was told before and has not arrived is lost. */
  readonly onPeer?: (peer: NodeId, connected: boolean) => void;
  /** The voters in the log have changed (not necessarily committed). */
  readonly onVoters?: (voters: readonly Member[]) => void;
  /** Disk or state machine failed: agreement has stopped. The process must end and start again clean. */
  readonly onFailure: (error: Error) => void;
  readonly quorum?: Partial<QuorumSettings>;
  /** A snapshot is taken when so many bytes were logged since the last. Default 64 MiB. */
  readonly snapshotEveryBytes?: number;
  /** How large a file of the log becomes before another one follows; only whole files are forgotten. */
  readonly segmentBytes?: number;
  /** Default 64 MiB. */
  readonly pendingProposalsBytes?: number;
};

export type Agreement = {
  readonly role: AgreementRole;
  status(): AgreementStatus;
  /**
   * Puts an entry into the log; ordered as the calls are. Resolves when it is committed, durable on a majority, and
   * applied here.
   */
  propose(value: Uint8Array): Promise<Result<Committed, ProposeProblem>>;
  /**
   * Resolves when everything that any member acknowledged before the call has been applied here (asks the leader, which
   * proves that it still leads; writes nothing).
   */
  catchUp(): Promise<Result<Committed, ProposeProblem>>;
  /** Leader only: to `to`, or to whoever is furthest. Resolves when this member leads no longer. */
  transferLeadership(to?: NodeId): Promise<Result<undefined, ChangeProblem>>;
  /** Leader only; the member must run as an observer and have caught up. Resolves when committed. */
  addVoter(member: Member): Promise<Result<undefined, ChangeProblem>>;
  /** Leader only; removing the leader itself ends its leadership. */
  removeVoter(id: NodeId): Promise<Result<undefined, ChangeProblem>>;
  setPeers(peers: readonly Member[]): void;
  /**
   * Carries bytes of the user's own over the same connections (forwarded requests, session touches).
   * @returns false: not connected, or too much waits; nothing was sent
   */
  tell(to: NodeId, bytes: Uint8Array): boolean;
  /** Takes a snapshot now; resolves with its offset when it is durable. */
  takeSnapshot(): Promise<number>;
  /** A leader hands over first (bounded by the transfer's time-out), then files and connections are closed. */
  stop(): Promise<void>;
};
