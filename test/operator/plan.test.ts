import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubeObject, PersistentVolumeClaim } from '../../src/kube/index.ts';
import { desiredKafkaCluster } from '../../src/operator/desired/kafka-cluster.ts';
import { desiredClaim } from '../../src/operator/desired/volume-claims.ts';
import type { ObservedKafkaCluster } from '../../src/operator/observe/kafka-cluster.ts';
import type { ObservedPod } from '../../src/operator/observe/pods.ts';
import { covers } from '../../src/operator/plan/covers.ts';
import { planKafkaCluster } from '../../src/operator/plan/kafka-cluster.ts';
import { planObjects } from '../../src/operator/plan/objects.ts';
import { planPodInputs, planRestart } from '../../src/operator/plan/pods.ts';
import { claimActions } from '../../src/operator/plan/waiting.ts';
import { kafkaClusterFacts } from '../../src/operator/status/kafka-cluster.ts';
import { images, kafkaCluster, pod } from './fixtures.ts';

describe('a live object is as desired', () => {
  test('if it has all that is desired, whatever else it has', () => {
    expect(covers({ a: 1, b: 2 }, { a: 1 })).toBe(true);
    expect(covers({ a: 1 }, { a: 2 })).toBe(false);
    expect(covers({ ports: [{ name: 'x', port: 1, nodePort: 30000 }] }, { ports: [{ name: 'x', port: 1 }] })).toBe(
      true,
    );
    expect(covers({ ports: [{ name: 'x', port: 2 }] }, { ports: [{ name: 'x', port: 1 }] })).toBe(false);
    expect(covers({ args: ['a', 'b'] }, { args: ['a'] })).toBe(false);
  });
  test('if what is empty is left out', () => {
    expect(covers({}, { list: [], map: {}, none: undefined })).toBe(true);
    expect(covers({}, { list: ['a'] })).toBe(false);
    expect(covers({}, { map: { a: 1 } })).toBe(false);
  });
  test('if quantities are the same in other words, but only where quantities stand', () => {
    expect(covers({ resources: { limits: { memory: '1Gi' } } }, { resources: { limits: { memory: '1024Mi' } } })).toBe(
      true,
    );
    expect(covers({ data: { memory: '1Gi' } }, { data: { memory: '1024Mi' } })).toBe(false);
  });
  test('every value covers itself, and what any change of it does not', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => covers(value, value)));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer(), { minKeys: 1 }), (map) => {
        const [key = ''] = Object.keys(map);
        return !covers({ ...map, [key]: (map[key] ?? 0) + 1 }, map);
      }),
    );
  });
});

const desired = desiredKafkaCluster(kafkaCluster({ external: true }), { images, live: undefined });
const asLive = desired.objects.map(({ type, object }) => ({ type, object: structuredClone(object) as KubeObject }));

describe('objects', () => {
  test('all are made at first, the StatefulSet last', () => {
    const actions = planObjects(desired.objects, []);
    expect(actions).toHaveLength(desired.objects.length);
    const last = actions.at(-1);
    expect(last?.kind === 'apply' && last.desired.type.kind).toBe('StatefulSet');
  });
  test('nothing is written when nothing changed', () => expect(planObjects(desired.objects, asLive)).toEqual([]));
  test('what was changed by hand is put back, what was deleted is made again', () => {
    const touched = asLive
      .filter(({ object }) => object.metadata.name !== 'example-kafka-brokers')
      .map(({ type, object }) => ({
        type,
        object:
          object.kind === 'ConfigMap' ? ({ ...object, data: { 'server-0.properties': 'x' } } as KubeObject) : object,
      }));
    expect(planObjects(desired.objects, touched).map(({ reason, message }) => [reason, message])).toEqual([
      ['UpdatingObjects', 'putting ConfigMap example-kafka back as it was'],
      ['CreatingObjects', 'making Service example-kafka-brokers'],
    ]);
  });
  test('what is not needed any more is deleted', () => {
    const inside = desiredKafkaCluster(kafkaCluster(), { images, live: undefined });
    const deleted = planObjects(inside.objects, asLive).filter(({ kind }) => kind === 'delete');
    expect(deleted.map(({ message }) => message)).toEqual(
      ['external-bootstrap', '0', '1', '2'].map(
        (name) => `deleting Service example-kafka-${name}, which is not needed any more`,
      ),
    );
  });
});

