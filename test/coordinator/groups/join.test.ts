import { expect, test } from 'vitest';
import { errorCode } from '../../../src/protocol/kafka/index.ts';
import { Harness } from './harness.ts';

test('a dynamic member is given an id first, and joins with it', () => {
  const h = new Harness();
  const first = h.join()();
  expect(first).toMatchObject({ errorCode: errorCode.MEMBER_ID_REQUIRED, memberId: 'c-id1', protocolName: null });
  const joined = h.join({ memberId: 'c-id1' })();
  expect(joined).toMatchObject({
    errorCode: 0,
    generationId: 1,
    memberId: 'c-id1',
    leader: 'c-id1',
    protocolType: 'consumer',
    protocolName: 'range',
  });
  expect(joined?.members.map((member) => member.memberId)).toEqual(['c-id1']);
  expect(h.state()).toBe('CompletingRebalance');
});

test('before version 4 a member joins without an id', () => {
  const h = new Harness();
  expect(h.join({}, 3)()).toMatchObject({ errorCode: 0, generationId: 1, memberId: 'c-id1' });
});

test('an id that was given out counts as a member that has yet to come', () => {
  const h = new Harness();
  const { leader, generation } = h.stablePair();
  const late = h.join()()?.memberId as string;
  const again = h.join({ memberId: leader });
  expect(again()).toBe(undefined);
  expect(h.heartbeat(leader, generation)).toBe(errorCode.REBALANCE_IN_PROGRESS);
  h.leave([{ memberId: late }]);
  expect(again()).toBe(undefined);
});

test('an id that does not come back in a session time-out is forgotten', () => {
  const h = new Harness();
  h.join({ sessionTimeoutMs: 6000 });
  h.pass(6001);
  expect(h.join({ memberId: 'c-id1' })()).toMatchObject({ errorCode: errorCode.UNKNOWN_MEMBER_ID });
});

test('asking for ids leaves nothing behind, and is bounded', () => {
  const h = new Harness();
  for (let turn = 0; turn < 50_000; turn++) h.join({ groupId: `g${turn}`, sessionTimeoutMs: 6000 });
  expect(h.join({ groupId: 'one-more' })()).toMatchObject({ errorCode: errorCode.GROUP_MAX_SIZE_REACHED });
  h.pass(6001);
  expect(h.coordinator.listGroups()).toEqual([]);
  expect(h.join()()).toMatchObject({ errorCode: errorCode.MEMBER_ID_REQUIRED });
});

test('the first member waits for others, and each of them extends the wait', () => {
  const h = new Harness({ initialRebalanceDelayMs: 3000 });
  const first = h.join({}, 3);
  h.pass(2000);
  const second = h.join({}, 3);
  h.pass(1500);
  expect(first()).toBe(undefined);
  h.pass(3000);
  expect(first()?.generationId).toBe(1);
  expect(second()?.generationId).toBe(1);
  expect(first()?.members).toHaveLength(2);
  expect(second()?.members).toHaveLength(0);
});

test('the initial wait ends at the rebalance time-out however many come', () => {
  const h = new Harness({ initialRebalanceDelayMs: 3000 });
  const first = h.join({ rebalanceTimeoutMs: 7000 }, 3);
  for (let turn = 0; turn < 4; turn++) {
    h.pass(1700);
    h.join({ rebalanceTimeoutMs: 7000 }, 3);
  }
  h.pass(300);
  expect(first()?.errorCode).toBe(0);
});

test('a new member makes everyone join again, and only then hears', () => {
  const h = new Harness();
  const { id: first } = h.joinWithId();
  h.sync(first, 1, { [first]: 'all' });
  expect(h.state()).toBe('Stable');
  const second = h.joinWithId();
  expect(second.answer()).toBe(undefined);
  expect(h.heartbeat(first, 1)).toBe(errorCode.REBALANCE_IN_PROGRESS);
  const again = h.join({ memberId: first });
  expect(again()).toMatchObject({ generationId: 2, leader: first });
  expect(second.answer()).toMatchObject({ generationId: 2, leader: first, members: [] });
});

