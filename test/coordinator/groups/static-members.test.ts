import { expect, test } from 'vitest';
import { errorCode } from '../../../src/protocol/kafka/index.ts';
import { Harness } from './harness.ts';

const instance = (groupInstanceId: string) => ({ groupInstanceId });

/** A stable group of two static members. */
function staticPair(h: Harness): { one: string; two: string } {
  const one = h.join(instance('one'))()?.memberId as string;
  h.sync(one, 1, { [one]: 'all' }, instance('one'));
  const second = h.join(instance('two'));
  h.join({ ...instance('one'), memberId: one });
  const two = second()?.memberId as string;
  h.sync(one, 2, { [one]: '1', [two]: '2' }, instance('one'));
  h.sync(two, 2, {}, instance('two'));
  return { one, two };
}

test('a static member joins at once and is called by its instance id', () => {
  const h = new Harness();
  expect(h.join(instance('one'))()).toMatchObject({ errorCode: 0, memberId: 'one-id1' });
});

test('a static follower that starts again keeps the generation and its assignment', () => {
  const h = new Harness();
  const { one, two } = staticPair(h);
  const back = h.join(instance('two'))();
  expect(back).toMatchObject({ errorCode: 0, generationId: 2, leader: one, members: [] });
  expect(back?.memberId).not.toBe(two);
  expect(h.state()).toBe('Stable');
  expect(String(h.sync(back?.memberId as string, 2, {}, instance('two'))()?.assignment)).toBe('2');
});

test('a static leader that starts again is told to leave the assignment as it is', () => {
  const h = new Harness();
  staticPair(h);
  const back = h.join(instance('one'))();
  expect(back).toMatchObject({ errorCode: 0, generationId: 2, skipAssignment: true });
  expect(back?.leader).toBe(back?.memberId);
  expect(back?.members).toHaveLength(2);
});

test('before version 9 a static leader that starts again hears its former name as the leader', () => {
  const h = new Harness();
  const { one } = staticPair(h);
  const back = h.join(instance('one'), 8)();
  expect(back).toMatchObject({ errorCode: 0, generationId: 2, leader: one, skipAssignment: false, members: [] });
});

test('the former self of a static member is fenced', () => {
  const h = new Harness();
  const { two } = staticPair(h);
  h.join(instance('two'));
  expect(h.heartbeat(two, 2, 'two')).toBe(errorCode.FENCED_INSTANCE_ID);
  expect(h.sync(two, 2, {}, instance('two'))()).toMatchObject({ errorCode: errorCode.FENCED_INSTANCE_ID });
  expect(h.commitOffset(1, { memberId: two, generation: 2, groupInstanceId: 'two' })()).toBe(
    errorCode.FENCED_INSTANCE_ID,
  );
  expect(h.join({ ...instance('two'), memberId: two })()).toMatchObject({ errorCode: errorCode.FENCED_INSTANCE_ID });
});

test('a request of the former self that waits is fenced too', () => {
  const h = new Harness();
  const { one, two } = staticPair(h);
  const waiting = h.join({
    ...instance('two'),
    memberId: two,
    protocols: [{ name: 'range', metadata: Buffer.from('x') }],
  });
  expect(waiting()).toBe(undefined);
  const next = h.join({ ...instance('two'), protocols: [{ name: 'range', metadata: Buffer.from('x') }] });
  expect(waiting()).toMatchObject({ errorCode: errorCode.FENCED_INSTANCE_ID });
  h.join({ ...instance('one'), memberId: one });
  expect(next()).toMatchObject({ errorCode: 0, generationId: 3 });
});

test('a static member whose subscription changes the protocol begins a rebalance', () => {
  const h = new Harness();
  const both = [
    { name: 'range', metadata: Buffer.alloc(0) },
    { name: 'robin', metadata: Buffer.alloc(0) },
  ];
  const one = h.join({ ...instance('one'), protocols: both })()?.memberId as string;
  h.sync(one, 1, { [one]: 'all' }, instance('one'));
  h.join({ ...instance('one'), protocols: [...both].reverse() });
  expect(h.state()).toBe('CompletingRebalance');
  expect(h.coordinator.describeGroup('g').members).toHaveLength(1);
});

test('a static member that is away stays until its session ends', () => {
  const h = new Harness();
  const { one } = staticPair(h);
  h.pass(9000);
  expect(h.heartbeat(one, 2, 'one')).toBe(0);
  h.pass(2000);
  expect(h.heartbeat(one, 2, 'one')).toBe(errorCode.REBALANCE_IN_PROGRESS);
  expect(h.coordinator.describeGroup('g').members).toHaveLength(1);
});

test('an administrator removes a static member by its instance id', () => {
  const h = new Harness();
  staticPair(h);
  const answer = h.leave([
    { memberId: '', groupInstanceId: 'two' },
    { memberId: '', groupInstanceId: 'nobody' },
  ]);
  expect(answer.members?.map((member) => member.errorCode)).toEqual([0, errorCode.UNKNOWN_MEMBER_ID]);
  expect(h.coordinator.describeGroup('g').members).toHaveLength(1);
});

test('static members are in the log, and the next coordinator knows them', () => {
  const h = new Harness();
  staticPair(h);
  const back = h.join(instance('two'))()?.memberId as string;
  h.failOver();
  expect(h.heartbeat(back, 2, 'two')).toBe(0);
});
