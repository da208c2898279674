import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubeObject, StatefulSet } from '../../src/kube/index.ts';
import { superUserOf } from '../../src/operator/desired/super-user.ts';
import { desiredZooKeeper, type MemberRole } from '../../src/operator/desired/zookeeper.ts';
import type { ObservedPod } from '../../src/operator/observe/pods.ts';
import { reportOf, type ServerMode, silent } from '../../src/operator/observe/server-words.ts';
import type { ObservedServer, ObservedZooKeeper } from '../../src/operator/observe/zookeeper.ts';
import type { Action, Plan } from '../../src/operator/plan/action.ts';
import { ensembleView, planMembership, serverCountOf } from '../../src/operator/plan/membership.ts';
import { planZooKeeper } from '../../src/operator/plan/zookeeper.ts';
import { images, pod, zooKeeper } from './fixtures.ts';

const podOf = (id: number): string => `example-zookeeper-${id - 1}`;

const server = (id: number, mode: ServerMode, more: Partial<ObservedServer> = {}): ObservedServer => ({
  ...silent,
  id,
  pod: podOf(id),
  mode,
  ...(mode === 'looking' || mode === 'unknown' ? {} : { epoch: 1, committedOffset: 100, appliedOffset: 100 }),
  ...more,
});

/** Participants by number, learners as `-number`. */
const membership = (members: readonly number[], version = 7) => ({
  version,
  members: new Map(members.map((id) => [Math.abs(id), id > 0 ? 'participant' : 'observer'] as [number, MemberRole])),
});

function stepFor(asked: number, members: readonly number[], modes: readonly ServerMode[]) {
  const serving = (mode: ServerMode): boolean => mode !== 'looking' && mode !== 'unknown';
  const servers = modes.map((mode, index) =>
    server(index + 1, mode, serving(mode) ? { membership: membership(members) } : {}),
  );
  return planMembership(asked, ensembleView(servers), podOf, () => undefined);
}

describe('what a server says', () => {
  test('is read from its words', () => {
    const mntr = [
      'zk_version\t3.9.5',
      'zk_server_state\tleader',
      'zk_current_epoch\t4',
      'zk_committed_offset\t90',
      'zk_applied_offset\t88',
      '',
    ].join('\n');
    const conf = [
      'clientPort=2181',
      'membership: ',
      'server.1=a.b:2888:3888:participant;0.0.0.0:2181',
      'server.2=[::1]:2888:3888:observer;0.0.0.0:2181',
      'version=100000003',
      '',
    ].join('\n');
    expect(reportOf(mntr, conf)).toEqual({
      mode: 'leader',
      epoch: 4,
      committedOffset: 90,
      appliedOffset: 88,
      membership: membership([1, -2], 0x100000003),
    });
    expect(reportOf('This ZooKeeper instance is not currently serving requests\n', conf).mode).toBe('looking');
    expect(reportOf(undefined, conf)).toEqual(silent);
    expect(reportOf('zk_server_state\tstandalone\n', 'clientPort=2181\n')).toMatchObject({
      mode: 'standalone',
      membership: undefined,
    });
  });
  test('is nothing, if it is something else', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (mntr, conf) => {
        const { mode } = reportOf(mntr, conf);
        return mode === 'unknown' || mode === 'looking';
      }),
    );
  });
});