test('who does not join again within the rebalance time-out is out', () => {
  const h = new Harness();
  const { leader, follower, generation } = h.stablePair();
  const again = h.join({ memberId: leader });
  for (let turn = 0; turn < 11; turn++) {
    h.pass(5000);
    expect(h.heartbeat(follower, generation)).toBe(errorCode.REBALANCE_IN_PROGRESS);
  }
  h.pass(5000);
  expect(again()).toMatchObject({ errorCode: 0, generationId: generation + 1, leader });
  expect(again()?.members).toHaveLength(1);
  expect(h.heartbeat(follower, generation)).toBe(errorCode.UNKNOWN_MEMBER_ID);
});

test('a follower that joins a stable group again with the same metadata stays where it is', () => {
  const h = new Harness();
  const { follower, leader, generation } = h.stablePair();
  expect(h.join({ memberId: follower })()).toMatchObject({ generationId: generation, leader, members: [] });
  expect(h.state()).toBe('Stable');
});

test('a follower with other metadata, and the leader always, begin a rebalance', () => {
  const h = new Harness();
  const { follower } = h.stablePair();
  h.join({ memberId: follower, protocols: [{ name: 'range', metadata: Buffer.from('other') }] });
  expect(h.state()).toBe('PreparingRebalance');
  const other = new Harness();
  const pair = other.stablePair();
  other.join({ memberId: pair.leader });
  expect(other.state()).toBe('PreparingRebalance');
});

test('the answer to a join can be asked for again while the leader assigns', () => {
  const h = new Harness();
  const { id } = h.joinWithId();
  expect(h.join({ memberId: id })()).toMatchObject({ generationId: 1, leader: id, memberId: id });
});

test('members vote for their first protocol that all have', () => {
  const h = new Harness({ initialRebalanceDelayMs: 100 });
  const protocols = (...names: string[]) => names.map((name) => ({ name, metadata: Buffer.from(name) }));
  const one = h.join({ protocols: protocols('sticky', 'range', 'robin') }, 3);
  h.join({ protocols: protocols('robin', 'range') }, 3);
  h.join({ protocols: protocols('range', 'robin') }, 3);
  h.pass(1000);
  expect(one()).toMatchObject({ protocolName: 'range' });
  expect(String(one()?.members[0]?.metadata)).toBe('range');
});

test('a member without a protocol in common, or of another kind, is refused', () => {
  const h = new Harness();
  h.stablePair();
  const refused = { errorCode: errorCode.INCONSISTENT_GROUP_PROTOCOL };
  expect(h.join({ protocols: [{ name: 'odd', metadata: Buffer.alloc(0) }] })()).toMatchObject(refused);
  expect(h.join({ protocolType: 'connect' })()).toMatchObject(refused);
  expect(h.join({ protocols: [] })()).toMatchObject(refused);
});

test('bad group ids, session time-outs and unknown members are refused by name', () => {
  const h = new Harness();
  expect(h.join({ groupId: '' })()?.errorCode).toBe(errorCode.INVALID_GROUP_ID);
  expect(h.join({ sessionTimeoutMs: 5999 })()?.errorCode).toBe(errorCode.INVALID_SESSION_TIMEOUT);
  expect(h.join({ memberId: 'nobody' })()?.errorCode).toBe(errorCode.UNKNOWN_MEMBER_ID);
  expect(h.coordinator.listGroups()).toEqual([]);
  h.stablePair();
  expect(h.join({ memberId: 'nobody' })()?.errorCode).toBe(errorCode.UNKNOWN_MEMBER_ID);
});

test('a group takes no more members than its limit', () => {
  const h = new Harness({ maxMembers: 2 });
  h.stablePair();
  expect(h.join()()).toMatchObject({ errorCode: errorCode.GROUP_MAX_SIZE_REACHED });
});

test('an error before version 7 has an empty protocol name, because null does not exist there', () => {
  const h = new Harness();
  expect(h.join({ memberId: 'x' }, 6)()?.protocolName).toBe('');
});
