/**
 * Callers that want to see all that was acknowledged before they asked. One question to the leader serves all who came
 * before it was asked; its answer is an offset, and they go on once that is applied here.
 */
import { failure, offset, type Result, success } from '../../base/index.ts';
import type { NodeId, RequestOutcome } from '../../quorum/index.ts';
import { ByteReader, ByteWriter } from './byte-stream.ts';
import type { Committed, ProposeProblem } from './types.ts';

/** How many callers may wait. */
const waitingMax = 100_000;

type Settle = (result: Result<Committed, ProposeProblem>) => void;
type SettleOutcome = (outcome: RequestOutcome) => void;

/** What reads need of the member that they run on. */
export type ReadsMember = {
  readonly id: NodeId;
  leader(): NodeId | undefined;
  applied(): Committed;
  /** Asks this member itself, which leads. */
  askOurselves(settle: SettleOutcome): void;
  /** False: there is no connection. */
  askLeader(leader: NodeId, question: Uint8Array): boolean;
  answer(to: NodeId, answer: Uint8Array): void;
};

export class Reads {
  readonly #member: ReadsMember;
  #readers: Settle[] = [];
  #nextId = 1;
  /** Questions on their way to a leader. */
  readonly #asked = new Map<number, { readonly leader: NodeId; readonly settle: SettleOutcome }>();
  /** Answered, and not applied so far. */
  #behind: { readonly offset: number; readonly readers: readonly Settle[] }[] = [];
  #stopped = false;

  constructor(member: ReadsMember) {
    this.#member = member;
  }

  add(): Promise<Result<Committed, ProposeProblem>> {
    return new Promise((resolve) => {
      if (this.#stopped) resolve(failure({ kind: 'stopped' }));
      else if (this.#readers.length + this.#behind.length >= waitingMax) resolve(failure({ kind: 'overloaded' }));
      else {
        this.#readers.push(resolve);
        if (this.#readers.length === 1) setImmediate(() => this.#ask());
      }
    });
  }

  #ask(): void {
    const readers = this.#readers;
    this.#readers = [];
    if (this.#stopped) return;
    const member = this.#member;
    const settle = (outcome: RequestOutcome): void => {
      if (outcome.kind !== 'readable') {
        const leader = outcome.kind === 'notLeader' ? outcome.leader : undefined;
        for (const reader of readers) reader(failure({ kind: 'notLeader', leader }));
        return;
      }
      this.#behind.push({ offset: outcome.offset, readers });
      this.settle(member.applied());
    };
    const leader = member.leader();
    if (leader === undefined) settle({ kind: 'notLeader', leader });
    else if (leader === member.id) member.askOurselves(settle);
    else {
      const id = this.#nextId++ & 0x7fffffff;
      const writer = new ByteWriter();
      writer.uint32(id);
      this.#asked.set(id, { leader, settle });
      if (member.askLeader(leader, writer.finish())) return;
      this.#asked.delete(id);
      settle({ kind: 'notLeader', leader: undefined });
    }
  }

  /** All below `applied` is applied here. */
  settle(applied: Committed): void {
    if (this.#behind.length === 0) return;
    const ready = this.#behind.filter(({ offset: at }) => at <= applied.offset);
    if (ready.length === 0) return;
    this.#behind = this.#behind.filter(({ offset: at }) => at > applied.offset);
    for (const { offset: at, readers } of ready) {
      for (const reader of readers) reader(success({ offset: at, epoch: applied.epoch }));
    }
  }

  /** Another member asks us, since it takes us for the leader. */
  onQuestion(from: NodeId, payload: Buffer): void {
    const reader = new ByteReader(payload);
    const id = reader.uint32();
    if (reader.failed) return;
    this.#member.askOurselves((outcome) => {
      const writer = new ByteWriter();
      writer.uint32(id);
      writer.uint8(outcome.kind === 'readable' ? 1 : 0);
      writer.uint48(outcome.kind === 'readable' ? outcome.offset : 0);
      this.#member.answer(from, writer.finish());
    });
  }

  onAnswer(payload: Buffer): void {
    const reader = new ByteReader(payload);
    const id = reader.uint32();
    const isReadable = reader.uint8() === 1;
    const at = offset(reader.uint48());
    const asked = this.#asked.get(id);
    if (reader.failed || asked === undefined) return;
    this.#asked.delete(id);
    asked.settle(isReadable ? { kind: 'readable', offset: at } : { kind: 'notLeader', leader: undefined });
  }

  /** What was asked of this peer has no answer. */
  onDisconnected(peer: NodeId): void {
    for (const [id, asked] of this.#asked) {
      if (asked.leader !== peer) continue;
      this.#asked.delete(id);
      asked.settle({ kind: 'notLeader', leader: undefined });
    }
  }

  stop(): void {
    this.#stopped = true;
    const waiting = [...this.#readers.splice(0), ...this.#behind.splice(0).flatMap(({ readers }) => readers)];
    for (const reader of waiting) reader(failure({ kind: 'stopped' }));
    for (const { settle } of this.#asked.values()) settle({ kind: 'notLeader', leader: undefined });
    this.#asked.clear();
  }
}