describe('who joins and leaves next', () => {
  test.each([
    // Asked, members, what the servers are: the step, and why there is none.
    [3, [1], ['leader'], undefined, 'example-zookeeper-1 does not run yet'],
    [3, [1], ['leader', 'looking', 'unknown'], 'join 2 observer', ''],
    [3, [1, -2], ['leader', 'observer', 'unknown'], undefined, 'example-zookeeper-2 does not run yet'],
    [3, [1, -2], ['leader', 'observer', 'looking'], 'join 3 observer', ''],
    [3, [1, -2, -3], ['leader', 'observer', 'looking'], undefined, 'example-zookeeper-2 is catching up'],
    [3, [1, -2, -3], ['leader', 'observer', 'observer'], 'join 2 participant', ''],
    [3, [1, 2, -3], ['leader', 'follower', 'observer'], 'join 3 participant', ''],
    // The operator or the leader ended between the change and its record.
    [3, [1, -2, -3], ['leader', 'follower', 'observer'], 'join 2 participant', ''],
    [3, [1, 2, 3], ['follower', 'leader', 'follower'], undefined, ''],
    [3, [1, 2, 3, 4, 5], ['leader', 'follower', 'follower', 'follower', 'follower'], 'leave 5', ''],
    [3, [1, 2, 3, 4, 5], ['leader', 'follower', 'follower', 'unknown', 'follower'], 'leave 4', ''],
    [
      3,
      [1, 2, 3, 4, 5],
      ['leader', 'follower', 'unknown', 'follower', 'follower'],
      undefined,
      'as soon as example-zookeeper-2 serves',
    ],
    [3, [1, 2, 3, 4], ['follower', 'follower', 'follower', 'leader'], 'leave 4', ''],
    [1, [1, 2, 3], ['follower', 'leader', 'follower'], 'leave 3', ''],
    [1, [1, 2, -3], ['leader', 'follower', 'observer'], 'leave 3', ''],
    // A volume that was lost.
    [3, [1, 2, 3], ['leader', 'observer', 'follower'], 'leave 2', 'has lost its data'],
    [3, [1, 3], ['leader', 'observer', 'follower'], 'join 2 observer', ''],
    [5, [1, 2, 3, 4, 5], ['leader', 'observer', 'observer', 'follower', 'follower'], 'leave 2', 'has lost its data'],
    [1, [1, 2, 3], ['leader', 'follower', 'observer'], 'leave 3', 'has lost its data'],
  ] as const)('asked %i, members %j, they are %j: %s', (asked, members, modes, wanted, why) => {
    const { step, waiting } = stepFor(asked, members, modes);
    const text = step && `${step.kind} ${step.id}${step.kind === 'join' ? ` ${step.as}` : ''}`;
    expect(text).toBe(wanted);
    expect(waiting?.message ?? '').toContain(why);
  });

  test('nobody, while a server knows of a newer membership than the leader', () => {
    const view = ensembleView([
      server(1, 'leader', { membership: membership([1, 2, 3]) }),
      server(2, 'follower', { membership: membership([1, 2, 3, 4], 8) }),
    ]);
    expect(view.membership).toBeUndefined();
    expect(planMembership(5, view, podOf, () => undefined).step).toBeUndefined();
  });

  test('of two that say they lead, the one of the later epoch does', () => {
    const old = server(1, 'leader', { epoch: 3, membership: membership([1, 2, 3]) });
    const now = server(2, 'leader', { epoch: 4, membership: membership([1, 2, 3]) });
    expect(ensembleView([old, now]).leader?.id).toBe(2);
  });

  test('one that is far behind has not caught up', () => {
    const of = { membership: membership([1, -2, -3]) };
    const view = ensembleView([
      server(1, 'leader', { ...of, committedOffset: 50_000, appliedOffset: 50_000 }),
      server(2, 'observer', { ...of, appliedOffset: 49_500 }),
      server(3, 'observer', { ...of, appliedOffset: 10_000 }),
    ]);
    const { step, waiting } = planMembership(3, view, podOf, () => undefined);
    expect(step).toBeUndefined();
    expect(waiting?.message).toContain('example-zookeeper-2 is catching up, 40000 transactions behind');
  });
});

describe('how many pods there are', () => {
  const count = (asked: number, live: number | undefined, members: readonly number[] | undefined, isFounded = true) =>
    serverCountOf({
      asked,
      live,
      isFounded,
      view: ensembleView(members === undefined ? [] : [server(1, 'leader', { membership: membership(members) })]),
    });
  test('as many as asked for at first, and until somebody has led', () => {
    expect(count(3, undefined, undefined, false)).toBe(3);
    expect(count(1, 3, undefined, false)).toBe(1);
  });
  test('new ones before they join, leaving ones until they have left', () => {
    expect(count(5, 3, [1, 2, 3])).toBe(5);
    expect(count(3, 5, [1, 2, 3, 4, 5])).toBe(5);
    expect(count(3, 5, [1, 2, 3, 4])).toBe(4);
    expect(count(3, 4, [1, 2, 3])).toBe(3);
    expect(count(1, 3, [1, -3])).toBe(3);
  });
  test('as many as there are while nobody says who belongs to it', () => {
    expect(count(1, 3, undefined)).toBe(3);
    expect(count(5, 3, undefined)).toBe(3);
  });
});

