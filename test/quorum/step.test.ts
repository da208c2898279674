import { expect, test } from 'vitest';
import { epoch, offset, seededRandom } from '../../src/base/index.ts';
import {
  type Effect,
  type FetchAnswer,
  type FetchRequest,
  initialState,
  kraftSettings,
  LogIndex,
  type NodeId,
  nodeId,
  type QuorumEvent,
  type QuorumMessage,
  type QuorumSettings,
  type QuorumState,
  step,
  type Vote,
  type Voter,
  waitMs,
} from '../../src/quorum/index.ts';

const voters = [1, 2, 3].map((id) => ({ id: nodeId(id), directory: undefined, endpoint: '' }));

/** One member with a log in memory; effects are run as a driver would, and what was sent is kept. */
class Node {
  readonly log = new LogIndex(undefined);
  readonly random = seededRandom(7);
  state: QuorumState;
  nowMs = 0;
  effects: readonly Effect[] = [];

  constructor(vote?: Vote, settings: Partial<QuorumSettings> = {}, among: readonly Voter[] = voters) {
    this.state = initialState(
      {
        nodeId: nodeId(1),
        directory: undefined,
        settings: { ...kraftSettings, ...settings },
        vote,
        voterSets: [{ offset: -1, voters: among }],
        nowMs: 0,
      },
      this.log,
      this.random,
    );
  }

  step(event: QuorumEvent extends infer Each ? (Each extends QuorumEvent ? Omit<Each, 'nowMs'> : never) : never): this {
    const outcome = step(this.state, { ...event, nowMs: this.nowMs } as QuorumEvent, this.log, this.random);
    this.state = outcome.state;
    this.effects = outcome.effects;
    for (const effect of outcome.effects) {
      if (effect.kind === 'append') for (const entry of effect.entries) this.log.append(entry);
      if (effect.kind === 'truncate') this.log.truncate(effect.to);
    }
    return this;
  }

  flush(): this {
    this.log.markFlushed(this.log.flushMark());
    return this.step({ kind: 'flushed' });
  }

  wait(ms: number): this {
    this.nowMs += ms;
    return this.step({ kind: 'tick' });
  }

  hear(from: number, message: QuorumMessage): this {
    return this.step({ kind: 'message', from: nodeId(from), message });
  }

  sent(): readonly { readonly to: NodeId; readonly message: QuorumMessage }[] {
    return this.effects.flatMap((effect) => {
      if (effect.kind === 'send') return [{ to: effect.to, message: effect.message }];
      return effect.kind === 'sendEntries' ? [{ to: effect.to, message: effect.answer }] : [];
    });
  }

  /** Grants what this node last asked for, in the name of member 2. */
  grant(): this {
    const asked = this.sent().find(({ to }) => to === 2)?.message as Extract<QuorumMessage, { kind: 'vote' }>;
    return this.hear(2, {
      kind: 'voteAnswer',
      correlationId: asked.correlationId,
      epoch: asked.epoch,
      leader: undefined,
      granted: true,
    });
  }

  lead(): this {
    return this.wait(2500).grant().grant();
  }
}

const fetchAt = (node: Node, fetchOffset: number, lastFetchedEpoch: number, highWatermark = 0): FetchRequest => ({
  kind: 'fetch',
  correlationId: 1,
  epoch: node.state.vote.epoch,
  replica: nodeId(2),
  directory: undefined,
  fetchOffset: offset(fetchOffset),
  lastFetchedEpoch: epoch(lastFetchedEpoch),
  highWatermark: offset(highWatermark),
  round: 0,
});

/** Of member 2, which leads epoch 1 and has nothing to tell. */
const answerTo = ({ correlationId }: FetchRequest): FetchAnswer => ({
  kind: 'fetchAnswer',
  correlationId,
  epoch: epoch(1),
  leader: nodeId(2),
  problem: undefined,
  ahead: false,
  highWatermark: offset(0),
  round: 0,
  diverging: undefined,
  snapshot: undefined,
  entries: [],
});

const voteRequest = (candidate: number, inEpoch: number, preVote = false): QuorumMessage => ({
  kind: 'vote',
  correlationId: 9,
  epoch: epoch(inEpoch),
  candidate: nodeId(candidate),
  voterDirectory: undefined,
  lastEpoch: epoch(0),
  endOffset: offset(0),
  preVote,
});

