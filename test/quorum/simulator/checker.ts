import type { Entry, Vote, Voter } from '../../../src/quorum/index.ts';
import type { Member } from './member.ts';

/** The promises, by name. A violation carries the name and what was seen. */
export type Invariant =
  | 'one leader an epoch'
  | 'one vote an epoch'
  | 'epochs never go back'
  | 'votes are durable before they are told'
  | 'log matching'
  | 'leader completeness'
  | 'committed entries never change'
  | 'committed entries are not cut'
  | 'a majority has flushed what is committed'
  | 'the high watermark is monotonic'
  | 'the high watermark is within the log'
  | 'commits are announced'
  | 'only committed entries are applied'
  | 'state machines are equal'
  | 'snapshots end at committed offsets'
  | 'snapshots arrive as they were'
  | 'one voter changes at a time'
  | 'acknowledged changes of voters are committed'
  | 'reads see every acknowledged write'
  | 'every request is answered once'
  | 'effects fit the log'
  | 'no assumption breaks'
  | 'after healing there is progress';

export class Violation extends Error {
  readonly invariant: Invariant;
  constructor(invariant: Invariant, seen: string) {
    super(`${invariant}: ${seen}`);
    this.invariant = invariant;
  }
}

export function hold(condition: boolean, invariant: Invariant, seen: () => string): void {
  if (!condition) throw new Violation(invariant, seen());
}

type Known = { readonly entry: Entry; readonly epochBelow: number | undefined };

/**
 * What the cluster as a whole has promised so far. Everything is checked where it changes, so an event costs what it
 * changed and not what there is.
 */
export class Checker {
  /** By offset: the epoch that is committed there. */
  readonly committedEpochs: number[] = [];
  /** By offset: the epoch whose leader committed it first. */
  readonly #committedIn: number[] = [];
  /** State machines' hashes by applied offset. */
  readonly #hashes = new Map<number, number>();
  readonly #known = new Map<number, Known>();
  readonly #leaders = new Map<number, number>();
  readonly #votes = new Map<string, Vote>();
  readonly #grants = new Map<string, number>();
  readonly #snapshots = new Map<number, { readonly epoch: number; readonly hash: number }>();

  get committedEnd(): number {
    return this.committedEpochs.length;
  }

  vote(member: Member, vote: Vote): void {
    const key = `${member.id}/${member.directory}`;
    const before = this.#votes.get(key);
    this.#votes.set(key, vote);
    if (before === undefined) return;
    hold(
      vote.epoch >= before.epoch,
      'epochs never go back',
      () => `member ${member.id} from ${before.epoch} to ${vote.epoch}`,
    );
    hold(
      vote.epoch > before.epoch || before.votedFor === undefined || before.votedFor === vote.votedFor,
      'one vote an epoch',
      () => `member ${member.id} in epoch ${vote.epoch} for ${before.votedFor}, then for ${vote.votedFor}`,
    );
  }

  grant(member: Member, epoch: number, candidate: number): void {
    const key = `${member.id}/${member.directory}/${epoch}`;
    const before = this.#grants.get(key);
    hold(
      before === undefined || before === candidate,
      'one vote an epoch',
      () => `${key} to ${before} and ${candidate}`,
    );
    this.#grants.set(key, candidate);
    hold(
      member.vote?.epoch === epoch && member.vote.votedFor === candidate,
      'votes are durable before they are told',
      () => `member ${member.id} told ${candidate} of epoch ${epoch} with ${JSON.stringify(member.vote)} on disk`,
    );
  }