const made = new Map<string, unknown>();
/** Made once: the model asks for the same few things again and again. */
function once<Value>(key: string, make: () => Value): Value {
  if (!made.has(key)) made.set(key, make());
  return made.get(key) as Value;
}
const superUser = superUserOf('secret');

/** An ensemble and its pods, as simple as they can be and still go wrong. */
class Model {
  asked = 1;
  /** Pods of higher numbers find no place to run. */
  nodes = 5;
  config = '';
  members = new Map<number, MemberRole>();
  version = 0;
  leader: number | undefined;
  objects: ObservedZooKeeper['objects'] = [];
  readonly pods = new Map<
    number,
    { revision: string; servers: number; up: boolean; caughtUp: boolean; upAt: number; uid: string }
  >();
  /** Voters whose volume is not the one they voted with. */
  readonly lost = new Set<number>();
  passes = 0;

  /** A voter's volume outlives its pod. */
  isRetained(id: number): boolean {
    return this.voters.includes(id) && !this.lost.has(id);
  }

  get statefulSet(): StatefulSet | undefined {
    return this.objects.find(({ object }) => object.kind === 'StatefulSet')?.object as StatefulSet | undefined;
  }

  get voters(): number[] {
    return [...this.members].filter(([, role]) => role === 'participant').map(([id]) => id);
  }

  isVoting(id: number): boolean {
    const one = this.pods.get(id);
    return this.voters.includes(id) && one?.up === true && !this.lost.has(id);
  }

  get hasQuorum(): boolean {
    return this.voters.filter((id) => this.isVoting(id)).length > this.voters.length / 2;
  }

  /** What happens by itself: pods are made and end, servers start, meet, elect and catch up. */
  live(): void {
    const set = this.statefulSet;
    const count = set?.spec?.replicas ?? 0;
    const { annotations } = set?.spec?.template.metadata ?? {};
    for (const id of this.pods.keys()) if (id > count) this.pods.delete(id);
    for (let id = 1; id <= count; id++) {
      const one = this.pods.get(id);
      if (one === undefined) {
        this.pods.set(id, {
          revision: annotations?.['kafka.hikube.cloud/revision'] ?? '',
          servers: Number(annotations?.['kafka.hikube.cloud/servers']),
          up: false,
          caughtUp: this.isRetained(id),
          upAt: this.passes + 1,
          uid: `${id}-${this.passes}`,
        });
      } else if (one.upAt <= this.passes && id <= this.nodes) {
        one.up = true;
        // Some take longer than others.
        if (this.members.has(id) && (this.passes * 7 + id * 5) % 4 === 0) one.caughtUp = true;
      }
    }
    const founders = [...this.pods].filter(([, one]) => one.up);
    if (this.members.size === 0 && founders.length > 0) {
      const [[, first] = []] = founders;
      const all = Array.from({ length: first?.servers ?? 0 }, (_, index) => index + 1);
      if (all.every((id) => this.pods.get(id)?.up === true && this.pods.get(id)?.servers === all.length)) {
        for (const id of all) this.members.set(id, 'participant');
      }
    }
    if (!this.hasQuorum) this.leader = undefined;
    else if (this.leader === undefined || !this.isVoting(this.leader)) {
      this.leader = this.voters.find((id) => this.isVoting(id));
    }
  }

  modeOf(id: number): ServerMode {
    const one = this.pods.get(id);
    if (one === undefined || !one.up) return 'unknown';
    if (this.leader === undefined) return 'looking';
    if (this.leader === id) return 'leader';
    if (this.isVoting(id)) return 'follower';
    return this.members.has(id) && one.caughtUp ? 'observer' : 'looking';
  }

  observe(): ObservedZooKeeper {
    const said = { version: this.version, members: new Map(this.members) };
    return {
      statefulSet: this.statefulSet,
      objects: this.objects,
      claims: [],
      superUser: { kind: 'known', user: superUser },
      pods: [...this.pods]
        .sort(([a], [b]) => a - b)
        .map(([id, { revision, servers, uid }]): ObservedPod => {
          const serves = !['unknown', 'looking'].includes(this.modeOf(id));
          return pod(id - 1, { name: podOf(id), uid, revision, servers, ready: serves });
        }),
      servers: [...this.pods.keys()].map((id) => {
        const mode = this.modeOf(id);
        return server(id, mode, mode === 'unknown' || mode === 'looking' ? {} : { membership: said });
      }),
    };
  }

