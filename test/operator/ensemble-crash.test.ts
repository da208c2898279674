import { afterAll, beforeAll, expect, test } from 'vitest';
import { ZooKeeperClient } from '../../src/client/zookeeper/index.ts';
import { pods } from '../../src/kube/index.ts';
import { inParallel } from '../../src/operator/apply/in-parallel.ts';
import { askWord } from '../../src/operator/observe/four-letter-transport.ts';
import { reportOf } from '../../src/operator/observe/server-words.ts';
import { systemClock } from '../../src/platform/index.ts';
import { realDeps } from '../support/deps.ts';
import { cutOffAt } from './cut-off.ts';
import { conditionOf, type Loose, must, startWorld, until, type World, zooKeepers } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ processes: 'real' });
});
afterAll(() => world?.stop());

const name = 'example';
const patienceMs = 60_000;

async function untilReady(namespace: string): Promise<Loose> {
  return until(
    'the ensemble to be as asked',
    async () => {
      const object = must(await world.client.get(zooKeepers, { namespace, name }));
      const ready = conditionOf(object);
      return ready?.status === 'True' && ready.observedGeneration === object.metadata.generation ? object : undefined;
    },
    patienceMs,
  );
}

const addressOf = (namespace: string, id: number) => ({
  host: `${name}-zookeeper-${id - 1}.${name}-zookeeper-nodes.${namespace}.svc`,
  port: 2181,
});

/** The members, as one server after the other knows them. */
async function membersOf(namespace: string, count: number): Promise<string[]> {
  const deps = { network: world.network, clock: systemClock };
  const known: string[] = [];
  for (let id = 1; id <= count; id++) {
    const [mntr, conf] = await Promise.all(
      ['mntr', 'conf'].map((word) => askWord(addressOf(namespace, id), word, deps)),
    );
    const { mode, membership } = reportOf(mntr, conf);
    known.push(`${mode === 'leader' ? 'follower' : mode} of ${[...(membership?.members ?? [])].join(' ')}`);
  }
  return known;
}

/** A write every few milliseconds; what was acknowledged must stay. */
function startWriter(namespace: string): { stop(): Promise<void> } {
  const client = new ZooKeeperClient(
    { servers: [addressOf(namespace, 1)], sessionTimeoutMs: 30_000 },
    { ...realDeps, network: world.network },
  );
  let isWriting = true;
  const acknowledged: string[] = [];
  const writing = (async () => {
    await client.connected();
    for (let index = 0; isWriting; index++) {
      const created = await client.create(`/n${index}`, undefined);
      if (created.ok) acknowledged.push(`n${index}`);
      await new Promise((next) => setTimeout(next, 5));
    }
  })();
  return {
    async stop() {
      isWriting = false;
      await writing;
      await client.sync('/');
      const children = must2(await client.getChildren('/')).children;
      const kept = new Set(children);
      expect(acknowledged.length).toBeGreaterThan(20);
      expect(acknowledged.filter((each) => !kept.has(each))).toEqual([]);
      await client.close();
    },
  };
}

const must2 = <Value>(answer: { ok: true; value: Value } | { ok: false; problem: { sentence: string } }): Value => {
  if (!answer.ok) throw new Error(answer.problem.sentence);
  return answer.value;
};

const everyWrite = process.env.CRASH_AT_EVERY_WRITE === '1';
/** More than a change of the size takes, so that the last of them is not cut. */
const writesOfOneChange = 24;
const namespaces = 3;

test('an operator that is killed at any write while an ensemble grows or shrinks is followed by one that ends it', async () => {
  const cuts = Array.from({ length: writesOfOneChange }, (_, index) => index + 1).filter(
    (write) => everyWrite || write % 8 === process.pid % 8,
  );
  const lanes = Array.from({ length: namespaces }, (_, lane) => ({
    namespace: `ensemble-${lane}`,
    cuts: cuts.filter((_, index) => index % namespaces === lane),
  }));
  await inParallel(lanes, namespaces, async ({ namespace, cuts: own }) => {
    await world.namespace(namespace);
    const apply = (replicas: number): Promise<Loose> => world.apply(namespace, 'ZooKeeper', name, { replicas });
    const first = world.startOperator({ namespace });
    await apply(1);
    await untilReady(namespace);
    await first.stop();
    const uidOf = async (id: number): Promise<string | undefined> => {
      const pod = await world.client.get(pods, { namespace, name: `${name}-zookeeper-${id - 1}` });
      return pod.ok ? pod.value.metadata.uid : undefined;
    };
    const uid = await uidOf(1);
    const writer = startWriter(namespace);
    for (const cut of own) {
      for (const replicas of [3, 1]) {
        const real = world.newClient();
        const doomed = cutOffAt(real, cut);
        const killed = world.startOperator({ namespace }, doomed.client);
        await apply(replicas);
        let isOver = false;
        const settled = untilReady(namespace).then(() => {
          isOver = true;
        });
        await until('its end', () => (doomed.isCut() || isOver ? true : undefined), patienceMs);
        real.close();
        const second = world.startOperator({ namespace });
        await settled;
        await untilReady(namespace);
        const all = Array.from({ length: replicas }, (_, index) => `${index + 1},participant`).join(' ');
        expect(await membersOf(namespace, replicas), `killed at write ${cut} on the way to ${replicas}`).toEqual(
          Array.from({ length: replicas }, () => `follower of ${all}`),
        );
        await second.stop();
        void killed.stop();
      }
    }
    await writer.stop();
    // Growing and shrinking restart nobody.
    expect(await uidOf(1)).toBe(uid);
  });
  expect(world.problems).toEqual([]);
}, 600_000);