  /** Called once the effects of the step have run. */
  leads(member: Member): void {
    const { epoch } = member.state.vote;
    const before = this.#leaders.get(epoch);
    if (before === member.id) return;
    hold(before === undefined, 'one leader an epoch', () => `${before} and ${member.id} in ${epoch}`);
    this.#leaders.set(epoch, member.id);
    // A leader that is elected late, in an epoch that is over already, need not have what came after.
    let end = this.committedEnd;
    while (end > 0 && (this.#committedIn[end - 1] as number) >= epoch) end--;
    if (end === 0) return;
    hold(
      member.disk.start >= end || member.disk.epochBelow(end) === this.committedEpochs[end - 1],
      'leader completeness',
      () => `${member.id} leads ${epoch} without what was committed below ${end} before`,
    );
  }

  /** Log matching by induction: an (epoch, offset) names one entry, and one epoch before it. */
  appended(member: Member, entry: Entry, epochBelow: number | undefined): void {
    const key = entry.epoch * 2 ** 24 + entry.offset;
    const known = this.#known.get(key);
    if (known === undefined) {
      this.#known.set(key, { entry, epochBelow });
      return;
    }
    hold(known.entry === entry, 'log matching', () => `two entries at ${entry.offset} of epoch ${entry.epoch}`);
    hold(
      epochBelow === undefined || known.epochBelow === undefined || known.epochBelow === epochBelow,
      'log matching',
      () =>
        `below ${entry.offset} of epoch ${entry.epoch} member ${member.id} has epoch ${epochBelow}, not ${known.epochBelow}`,
    );
  }

  /** @param cut  the entries that are about to go */
  truncated(member: Member, cut: readonly Entry[]): void {
    for (const entry of cut) {
      hold(
        // A leader that was overtaken may still cut what a later one has committed, from logs that did not count for that.
        this.committedEpochs[entry.offset] !== entry.epoch ||
          (this.#committedIn[entry.offset] as number) > (member.vote?.epoch ?? 0),
        'committed entries are not cut',
        () => `member ${member.id} cuts ${entry.offset} of epoch ${entry.epoch}`,
      );
    }
  }

  /** @param to  the new high watermark of a member whose log covers it */
  committed(member: Member, to: number, members: ReadonlyMap<number, Member>): void {
    const { disk } = member;
    hold(
      to >= member.committed,
      'the high watermark is monotonic',
      () => `member ${member.id} from ${member.committed} to ${to}`,
    );
    hold(to <= disk.end, 'the high watermark is within the log', () => `member ${member.id}: ${to} beyond ${disk.end}`);
    if (to > this.committedEnd) this.#majority(member, to, members);
    for (let index = disk.indexAt(member.committed); index < disk.entries.length; index++) {
      const entry = disk.entries[index] as Entry;
      if (entry.offset >= to) break;
      for (let at = entry.offset; at < entry.offset + entry.count; at++) {
        const before = this.committedEpochs[at];
        hold(
          before === undefined || before === entry.epoch,
          'committed entries never change',
          () => `${at} was of epoch ${before}, and is of ${entry.epoch} at member ${member.id}`,
        );
        hold(at <= this.committedEpochs.length, 'committed entries never change', () => `a gap before ${at}`);
        this.committedEpochs[at] = entry.epoch;
        this.#committedIn[at] ??= member.state.vote.epoch;
      }
    }
    member.committed = to;
  }

  #majority(member: Member, to: number, members: ReadonlyMap<number, Member>): void {
    const voters = member.statedVoters();
    const epoch = member.disk.epochBelow(to);
    const holders = voters.filter((voter: Voter) => {
      const other = members.get(voter.id);
      // What a volume acknowledged before it was lost was true: the others know not to count on it any more.
      const disk = voter.directory === undefined ? other?.disk : other?.volumes.get(voter.directory);
      return disk !== undefined && disk.durableEnd >= to && disk.epochBelow(to) === epoch;
    });
    hold(
      holders.length > voters.length / 2,
      'a majority has flushed what is committed',
      () => `below ${to} (epoch ${epoch}): ${holders.map(({ id }) => id)} of ${voters.map(({ id }) => id)}`,
    );
    const { kind } = member.state.role;
    hold(
      // Or by its last act as a leader, or as a follower that knows what its leader has flushed.
      (kind === 'leader' || kind === 'resigned' || kind === 'follower') && epoch === member.state.vote.epoch,
      'a majority has flushed what is committed',
      () => `member ${member.id} commits below ${to} (epoch ${epoch}) in epoch ${member.state.vote.epoch}`,
    );
  }

  applied(member: Member): void {
    hold(
      member.appliedOffset <= this.committedEnd,
      'only committed entries are applied',
      () => `member ${member.id} applied below ${member.appliedOffset}`,
    );
    const before = this.#hashes.get(member.appliedOffset);
    if (before === undefined) this.#hashes.set(member.appliedOffset, member.appliedHash);
    else {
      hold(
        before === member.appliedHash,
        'state machines are equal',
        () => `member ${member.id} at ${member.appliedOffset}`,
      );
    }
  }

  snapshot(offset: number, epoch: number, hash: number): void {
    hold(
      offset <= this.committedEnd && this.committedEpochs[offset - 1] === epoch,
      'snapshots end at committed offsets',
      () => `${offset} of epoch ${epoch}`,
    );
    const before = this.#snapshots.get(offset);
    this.#snapshots.set(offset, { epoch, hash });
    hold(
      before === undefined || (before.epoch === epoch && before.hash === hash),
      'state machines are equal',
      () => `two snapshots at ${offset}`,
    );
  }

  votersStated(
    before: readonly Voter[],
    after: readonly Voter[],
    { leading, settled }: { leading: boolean; settled: boolean },
  ): void {
    const gone = before.filter((voter) => !after.some(({ id }) => id === voter.id)).length;
    const come = after.filter((voter) => !before.some(({ id }) => id === voter.id)).length;
    hold(gone + come <= 1, 'one voter changes at a time', () => `${gone} gone and ${come} come`);
    hold(!leading || settled, 'one voter changes at a time', () => 'the change before is not committed yet');
  }
}