  plan(): Plan {
    const { asked, config } = this;
    const spec = { replicas: asked, ...(config === '' ? {} : { config: { tickTime: config } }) };
    const ensemble = once(`${asked} ${config}`, () => zooKeeper(spec));
    const observed = this.observe();
    const view = ensembleView(observed.servers);
    const isFounded = this.members.size > 0;
    const live = this.statefulSet?.spec?.replicas;
    const serverCount = serverCountOf({ asked, live, view, isFounded });
    const options = { image: images.embedded, live: this.statefulSet, serverCount, superUser };
    const desired = once(`${asked} ${config} ${serverCount}`, () => desiredZooKeeper(ensemble, options));
    return planZooKeeper({ ensemble, desired, observed, view, serverCount, isFounded });
  }

  /** Does what was planned, and checks that it may be done. */
  do(action: Action): void {
    switch (action.kind) {
      case 'apply': {
        const { type, object } = action.desired;
        if (object.kind === 'StatefulSet') {
          const count = (object as StatefulSet).spec?.replicas ?? 0;
          for (const id of this.members.keys()) expect(id, 'no pod of a member is taken').toBeLessThanOrEqual(count);
        }
        const others = this.objects.filter(({ object: { kind, metadata } }) => {
          return kind !== object.kind || metadata.name !== object.metadata.name;
        });
        this.objects = [...others, { type, object: object as KubeObject }];
        return;
      }
      case 'restartPod': {
        const id = Number(action.pod.name.split('-').at(-1)) + 1;
        const others = this.voters.filter((other) => other !== id);
        if (!action.isDown) {
          for (const other of others) expect(this.isVoting(other), `${other} serves while ${id} restarts`).toBe(true);
          if (others.length > 0 && this.leader === id) {
            const revisions = others.map((other) => this.pods.get(other)?.revision);
            expect(new Set(revisions).size, 'the leader is the last').toBe(1);
          }
        }
        this.pods.delete(id);
        return;
      }
      case 'changeMembers': {
        expect(action.version).toBe(this.version);
        expect(action.leader).toBe(this.leader);
        const { step } = action;
        if (step.kind === 'leave') {
          if (this.isVoting(step.id)) {
            const wanted = this.voters.filter((id) => id <= this.asked);
            expect(
              wanted.every((id) => this.isVoting(id)),
              'a voter that serves leaves only those that serve',
            ).toBe(true);
          }
          if (step.id === this.leader) this.leader = undefined;
          this.members.delete(step.id);
          this.lost.delete(step.id);
          const one = this.pods.get(step.id);
          if (one !== undefined) one.caughtUp = false;
        } else {
          const one = this.pods.get(step.id);
          const grown = this.members.has(step.id) ? this.voters.length : this.voters.length + 1;
          if (step.as === 'participant') {
            expect(one, 'it has the data').toMatchObject({ up: true, caughtUp: true });
            const learners = [...this.members].filter(([id, role]) => id <= this.asked && role === 'observer');
            for (const [id] of learners) expect(this.pods.get(id)?.caughtUp, 'all new ones have the data').toBe(true);
          }
          expect(grown).toBeLessThanOrEqual(5);
          this.members.set(step.id, step.as);
        }
        expect(this.hasQuorum, 'a majority of the new voters serves').toBe(true);
        this.version++;
        return;
      }
      default:
        throw new Error(`there is no reason to ${action.kind}`);
    }
  }

  /** @param lastAction  the operator is killed after so many actions */
  pass(lastAction = Number.POSITIVE_INFINITY): Plan {
    this.passes++;
    this.live();
    const plan = this.plan();
    const disruptive = plan.actions.filter(({ kind }) => kind === 'restartPod' || kind === 'changeMembers');
    expect(disruptive.length).toBeLessThanOrEqual(1);
    for (const action of plan.actions.slice(0, lastAction)) this.do(action);
    return plan;
  }

  settle(): void {
    for (let left = 200; left > 0; left--) {
      const { actions, waiting } = this.pass();
      if (waiting === undefined) expect(this.pods.size, 'what is not wanted has gone').toBe(this.asked);
      if (actions.length === 0 && waiting === undefined) return;
    }
    expect(this.pass().waiting, 'it ends').toBeUndefined();
  }
}

