import { expect, test } from 'vitest';
import { errorCode } from '../../../src/protocol/kafka/index.ts';
import { Harness } from './harness.ts';

test('everyone hears its assignment once the leader has given them and they are stored', () => {
  const h = new Harness({ initialRebalanceDelayMs: 10 });
  const [leader, follower] = [h.join({}, 3), h.join({}, 3)];
  h.pass(20);
  const [a, b] = [leader()?.memberId as string, follower()?.memberId as string];
  const waiting = h.sync(b, 1);
  expect(waiting()).toBe(undefined);
  h.isHolding = true;
  const leading = h.sync(a, 1, { [a]: 'mine', [b]: 'yours' });
  expect(leading()).toBe(undefined);
  h.release();
  expect(String(leading()?.assignment)).toBe('mine');
  expect(String(waiting()?.assignment)).toBe('yours');
  expect(waiting()).toMatchObject({ errorCode: 0, protocolType: 'consumer', protocolName: 'range' });
  expect(h.state()).toBe('Stable');
});

test('a member that comes after the leader gets its assignment at once', () => {
  const h = new Harness();
  const { follower, generation } = h.stablePair();
  expect(String(h.sync(follower, generation)()?.assignment)).toBe('two');
});

test('assignments that cannot be stored are an error for all, and everyone joins again', () => {
  const h = new Harness();
  const { id } = h.joinWithId();
  h.isHolding = true;
  const leading = h.sync(id, 1, { [id]: 'all' });
  h.release(errorCode.NOT_ENOUGH_REPLICAS);
  expect(leading()).toMatchObject({ errorCode: errorCode.COORDINATOR_NOT_AVAILABLE });
  expect(h.state()).toBe('PreparingRebalance');
});

test('an assignment that is stored after the next rebalance has begun tells nobody anything', () => {
  const h = new Harness();
  const { id } = h.joinWithId();
  h.isHolding = true;
  const leading = h.sync(id, 1, { [id]: 'all' });
  const second = h.joinWithId();
  expect(leading()).toMatchObject({ errorCode: errorCode.REBALANCE_IN_PROGRESS });
  h.release();
  expect(h.state()).toBe('PreparingRebalance');
  h.join({ memberId: id });
  expect(second.answer()?.generationId).toBe(2);
});

test('a sync of another generation, protocol, member or moment is refused', () => {
  const h = new Harness();
  const { leader, follower, generation } = h.stablePair();
  const code = (answer: () => { errorCode: number } | undefined) => answer()?.errorCode;
  expect(code(h.sync(leader, generation - 1))).toBe(errorCode.ILLEGAL_GENERATION);
  expect(code(h.sync('nobody', generation))).toBe(errorCode.UNKNOWN_MEMBER_ID);
  expect(code(h.sync(leader, generation, {}, { protocolName: 'odd' }))).toBe(errorCode.INCONSISTENT_GROUP_PROTOCOL);
  expect(code(h.sync(leader, generation, {}, { protocolType: 'odd' }))).toBe(errorCode.INCONSISTENT_GROUP_PROTOCOL);
  expect(code(h.sync(leader, generation, {}, { groupId: 'odd' }))).toBe(errorCode.UNKNOWN_MEMBER_ID);
  expect(code(h.sync(leader, generation, {}, { protocolName: null, protocolType: null }))).toBe(0);
  h.join({ memberId: leader });
  expect(code(h.sync(follower, generation))).toBe(errorCode.REBALANCE_IN_PROGRESS);
});

test('who joins and never asks for its assignment is out after the rebalance time-out', () => {
  const h = new Harness({ initialRebalanceDelayMs: 10 });
  const [leader, silent] = [h.join({ rebalanceTimeoutMs: 8000 }, 3), h.join({ rebalanceTimeoutMs: 8000 }, 3)];
  h.pass(20);
  const [a, b] = [leader()?.memberId as string, silent()?.memberId as string];
  h.sync(a, 1, { [a]: 'x', [b]: 'y' });
  expect(h.state()).toBe('Stable');
  h.pass(5000);
  expect(h.heartbeat(b, 1)).toBe(0);
  h.pass(3100);
  expect(h.heartbeat(b, 1)).toBe(errorCode.UNKNOWN_MEMBER_ID);
  expect(h.heartbeat(a, 1)).toBe(errorCode.REBALANCE_IN_PROGRESS);
});