test('a voter without a leader asks for pre-votes, then for votes in a new epoch, then leads', () => {
  const node = new Node();
  expect(node.state.role.kind).toBe('unattached');
  node.wait(2500);
  expect(node.state.role.kind).toBe('prospective');
  expect(node.state.vote.epoch).toBe(0);
  node.grant();
  expect(node.state.role.kind).toBe('candidate');
  expect(node.effects[0]).toEqual({ kind: 'persist', vote: { epoch: 1, votedFor: 1 } });
  node.grant();
  expect(node.state.role.kind).toBe('leader');
  expect(node.effects.map(({ kind }) => kind)).toEqual(['append', 'flush', 'send', 'send']);
});

test('a vote is persisted before it is told, and given once in an epoch', () => {
  const node = new Node().hear(2, voteRequest(2, 5));
  expect(node.effects.map(({ kind }) => kind)).toEqual(['persist', 'persist', 'send']);
  expect(node.sent()[0]?.message).toMatchObject({ granted: true, epoch: 5 });
  expect(node.hear(3, voteRequest(3, 5)).sent()[0]?.message).toMatchObject({ granted: false });
  expect(node.hear(2, voteRequest(2, 5)).sent()[0]?.message).toMatchObject({ granted: true });
});

test('a restarted member remembers its vote', () => {
  const node = new Node({ epoch: epoch(5), votedFor: nodeId(2) });
  expect(node.hear(3, voteRequest(3, 5)).sent()[0]?.message).toMatchObject({ granted: false });
});

test('a candidate that hears a higher epoch steps down and forgets its votes', () => {
  const node = new Node().wait(2500).grant();
  node.hear(3, voteRequest(3, 9));
  expect(node.state).toMatchObject({ role: { kind: 'unattached' }, vote: { epoch: 9, votedFor: 3 } });
});

test('a follower that hears its leader refuses pre-votes, and grants them once it does not', () => {
  const node = new Node().hear(2, { kind: 'beginEpoch', correlationId: 1, epoch: epoch(1), leader: nodeId(2) });
  const fetch = node.sent().find(({ message }) => message.kind === 'fetch')?.message as FetchRequest;
  node.hear(2, answerTo(fetch));
  expect(node.hear(3, voteRequest(3, 1, true)).sent()[0]?.message).toMatchObject({ granted: false, leader: 2 });
  node.step({ kind: 'disconnected', peer: nodeId(2) });
  expect(node.hear(3, voteRequest(3, 1, true)).sent()[0]?.message).toMatchObject({ granted: true });
});

test('nothing is committed until a majority has flushed an entry of the present epoch', () => {
  const node = new Node().lead();
  node.hear(2, fetchAt(node, 2, 1));
  expect(node.state.highWatermark).toBe(0);
  node.flush();
  expect(node.effects).toContainEqual({ kind: 'commit', highWatermark: 2 });
});

test('a waiting fetch is answered by the append that it waits for, and by the high watermark that follows', () => {
  const node = new Node().lead().flush();
  node.hear(2, fetchAt(node, 2, 1));
  expect(node.sent().map(({ message }) => message)).toMatchObject([{ kind: 'fetchAnswer', highWatermark: 2 }]);
  node.hear(2, fetchAt(node, 2, 1, 2));
  expect(node.sent()).toEqual([]);
  node.step({ kind: 'propose', requestId: 5, proposals: [{ value: new Uint8Array(3), count: 1 }] });
  expect(node.effects.map(({ kind }) => kind)).toEqual(['append', 'sendEntries', 'flush', 'reply']);
  expect(node.effects[1]).toMatchObject({ to: 2, from: 2 });
});

test('where the wire allows it, a high watermark goes ahead to a fetch that waits, which goes on waiting', () => {
  const node = new Node(undefined, { newsAhead: true }).lead().flush();
  const first = fetchAt(node, 2, 1);
  node.hear(2, first);
  // This fetch makes the majority, and is told so at once.
  const told = { kind: 'fetchAnswer', ahead: true, highWatermark: 2, correlationId: first.correlationId, entries: [] };
  expect(node.sent().map(({ message }) => message)).toMatchObject([told]);
  const { correlationId } = first;
  node.step({ kind: 'propose', requestId: 5, proposals: [{ value: new Uint8Array(3), count: 1 }] });
  expect(node.effects[1]).toMatchObject({
    kind: 'sendEntries',
    to: 2,
    from: 2,
    answer: { correlationId, ahead: false },
  });
  node.hear(2, fetchAt(node, 3, 1, 2));
  expect(node.sent()).toEqual([]);
  // Now the fetch waits, and the leader's own flush makes the majority.
  node.flush();
  expect(node.sent().map(({ message }) => message)).toMatchObject([{ ahead: true, highWatermark: 3 }]);
});

