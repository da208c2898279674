import { afterEach, expect, test } from 'vitest';
import { nodeId } from '../../../src/quorum/index.ts';
import type { Agreement } from '../../../src/zookeeper/agreement/index.ts';
import { Ensemble, proposeAll, type Server, until } from './ensemble.ts';

let ensemble: Ensemble;
afterEach(async () => {
  await ensemble.stop();
});

const numbers = (from: number, count: number): string[] => Array.from({ length: count }, (_, at) => String(from + at));

async function three(options: ConstructorParameters<typeof Ensemble>[0] = {}): Promise<Server> {
  ensemble = new Ensemble(options);
  await ensemble.reserve(3);
  for (const id of [1, 2, 3]) await ensemble.start(id, [1, 2, 3]);
  return ensemble.leader();
}

/** A change of voters is refused while another is under way, which the leader may have begun itself. */
async function patiently(change: () => ReturnType<Agreement['addVoter']>): ReturnType<Agreement['addVoter']> {
  for (let attempt = 0; ; attempt++) {
    const result = await change();
    const retriable = !result.ok && (result.problem.kind === 'busy' || result.problem.kind === 'notCaughtUp');
    if (!retriable || attempt === 100) return result;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function allEqual(count: number): Promise<void> {
  await until(`${count} values everywhere`, () =>
    [...ensemble.servers.values()].every(({ register }) => register.count === count),
  );
  expect(new Set([...ensemble.servers.values()].map(({ register }) => register.hash)).size).toBe(1);
}

test('a single member leads at once, and keeps what was proposed over a restart', async () => {
  ensemble = new Ensemble();
  await ensemble.reserve(1);
  const server = await ensemble.start(1, [1]);
  await ensemble.leader();
  expect(await proposeAll(server, numbers(0, 1000))).toBe(1000);
  const { hash } = server.register;
  await server.agreement?.stop();
  const again = await ensemble.start(1, [1]);
  await ensemble.leader();
  expect(again.register).toMatchObject({ count: 1000, hash });
});

test('three members apply the same values in the order of the proposals', async () => {
  const leader = await three();
  expect(await proposeAll(leader, numbers(0, 2000))).toBe(2000);
  expect(leader.register.last).toBe('1999');
  await allEqual(2000);
  const other = [...ensemble.servers.values()].find((server) => server !== leader) as Server;
  expect(await other.agreement?.propose(Buffer.from('x'))).toEqual({
    ok: false,
    problem: { kind: 'notLeader', leader: leader.id },
  });
});

test('when the leader dies another takes over, with everything that was acknowledged', async () => {
  const leader = await three();
  expect(await proposeAll(leader, numbers(0, 500))).toBe(500);
  const { id } = leader;
  const beganMs = performance.now();
  ensemble.kill(id);
  const next = await ensemble.leader();
  expect(performance.now() - beganMs).toBeLessThan(5000);
  expect(next.register.count).toBe(500);
  expect(await proposeAll(next, numbers(500, 100))).toBe(100);
  await ensemble.start(id, [1, 2, 3]);
  await allEqual(600);
});

test('a read on any member sees what was acknowledged before it was asked for', async () => {
  const leader = await three();
  for (let round = 0; round < 20; round++) {
    await proposeAll(leader, [`value ${round}`]);
    for (const { agreement, register } of ensemble.servers.values()) {
      const result = await agreement?.catchUp();
      expect(result?.ok).toBe(true);
      expect(register.last).toBe(`value ${round}`);
    }
  }
});

test('leadership is handed over without a vote being lost in between', async () => {
  const leader = await three();
  await proposeAll(leader, numbers(0, 10));
  const to = [...ensemble.servers.values()].find((server) => server !== leader) as Server;
  expect(await leader.agreement?.transferLeadership(to.id)).toEqual({ ok: true, value: undefined });
  const next = await ensemble.leader();
  expect(next.id).toBe(to.id);
  expect(await proposeAll(next, ['after'])).toBe(1);
});

test('a member is added while it runs, then the first one is removed', async () => {
  ensemble = new Ensemble();
  await ensemble.reserve(2);
  const first = await ensemble.start(1, [1]);
  await ensemble.leader();
  await proposeAll(first, numbers(0, 50));
  const second = await ensemble.start(2, [1]);
  await until(
    'the second to catch up',
    () => second.agreement?.role.kind === 'follower' && second.register.count === 50,
  );
  expect(second.agreement?.role).toMatchObject({ voter: false });
  const address = ensemble.members[1]?.address as { host: string; port: number };
  const change = first.agreement as Agreement;
  expect(await patiently(() => change.addVoter({ id: nodeId(2), address }))).toEqual({ ok: true, value: undefined });
  expect(await proposeAll(first, ['both'])).toBe(1);
  expect(await patiently(() => change.removeVoter(nodeId(1)))).toEqual({ ok: true, value: undefined });
  await until('the second to lead', () => second.agreement?.role.kind === 'leader');
  expect(await proposeAll(second, ['alone'])).toBe(1);
});

test('a member that was away for long takes a snapshot over, and restarts from it', async () => {
  const leader = await three({ snapshotEveryBytes: 1e9 });
  const away = [...ensemble.servers.values()].find((server) => server !== leader) as Server;
  await away.agreement?.stop();
  ensemble.servers.delete(away.id);
  const value = 'x'.repeat(100_000);
  // Over several segments, so that there is something to drop; two snapshots, so that it may be dropped.
  for (let round = 0; round < 2; round++) {
    for (let batch = 0; batch < 20; batch++) expect(await proposeAll(leader, Array(20).fill(value))).toBe(20);
    for (const { agreement } of ensemble.servers.values()) await agreement?.takeSnapshot();
  }
  const back = await ensemble.start(away.id, [1, 2, 3]);
  await allEqual(800);
  expect(back.register.restored).toBe(1);
  await back.agreement?.stop();
  await ensemble.start(away.id, [1, 2, 3]);
  await allEqual(800);
}, 60_000);

test('a snapshot that is asked for amid the entries of one turn holds them all', async () => {
  const leader = await three();
  const taken: Promise<number>[] = [];
  for (const { agreement, register } of ensemble.servers.values()) {
    register.onValue = (count) => {
      if (count % 100 === 50) taken.push(agreement!.takeSnapshot());
    };
  }
  expect(await proposeAll(leader, numbers(0, 1000))).toBe(1000);
  await allEqual(1000);
  await Promise.all(taken);
  const { hash } = leader.register;
  for (const id of [1, 2, 3]) {
    await ensemble.servers.get(id)?.agreement?.stop();
    await ensemble.start(id, [1, 2, 3]);
  }
  await ensemble.leader();
  await allEqual(1000);
  expect(ensemble.servers.get(1)?.register.hash).toBe(hash);
});

test('bytes told to a member arrive once and in order', async () => {
  const leader = await three();
  const to = [...ensemble.servers.values()].find((server) => server !== leader) as Server;
  const sent = numbers(0, 500);
  for (const value of sent) expect(leader.agreement?.tell(to.id, Buffer.from(value))).toBe(true);
  await until('all to arrive', () => to.told.length === sent.length);
  expect(to.told).toEqual(sent.map((value) => `${leader.id}:${value}`));
});

test('members that are started with empty volumes beside a full one cannot outvote it', async () => {
  ensemble = new Ensemble();
  await ensemble.reserve(3);
  const first = await ensemble.start(1, [1]);
  await ensemble.leader();
  await proposeAll(first, numbers(0, 10));
  await first.agreement?.stop();
  ensemble.servers.delete(1);
  // Their configuration already says three, which the first one has never agreed to.
  await ensemble.start(2, [1, 2, 3]);
  await ensemble.start(3, [1, 2, 3]);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect([...ensemble.servers.values()].map(({ agreement }) => agreement?.role.kind)).toEqual(['looking', 'looking']);
  await ensemble.start(1, [1, 2, 3]);
  await allEqual(10);
  expect((await ensemble.leader()).id).toBe(1);
});

test('a stranger from another cluster is turned away', async () => {
  await three();
  const other = new Ensemble({ clusterId: 'other' });
  other.members = ensemble.members;
  await ensemble.servers.get(3)?.agreement?.stop();
  ensemble.servers.delete(3);
  const stranger = await other.start(3, [1, 2, 3]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(stranger.agreement?.status().leader).toBeUndefined();
  await other.stop();
});
