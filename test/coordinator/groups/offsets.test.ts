import { expect, test } from 'vitest';
import { consumerProtocol, errorCode } from '../../../src/protocol/kafka/index.ts';
import { Harness } from './harness.ts';

const topics = [{ name: 't', partitions: [{ partitionIndex: 0 }] }];

function subscription(...names: string[]): Buffer {
  const version = Buffer.alloc(2);
  return Buffer.concat([version, consumerProtocol.consumerProtocolSubscription.encode(0, { topics: names })]);
}

test('an offset holds once it is stored', () => {
  const h = new Harness();
  h.isHolding = true;
  const commit = h.commitOffset(42, {}, 'note');
  expect(commit()).toBe(undefined);
  expect(h.fetched()).toEqual({ offset: -1, errorCode: 0, metadata: '' });
  h.release();
  expect(commit()).toBe(0);
  expect(h.fetched()).toEqual({ offset: 42, errorCode: 0, metadata: 'note' });
  h.failOver();
  expect(h.fetched().offset).toBe(42);
});

test('an offset that cannot be stored is an error and does not hold', () => {
  const h = new Harness();
  h.isHolding = true;
  const commit = h.commitOffset(42);
  h.release(errorCode.NOT_LEADER_OR_FOLLOWER);
  expect(commit()).toBe(errorCode.NOT_COORDINATOR);
  expect(h.fetched().offset).toBe(-1);
});

test('looking for offsets does not make a group', () => {
  const h = new Harness();
  expect(h.fetched().offset).toBe(-1);
  expect(h.coordinator.offsetFetch({ groupId: 'g', topics: null, requireStable: false }).topics).toEqual([]);
  expect(h.coordinator.listGroups()).toEqual([]);
});

test('null topics are all that the group has', () => {
  const h = new Harness();
  h.commitOffset(3);
  const all = h.coordinator.offsetFetch({ groupId: 'g', topics: null, requireStable: false });
  expect(all.topics).toMatchObject([{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 3 }] }]);
  expect(all.topics[0]?.partitions[0]?.committedLeaderEpoch).toBe(3);
});

test('members commit in their generation, strangers only while nobody is there', () => {
  const h = new Harness();
  const { leader, generation } = h.stablePair();
  expect(h.commitOffset(1, { memberId: leader, generation })()).toBe(0);
  expect(h.commitOffset(1, { memberId: leader, generation: generation - 1 })()).toBe(errorCode.ILLEGAL_GENERATION);
  expect(h.commitOffset(1, { memberId: 'nobody', generation })()).toBe(errorCode.UNKNOWN_MEMBER_ID);
  expect(h.commitOffset(1)()).toBe(errorCode.UNKNOWN_MEMBER_ID);
  expect(new Harness().commitOffset(1, { memberId: leader, generation })()).toBe(errorCode.ILLEGAL_GENERATION);
});

test('a commit is refused while the leader assigns, and taken while others have yet to join', () => {
  const h = new Harness();
  const { leader, follower, generation } = h.stablePair();
  h.join({ memberId: leader });
  expect(h.commitOffset(7, { memberId: follower, generation })()).toBe(0);
  h.join({ memberId: follower });
  expect(h.state()).toBe('CompletingRebalance');
  expect(h.commitOffset(8, { memberId: leader, generation: generation + 1 })()).toBe(errorCode.REBALANCE_IN_PROGRESS);
});

test('a commit is a sign of life', () => {
  const h = new Harness();
  const { leader, follower, generation } = h.stablePair();
  h.pass(9000);
  h.commitOffset(1, { memberId: leader, generation });
  h.commitOffset(1, { memberId: follower, generation });
  h.pass(9000);
  expect(h.heartbeat(leader, generation)).toBe(0);
});

test('metadata that is too long is refused for its partition', () => {
  const h = new Harness({ offsetMetadataMaxBytes: 4 });
  expect(h.commitOffset(1, {}, 'longer')()).toBe(errorCode.OFFSET_METADATA_TOO_LARGE);
  expect(h.log).toEqual([]);
  expect(h.commitOffset(1, {}, null)()).toBe(0);
});

test("a transaction's offsets hold when it commits, and are unstable until then", () => {
  const h = new Harness();
  h.commitOffset(1);
  expect(h.txnCommit(10, 77)()).toBe(0);
  expect(h.fetched().offset).toBe(1);
  expect(h.fetched('g', true)).toMatchObject({ offset: -1, errorCode: errorCode.UNSTABLE_OFFSET_COMMIT });
  h.coordinator.replayMarker(77, 'commit');
  expect(h.fetched('g', true)).toMatchObject({ offset: 10, errorCode: 0 });
  h.txnCommit(20, 77);
  h.coordinator.replayMarker(77, 'abort');
  expect(h.fetched('g', true).offset).toBe(10);
});