describe('a whole life', () => {
  test.each([[[1, 3, 5, 3, 1]], [[3, 1, 5]], [[5, 1, 3]]])('goes through %j servers', (counts) => {
    const model = new Model();
    for (const asked of counts) {
      model.asked = asked;
      model.settle();
      expect(model.voters.toSorted()).toEqual(Array.from({ length: asked }, (_, index) => index + 1));
      expect(model.statefulSet?.spec?.replicas).toBe(asked);
      expect(model.pods.size).toBe(asked);
    }
  });

  test('a wish for more servers than there are nodes can be taken back before anybody has led', () => {
    const model = new Model();
    model.nodes = 3;
    model.asked = 5;
    for (let passes = 0; passes < 10; passes++) model.pass();
    expect(model.voters).toEqual([]);
    model.asked = 3;
    model.settle();
    expect(model.voters).toEqual([1, 2, 3]);
  });

  test('an ensemble that has lost its quorum says who does not answer', () => {
    const model = new Model();
    model.asked = 3;
    model.settle();
    for (const id of [2, 3]) Object.assign(model.pods.get(id) ?? {}, { up: false, upAt: model.passes + 5 });
    expect(model.pass()).toMatchObject({
      actions: [],
      waiting: {
        reason: 'WaitingForLeader',
        message: expect.stringContaining('needed, and example-zookeeper-1, example-zookeeper-2 do not answer'),
      },
    });
    model.settle();
  });

  test('servers that find no place hold up neither a restart of the others nor the way back', () => {
    const model = new Model();
    model.asked = 3;
    model.settle();
    model.nodes = 4;
    model.asked = 5;
    model.config = '1234';
    const before = model.pods.get(1)?.revision;
    for (let passes = 0; passes < 40; passes++) model.pass();
    for (const id of [1, 2, 3]) expect(model.pods.get(id)?.revision).not.toBe(before);
    expect(model.voters).toEqual([1, 2, 3]);
    model.asked = 3;
    model.settle();
    expect(model.pods.size).toBe(3);
  });

  type Event =
    | { readonly kind: 'ask'; readonly count: number }
    | { readonly kind: 'configure'; readonly tickTime: number }
    | { readonly kind: 'lose' | 'elect'; readonly id: number }
    | { readonly kind: 'crash'; readonly id: number; readonly passes: number }
    | { readonly kind: 'pass'; readonly lastAction: number };
  const anyServer = fc.integer({ min: 1, max: 5 });
  const event: fc.Arbitrary<Event> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('ask' as const), count: fc.constantFrom(1, 3, 5) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('configure' as const),
        tickTime: fc.integer({ min: 1_000, max: 1_003 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('crash' as const),
        id: anyServer,
        passes: fc.integer({ min: 1, max: 12 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('lose' as const), id: anyServer }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('elect' as const), id: anyServer }) },
    {
      weight: 12,
      arbitrary: fc.record({ kind: fc.constant('pass' as const), lastAction: fc.constantFrom(0, 1, 2, 9, 9, 9) }),
    },
  );

  test('whatever happens in it, one thing changes at a time, a majority is never taken, and it ends as asked', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120, size: 'max' }), (events) => {
        const model = new Model();
        for (const happens of events) {
          if (happens.kind === 'ask') model.asked = happens.count;
          else if (happens.kind === 'configure') model.config = String(happens.tickTime);
          else if (happens.kind === 'pass') model.pass(happens.lastAction);
          else {
            const one = model.pods.get(happens.id);
            if (one === undefined) continue;
            if (happens.kind === 'elect' && model.isVoting(happens.id) && model.hasQuorum) model.leader = happens.id;
            if (happens.kind === 'crash') Object.assign(one, { up: false, upAt: model.passes + happens.passes });
            if (happens.kind === 'lose' && model.isVoting(happens.id)) {
              // As many as an ensemble can stand.
              model.lost.add(happens.id);
              if (model.hasQuorum) one.caughtUp = false;
              else model.lost.delete(happens.id);
            }
          }
        }
        model.settle();
        return model.voters.toSorted().join() === Array.from({ length: model.asked }, (_, at) => at + 1).join();
      }),
      { numRuns: 500 },
    );
  });
});