test('a follower that is told a high watermark ahead takes it and does not ask again', () => {
  const node = new Node().hear(2, { kind: 'beginEpoch', correlationId: 1, epoch: epoch(1), leader: nodeId(2) });
  const fetch = node.sent().find(({ message }) => message.kind === 'fetch')?.message as FetchRequest;
  const body = { kind: 'data', value: new Uint8Array(1) } as const;
  const answer = { ...answerTo(fetch), entries: [{ offset: offset(0), count: 1, epoch: epoch(1), body }] };
  node.hear(2, answer).flush();
  const next = node.sent()[0]?.message as FetchRequest;
  expect(next).toMatchObject({ kind: 'fetch', fetchOffset: 1 });
  const ahead = { ...answer, entries: [], ahead: true, highWatermark: offset(1) };
  node.hear(2, ahead);
  // To a question that was answered already: not taken.
  expect(node.state.highWatermark).toBe(0);
  node.hear(2, { ...ahead, correlationId: next.correlationId });
  expect(node.effects).toEqual([{ kind: 'commit', highWatermark: 1 }]);
  node.hear(2, { ...ahead, ahead: false, correlationId: next.correlationId });
  expect(node.sent()).toMatchObject([{ message: { kind: 'fetch', fetchOffset: 1, highWatermark: 1 } }]);
});

/** Follows member 2 in epoch 1 and has written, not flushed, one entry of `inEpoch`. */
function writing(inEpoch = 1, among = voters): Node {
  const node = new Node(undefined, { newsAhead: true }, among);
  node.hear(2, { kind: 'beginEpoch', correlationId: 1, epoch: epoch(1), leader: nodeId(2) });
  const fetch = node.sent().find(({ message }) => message.kind === 'fetch')?.message as FetchRequest;
  const body = { kind: 'data', value: new Uint8Array(1) } as const;
  return node.hear(2, {
    ...answerTo(fetch),
    entries: [{ offset: offset(0), count: 1, epoch: epoch(inEpoch), body }],
  });
}

const flushedOf = (leadersEpoch: number): QuorumMessage => ({
  kind: 'leaderFlushed',
  correlationId: 0,
  epoch: epoch(leadersEpoch),
  flushedOffset: offset(1),
});

test('of three voters a follower commits what its leader and itself have flushed, and then says so', () => {
  const committed = { kind: 'commit', highWatermark: 1 };
  const told = writing().hear(2, flushedOf(1));
  expect(told.effects).toEqual([]);
  told.flush();
  expect(told.effects[0]).toEqual(committed);
  expect(told.sent()).toMatchObject([{ to: 2, message: { kind: 'fetch', fetchOffset: 1, highWatermark: 1 } }]);
  // The other way round.
  expect(writing().flush().hear(2, flushedOf(1)).effects).toEqual([committed]);
});

test('a follower commits nothing with its leader that is of an older epoch, of another leader, or takes three votes', () => {
  const five = [1, 2, 3, 4, 5].map((id) => ({ id: nodeId(id), directory: undefined, endpoint: '' }));
  const two = voters.filter(({ id }) => id !== 1);
  for (const node of [writing(0), writing(1, five), writing(1, two)]) {
    expect(node.flush().hear(2, flushedOf(1)).effects).toEqual([]);
  }
  expect(writing().flush().hear(3, flushedOf(1)).effects).toEqual([]);
  expect(writing().flush().hear(2, flushedOf(0)).effects).toEqual([]);
});

test('a leader tells of its flush who is writing just now, if two votes decide', () => {
  const proposal = { kind: 'propose', requestId: 5, proposals: [{ value: new Uint8Array(3), count: 1 }] } as const;
  const lead = (newsAhead: boolean): Node => {
    const node = new Node(undefined, { newsAhead }).lead().flush();
    return node
      .hear(2, fetchAt(node, 2, 1))
      .step(proposal)
      .flush();
  };
  expect(lead(true).sent()).toMatchObject([{ to: 2, message: { kind: 'leaderFlushed', flushedOffset: 3 } }]);
  expect(lead(false).sent()).toEqual([]);
});

