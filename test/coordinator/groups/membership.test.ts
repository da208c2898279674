import { expect, test } from 'vitest';
import { errorCode } from '../../../src/protocol/kafka/index.ts';
import { Harness } from './harness.ts';

test('a member that is silent for its session time-out is out, and the others join again', () => {
  const h = new Harness();
  const { leader, follower, generation } = h.stablePair();
  h.pass(9000);
  expect(h.heartbeat(leader, generation)).toBe(0);
  h.pass(1500);
  expect(h.state()).toBe('PreparingRebalance');
  expect(h.heartbeat(follower, generation)).toBe(errorCode.UNKNOWN_MEMBER_ID);
  expect(h.join({ memberId: leader })()).toMatchObject({ generationId: generation + 1, leader });
});

test('a member that waits for the rebalance is not silent', () => {
  const h = new Harness();
  const { leader, follower, generation } = h.stablePair();
  const waiting = h.join({ memberId: leader });
  for (let turn = 0; turn < 5; turn++) {
    h.pass(9000);
    h.heartbeat(follower, generation);
  }
  h.join({ memberId: follower });
  expect(waiting()).toMatchObject({ errorCode: 0, leader });
});

test('heartbeats of another generation, member or group are refused', () => {
  const h = new Harness();
  const { leader, generation } = h.stablePair();
  expect(h.heartbeat(leader, generation + 1)).toBe(errorCode.ILLEGAL_GENERATION);
  expect(h.heartbeat('nobody', generation)).toBe(errorCode.UNKNOWN_MEMBER_ID);
  expect(h.heartbeat(leader, generation, 'instance')).toBe(errorCode.UNKNOWN_MEMBER_ID);
  expect(new Harness().heartbeat(leader, generation)).toBe(errorCode.UNKNOWN_MEMBER_ID);
});

test('heartbeats while the leader assigns are fine', () => {
  const h = new Harness();
  const { id } = h.joinWithId();
  expect(h.heartbeat(id, 1)).toBe(0);
});

test('who leaves is out at once', () => {
  const h = new Harness();
  const { leader, follower, generation } = h.stablePair();
  expect(h.leave([{ memberId: leader }])).toMatchObject({
    errorCode: 0,
    members: [{ memberId: leader, errorCode: 0 }],
  });
  expect(h.join({ memberId: follower })()).toMatchObject({ generationId: generation + 1, leader: follower });
});

test('when the last one leaves the group is empty, in the next generation, and that is stored', () => {
  const h = new Harness();
  const { leader, follower, generation } = h.stablePair();
  h.leave([{ memberId: leader }, { memberId: follower }]);
  expect(h.state()).toBe('Empty');
  h.failOver();
  expect(h.coordinator.describeGroup('g')).toMatchObject({
    groupState: 'Empty',
    protocolType: 'consumer',
    members: [],
  });
  expect(h.joinWithId().answer()?.generationId).toBe(generation + 2);
});

test('old versions of LeaveGroup have one member and one error', () => {
  const h = new Harness();
  const { leader } = h.stablePair();
  expect(h.leave([{ memberId: 'nobody' }], 1)).toEqual({ errorCode: errorCode.UNKNOWN_MEMBER_ID });
  expect(h.leave([{ memberId: leader }], 2)).toEqual({ errorCode: 0 });
});

test('the join of a member that is removed is answered', () => {
  const h = new Harness();
  const { leader } = h.stablePair();
  const waiting = h.join({ memberId: leader });
  h.leave([{ memberId: leader }]);
  expect(waiting()).toMatchObject({ errorCode: errorCode.UNKNOWN_MEMBER_ID });
});

test('another broker that takes over knows members, generation and assignments', () => {
  const h = new Harness();
  const { leader, follower, generation } = h.stablePair();
  h.failOver();
  expect(h.coordinator.describeGroup('g')).toMatchObject({
    groupState: 'Stable',
    protocolType: 'consumer',
    protocolData: 'range',
  });
  expect(h.heartbeat(leader, generation)).toBe(0);
  expect(String(h.sync(follower, generation)()?.assignment)).toBe('two');
  h.pass(10_001);
  expect(h.state()).toBe('Empty');
});

test('a broker that stops being the coordinator tells all who wait', () => {
  const h = new Harness();
  const { leader } = h.stablePair();
  const joining = h.join({ memberId: leader });
  h.isHolding = true;
  const committing = h.commitOffset(5, { groupId: 'other' });
  h.run(h.coordinator.unload());
  expect(joining()).toMatchObject({ errorCode: errorCode.NOT_COORDINATOR });
  expect(committing()).toBe(errorCode.NOT_COORDINATOR);
});

test('groups are listed and described in the words of the protocol', () => {
  const h = new Harness();
  expect(h.coordinator.describeGroup('g')).toMatchObject({ groupState: 'Dead', errorCode: 0, members: [] });
  const { leader, generation } = h.stablePair();
  h.commitOffset(1, { groupId: 'alone' });
  expect(h.coordinator.listGroups()).toEqual([
    { groupId: 'g', protocolType: 'consumer', groupState: 'Stable', groupType: 'classic' },
    { groupId: 'alone', protocolType: '', groupState: 'Empty', groupType: 'classic' },
  ]);
  const [member] = h.coordinator.describeGroup('g').members;
  expect(member).toMatchObject({ memberId: leader, clientId: 'c', clientHost: '/127.0.0.1' });
  expect([String(member?.memberMetadata), String(member?.memberAssignment)]).toEqual(['m', 'one']);
  h.join({ memberId: leader });
  expect(h.heartbeat(leader, generation)).toBe(errorCode.REBALANCE_IN_PROGRESS);
  expect(h.coordinator.describeGroup('g')).toMatchObject({ groupState: 'PreparingRebalance', protocolData: '' });
});