test('a commit after that of a transaction is not undone by its end', () => {
  const h = new Harness();
  h.txnCommit(10, 77);
  h.commitOffset(11);
  h.coordinator.replayMarker(77, 'commit');
  expect(h.fetched().offset).toBe(11);
});

test('groups without members are deleted with their offsets, others are not', () => {
  const h = new Harness();
  h.commitOffset(1, { groupId: 'idle' });
  h.stablePair();
  expect(h.deleteGroups(['idle', 'g', 'nobody'])).toEqual({
    results: [
      { groupId: 'idle', errorCode: 0 },
      { groupId: 'g', errorCode: errorCode.NON_EMPTY_GROUP },
      { groupId: 'nobody', errorCode: errorCode.GROUP_ID_NOT_FOUND },
    ],
  });
  h.failOver();
  expect(h.fetched('idle').offset).toBe(-1);
  expect(h.coordinator.listGroups().map((group) => group.groupId)).toEqual(['g']);
});

test('offsets are deleted for topics that no member reads', () => {
  const h = new Harness();
  const member = (...names: string[]) => ({ protocols: [{ name: 'range', metadata: subscription(...names) }] });
  h.commitOffset(5);
  const { id } = h.joinWithId(member('t'));
  h.sync(id, 1, { [id]: '' });
  expect(h.offsetDelete({ groupId: 'g', topics })?.topics[0]?.partitions[0]?.errorCode).toBe(
    errorCode.GROUP_SUBSCRIBED_TO_TOPIC,
  );
  h.join({ memberId: id, ...member('u') });
  h.sync(id, 2, { [id]: '' });
  expect(h.offsetDelete({ groupId: 'g', topics })).toMatchObject({
    errorCode: 0,
    topics: [{ partitions: [{ errorCode: 0 }] }],
  });
  expect(h.fetched().offset).toBe(-1);
  expect(h.offsetDelete({ groupId: 'odd', topics })?.errorCode).toBe(errorCode.GROUP_ID_NOT_FOUND);
  const other = new Harness();
  other.stablePair();
  expect(other.offsetDelete({ groupId: 'g', topics })?.errorCode).toBe(errorCode.NON_EMPTY_GROUP);
});

test('a commit that was on its way when the offset was deleted does not bring it back', () => {
  const h = new Harness();
  h.commitOffset(1);
  h.isHolding = true;
  h.commitOffset(2);
  h.offsetDelete({ groupId: 'g', topics });
  h.release();
  h.release();
  expect(h.fetched().offset).toBe(-1);
  h.isHolding = false;
  h.failOver();
  expect(h.fetched().offset).toBe(-1);
});

test('offsets of a deleted topic are dropped', () => {
  const h = new Harness();
  h.commitOffset(1);
  h.run(h.coordinator.topicDeleted('t', h.nowMs));
  expect(h.fetched().offset).toBe(-1);
  h.failOver();
  expect(h.fetched().offset).toBe(-1);
});

const dayMs = 24 * 3600 * 1000;

test('offsets without a group expire after the retention time, and the group with them', () => {
  const h = new Harness();
  h.commitOffset(1);
  h.pass(6 * dayMs);
  expect(h.fetched().offset).toBe(1);
  h.pass(1.1 * dayMs);
  expect(h.coordinator.listGroups()).toEqual([]);
  h.failOver();
  expect(h.fetched().offset).toBe(-1);
});

test("a group's offsets expire only when it has been empty for the retention time", () => {
  const h = new Harness();
  const { leader, follower, generation } = h.stablePair();
  h.commitOffset(1, { memberId: leader, generation });
  h.leave([{ memberId: leader }, { memberId: follower }]);
  h.pass(6.9 * dayMs);
  expect(h.fetched().offset).toBe(1);
  h.pass(0.2 * dayMs);
  expect(h.fetched().offset).toBe(-1);
  expect(h.state()).toBe('Dead');
});

test('an old client may ask for a retention of its own', () => {
  const h = new Harness();
  h.commitOffset(1, { retentionTimeMs: 1000 });
  h.failOver();
  h.pass(700_000);
  expect(h.fetched().offset).toBe(-1);
});