test('a read waits for what followers may have committed already', () => {
  const node = new Node(undefined, { newsAhead: true }).lead().flush();
  node.hear(2, fetchAt(node, 2, 1));
  node.step({ kind: 'propose', requestId: 5, proposals: [{ value: new Uint8Array(3), count: 1 }] }).flush();
  node.hear(2, { ...fetchAt(node, 2, 1, 2), round: 0 });
  node.step({ kind: 'read', requestId: 6 });
  const reply = ({ effects }: Node) => effects.filter(({ kind }) => kind === 'reply');
  // A proof of leadership alone, of a voter that is behind.
  expect(reply(node.hear(2, { ...fetchAt(node, 2, 1, 2), round: 1 }))).toEqual([]);
  const acknowledged = node.hear(2, { ...fetchAt(node, 3, 1, 3), round: 1 });
  expect(reply(acknowledged)).toMatchObject([{ requestId: 6, outcome: { kind: 'readable', offset: 3 } }]);
});

test('logs that part ways are found by epoch and offset', () => {
  const node = new Node().lead().flush();
  expect(node.hear(2, fetchAt(node, 9, 1)).sent()[0]?.message).toMatchObject({ diverging: { epoch: 1, endOffset: 2 } });
});

test('a leader that no majority fetches from resigns', () => {
  const node = new Node().lead().flush();
  for (let waited = 0; waited < 2500; waited += 500) node.wait(500);
  expect(node.state.role.kind).toBe('leader');
  node.wait(600);
  expect(node.state.role.kind).toBe('resigned');
  expect(node.sent().map(({ message }) => message.kind)).toEqual(['endEpoch', 'endEpoch']);
});

test('leadership is handed over once the target has everything', () => {
  const node = new Node().lead().flush();
  node.step({ kind: 'transfer', requestId: 1, to: nodeId(3) });
  expect(node.state.role.kind).toBe('leader');
  node.step({ kind: 'propose', requestId: 2, proposals: [{ value: new Uint8Array(1), count: 1 }] });
  expect(node.effects).toEqual([{ kind: 'reply', requestId: 2, outcome: { kind: 'notLeader', leader: 3 } }]);
  node.hear(3, fetchAt(node, 2, 1));
  expect(node.state.role.kind).toBe('resigned');
  expect(node.effects).toContainEqual({ kind: 'reply', requestId: 1, outcome: { kind: 'done' } });
  expect(node.sent().find(({ to }) => to === 3)?.message).toMatchObject({ preferredSuccessors: [3, 2] });
});

test('who comes back to be a voter must be heard again: it may have lost its volume since', () => {
  const node = new Node().lead().flush();
  node.hear(2, fetchAt(node, 2, 1));
  const add = { kind: 'add', voter: { id: nodeId(4), directory: 'old', endpoint: '' } } as const;
  const fetch = { ...fetchAt(node, 2, 1, 2), replica: nodeId(4), directory: 'old' };
  node.step({ kind: 'changeVoters', requestId: 1, change: { kind: 'update', voter: voters[0]! } }).flush();
  node.hear(2, fetchAt(node, 3, 1, 2)).hear(2, fetchAt(node, 3, 1, 3));
  node.hear(4, { ...fetch, fetchOffset: offset(3) });
  node.step({ kind: 'disconnected', peer: nodeId(4) });
  node.step({ kind: 'changeVoters', requestId: 2, change: add });
  expect(node.effects).toEqual([{ kind: 'reply', requestId: 2, outcome: { kind: 'notCaughtUp' } }]);
  node.hear(4, { ...fetch, fetchOffset: offset(3) });
  node.step({ kind: 'changeVoters', requestId: 3, change: add });
  expect(node.effects).toContainEqual(expect.objectContaining({ kind: 'append' }));
});

test('the state that was handed in stays as it was, and a clock that goes back stops nothing', () => {
  const node = new Node();
  const before = structuredClone(node.state);
  const { state } = node;
  node.nowMs = -1_000_000;
  node.wait(0);
  expect(structuredClone(state)).toEqual(before);
  expect(waitMs(node.state)).toBeLessThanOrEqual(2000);
  node.wait(2500);
  expect(node.state.role.kind).toBe('prospective');
});