describe('claims', () => {
  const owner = { apiVersion: 'kafka.hikube.cloud/v1alpha1', kind: 'KafkaCluster', name: 'example', uid: 'u' };
  const foreign = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'example-kafka', uid: 's' };
  const claim = (size: string, ownerReferences: readonly (typeof owner)[] = []): PersistentVolumeClaim => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data-0-example-kafka-0', namespace: 'team', labels: { a: 'b' }, ownerReferences },
    spec: { resources: { requests: { storage: size } } },
  });
  const planned = (there: PersistentVolumeClaim, storage: object) =>
    claimActions(
      [there],
      [desiredClaim(there, kafkaCluster({ storage }).spec.storage, owner, { a: 'b' })],
      'KafkaCluster',
    ).map(({ reason, message }) => [reason, message]);

  test('grow, and never shrink', () => {
    expect(planned(claim('10Gi'), { size: '10Gi' })).toEqual([]);
    expect(planned(claim('10Gi'), { size: '20Gi' })).toEqual([
      ['GrowingVolumes', 'growing PersistentVolumeClaim data-0-example-kafka-0 from 10Gi to 20Gi'],
    ]);
    expect(planned(claim('30Gi'), { size: '20Gi' })).toEqual([]);
  });
  test('get and lose the resource as their owner by the policy; other owners are let be', () => {
    expect(planned(claim('10Gi'), { deletionPolicy: 'Delete' })).toHaveLength(1);
    expect(planned(claim('10Gi', [owner]), { deletionPolicy: 'Delete' })).toEqual([]);
    expect(planned(claim('10Gi', [owner]), { deletionPolicy: 'Retain' })).toHaveLength(1);
    expect(planned(claim('10Gi', [foreign]), { deletionPolicy: 'Retain' })).toEqual([]);
    expect(planned(claim('10Gi', [{ ...owner, uid: 'of an earlier one' }]), { deletionPolicy: 'Delete' })).toHaveLength(
      1,
    );
  });
});

describe('restarts', () => {
  const expected = ['example-kafka-0', 'example-kafka-1', 'example-kafka-2'];
  const plan = (pods: readonly ObservedPod[], more: Partial<Parameters<typeof planRestart>[0]> = {}) =>
    planRestart({
      pods,
      expected,
      selector: 'a=b',
      outdatedBecause: ({ revision }) => (revision === 'new' ? undefined : 'it is old'),
      last: undefined,
      heldBack: undefined,
      ...more,
    });
  const old = { revision: 'old' };
  const restarted = (result: ReturnType<typeof plan>) =>
    result.action?.kind === 'restartPod' ? result.action.pod.name : undefined;

  test('none when all are new', () =>
    expect(plan([pod(0), pod(1), pod(2)])).toEqual({ action: undefined, waiting: undefined }));
  test('in the order of their numbers, the controller last', () => {
    expect(restarted(plan([pod(0, old), pod(1, old), pod(2, old)]))).toBe('example-kafka-0');
    expect(restarted(plan([pod(0, old), pod(1, old), pod(2, old)], { last: 'example-kafka-0' }))).toBe(
      'example-kafka-1',
    );
    expect(restarted(plan([pod(0, old), pod(1), pod(2)], { last: 'example-kafka-0' }))).toBe('example-kafka-0');
  });
  test('not while another is down, ending or missing, and says which', () => {
    expect(plan([pod(0, old), pod(1, { ready: false }), pod(2)])).toMatchObject({
      action: undefined,
      waiting: { reason: 'RestartingPods', message: expect.stringContaining('example-kafka-1') },
    });
    expect(plan([pod(0, old), pod(1, { terminating: true }), pod(2)]).action).toBeUndefined();
    expect(plan([pod(0, old), pod(1)]).action).toBeUndefined();
  });
  test('not while brokers say no', () => {
    const heldBack = { reason: 'WaitingForBrokers', message: 'broker 2 is not registered' } as const;
    expect(plan([pod(0, old), pod(1), pod(2)], { heldBack })).toMatchObject({ action: undefined });
  });
  test('one that is old and down goes first: a bad change can be taken back', () => {
    expect(plan([pod(0, old), pod(1, { ...old, ready: false }), pod(2, old)]).action).toMatchObject({
      pod: { name: 'example-kafka-1' },
      isDown: true,
    });
  });
  test('whatever the state, none that serves is taken while another does not', () => {
    const anyPod = (index: number) =>
      fc
        .record({ ready: fc.boolean(), terminating: fc.boolean(), revision: fc.constantFrom('old', 'new') })
        .map((changes) => pod(index, changes));
    fc.assert(
      fc.property(fc.tuple(anyPod(0), anyPod(1), anyPod(2)), (pods) => {
        const { action } = plan(pods);
        if (action?.kind !== 'restartPod') return true;
        const taken = pods.find(({ name }) => name === action.pod.name);
        const othersServe = pods.every(
          ({ name, ready, terminating }) => name === taken?.name || (ready && !terminating),
        );
        return taken?.revision === 'old' && (othersServe || taken.ready === false);
      }),
    );
  });
});

describe('what a broker is told with its pod', () => {
  test('its zone as soon as it has a node, once', () => {
    const fresh = { zoneAnnotation: undefined };
    expect(planPodInputs([pod(0, { ...fresh, node: undefined })], () => 'none')).toEqual([]);
    expect(planPodInputs([pod(0, fresh)], () => 'none')).toMatchObject([
      { annotations: { 'kafka.hikube.cloud/zone': 'zone-0' } },
    ]);
    expect(planPodInputs([pod(0, { ...fresh, zone: undefined })], () => 'none')).toMatchObject([
      { annotations: { 'kafka.hikube.cloud/zone': 'unknown' } },
    ]);
    expect(planPodInputs([pod(0)], () => 'none')).toEqual([]);
  });
  test('its address outside when that is known', () => {
    expect(planPodInputs([pod(0)], () => undefined)).toEqual([]);
    expect(planPodInputs([pod(0)], () => 'EXTERNAL://a:9094')).toMatchObject([
      { annotations: { 'kafka.hikube.cloud/advertised-listeners': 'EXTERNAL://a:9094' } },
    ]);
  });
});

describe('a whole cluster', () => {
  const start = Date.parse('2026-01-01T00:00:00Z');
  const observed = (changes: Partial<ObservedKafkaCluster> = {}): ObservedKafkaCluster => ({
    statefulSet: undefined,
    objects: asLive,
    claims: [],
    pods: [0, 1, 2].map((index) => pod(index, { revision: desired.revision })),
    zooKeeper: {
      apiVersion: 'x',
      kind: 'ZooKeeper',
      metadata: { name: 'example' },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    },
    sharesMetadataWith: undefined,
    brokers: {
      kind: 'answered',
      clusterId: 'id',
      controllerId: 0,
      brokers: [0, 1, 2].map((id) => ({ id, host: `h${id}`, port: 9092, rack: null })),
    },
    underReplicated: undefined,
    ...changes,
  });
  const withAddresses = asLive.map(({ type, object }) => ({
    type,
    object:
      object.kind === 'Service'
        ? ({
            ...object,
            metadata: { ...object.metadata, creationTimestamp: '2026-01-01T00:00:00Z' },
            status: { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } },
          } as KubeObject)
        : object,
  }));
  const cluster = kafkaCluster({ external: true });
  const plan = (changes: Partial<ObservedKafkaCluster> = {}, nowMs = start) =>
    planKafkaCluster(cluster, desired, observed(changes), nowMs);

  test('is settled when all pods are ready, registered and told', () => {
    const told = [0, 1, 2].map((index) =>
      pod(index, {
        revision: desired.revision,
        advertisedListeners:
          `REPLICATION://example-kafka-${index}.example-kafka-brokers.team.svc:9091,` +
          `PLAIN://example-kafka-${index}.example-kafka-brokers.team.svc:9092,EXTERNAL://203.0.113.7:9094`,
      }),
    );
    expect(plan({ objects: withAddresses, pods: told })).toEqual({
      actions: [],
      waiting: undefined,
      lookAgainMs: undefined,
    });
  });
  test('tells brokers and clients the port that a load balancer has taken instead of the usual one', () => {
    const objects = asLive.map(({ type, object }) => ({
      type,
      object:
        object.kind === 'Service'
          ? ({
              ...object,
              status: { loadBalancer: { ingress: [{ ip: '127.0.0.1', ports: [{ port: 20_007, protocol: 'TCP' }] }] } },
            } as KubeObject)
          : object,
    }));
    const pods = [pod(0, { revision: desired.revision })];
    expect(JSON.stringify(plan({ objects, pods }).actions)).toContain(',EXTERNAL://127.0.0.1:20007"');
    const seen = observed({ objects, pods });
    const { bootstrap, brokers } = kafkaClusterFacts(cluster, cluster, seen, () => undefined);
    expect(bootstrap).toBe('127.0.0.1:20007');
    expect(brokers?.[0]?.external).toBe('127.0.0.1:20007');
  });
  test('is not settled while the last old pod is ending, though it still says that it is ready', () => {
    const pods = [0, 1, 2].map((index) =>
      pod(index, index === 2 ? { revision: 'old', terminating: true } : { revision: desired.revision }),
    );
    expect(plan({ objects: withAddresses, pods }).waiting).toMatchObject({ reason: 'WaitingForPods' });
  });
  test('waits for addresses outside, then starts brokers without', () => {
    expect(plan().waiting?.reason).toBe('WaitingForLoadBalancer');
    expect(plan().actions).toEqual([]);
    const services = asLive.map(({ type, object }) => ({
      type,
      object: { ...object, metadata: { ...object.metadata, creationTimestamp: '2026-01-01T00:00:00Z' } } as KubeObject,
    }));
    expect(plan({ objects: services }, start + 19_000).actions).toEqual([]);
    const late = plan({ objects: services }, start + 21_000).actions;
    expect(late.map(({ kind }) => kind)).toEqual(['annotatePod', 'annotatePod', 'annotatePod']);
  });
  test('starts no broker without an ensemble', () => {
    const { actions, waiting } = plan({ zooKeeper: undefined, objects: [], pods: [] });
    expect(waiting?.reason).toBe('WaitingForZooKeeper');
    expect(actions.some((action) => action.kind === 'apply' && action.desired.type.kind === 'StatefulSet')).toBe(false);
  });
  test('makes nothing in a place that another cluster has', () => {
    expect(plan({ sharesMetadataWith: 'elder', objects: [], pods: [] }).actions).toEqual([]);
  });
  test('waits for a broker that is not registered, and for a controller', () => {
    const brokers = (ids: readonly number[], controllerId: number) =>
      ({
        kind: 'answered',
        clusterId: 'id',
        controllerId,
        brokers: ids.map((id) => ({ id, host: 'h', port: 1, rack: null })),
      }) as const;
    expect(plan({ objects: withAddresses, brokers: brokers([0, 2], 0) }).waiting).toMatchObject({
      reason: 'WaitingForBrokers',
      message: '2 of 3 brokers are registered; broker 1 is not',
    });
    expect(plan({ objects: withAddresses, brokers: brokers([0, 1, 2], -1) }).waiting?.reason).toBe(
      'WaitingForController',
    );
  });
  test('no broker is restarted while replicas are behind', () => {
    const pods = [0, 1, 2].map((index) => pod(index, { revision: 'old' }));
    const held = plan({ objects: withAddresses, pods, underReplicated: ['orders-1'] });
    expect(held.actions.some(({ kind }) => kind === 'restartPod')).toBe(false);
    expect(held.waiting?.message).toContain('orders-1');
    const free = plan({ objects: withAddresses, pods, underReplicated: [] });
    // Broker 0 is the controller.
    expect(free.actions.find(({ kind }) => kind === 'restartPod')).toMatchObject({ pod: { name: 'example-kafka-1' } });
  });
});
