import { expect, test } from 'vitest';
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../../src/kube/index.ts';
import { type Observed, planStatefulSet } from '../../../src/local/controllers/stateful-set/plan.ts';
import { ordinalOf } from '../../../src/local/controllers/stateful-set/pods.ts';
import { revisionsToForget, updateRevisionOf } from '../../../src/local/controllers/stateful-set/revisions.ts';

type Spec = NonNullable<StatefulSet['spec']>;

const setOf = (spec: Partial<Spec> = {}): StatefulSet => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'web', namespace: 'default', uid: 'set-uid', generation: 3 },
  spec: {
    replicas: 3,
    serviceName: 'web-nodes',
    selector: { matchLabels: { app: 'web' } },
    podManagementPolicy: 'Parallel',
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'a' }] } },
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }],
    ...spec,
  },
});

type PodState = { ready?: boolean; revision?: string; terminating?: boolean; phase?: string; readySince?: string };
const podOf = (
  ordinal: number,
  { ready = true, revision = 'web-new', terminating, phase = 'Running', readySince }: PodState = {},
): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `web-${ordinal}`,
    namespace: 'default',
    uid: `pod-${ordinal}`,
    labels: { app: 'web', 'controller-revision-hash': revision },
    ...(terminating === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  },
  status: {
    phase,
    conditions: [
      { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: readySince ?? '2026-01-01T00:00:00Z' },
    ],
  },
});

const claimOf = (ordinal: number, owner?: string): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: {
    name: `data-web-${ordinal}`,
    namespace: 'default',
    ...(owner === undefined
      ? {}
      : { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: owner }] }),
  },
});

function planOf(
  set: StatefulSet,
  pods: readonly Pod[],
  options: { claims?: readonly PersistentVolumeClaim[]; current?: string } = {},
) {
  const template = set.spec?.template ?? {};
  const observed: Observed = {
    set,
    pods,
    claims: new Map(
      (options.claims ?? [0, 1, 2].map((ordinal) => claimOf(ordinal))).map((claim) => [claim.metadata.name, claim]),
    ),
    currentRevision: { name: options.current ?? 'web-new', template },
    updateRevision: { name: 'web-new', template },
  };
  const plan = planStatefulSet(observed, Date.parse('2026-01-01T00:01:00Z'));
  const words = plan.actions.map((action) => {
    if (action.kind === 'createPod' || action.kind === 'deletePod') return `${action.kind} ${action.pod.metadata.name}`;
    return `${action.kind} ${action.claim.metadata.name}`;
  });
  return { ...plan, words };
}

test('an ordinal is read from names of the set only', () => {
  expect(ordinalOf('web', 'web-12')).toBe(12);
  expect(ordinalOf('web', 'web-a')).toBeUndefined();
  expect(ordinalOf('web', 'web-01')).toBeUndefined();
  expect(ordinalOf('web', 'web-2-3')).toBeUndefined();
});

test('Parallel makes all pods at once, each after its claims', () => {
  expect(planOf(setOf(), [], { claims: [claimOf(1)] }).words).toEqual([
    'createClaim data-web-0',
    'createPod web-0',
    'createPod web-1',
    'createClaim data-web-2',
    'createPod web-2',
  ]);
});

test('OrderedReady makes the next pod when the one before is ready, and takes the last away first', () => {
  const set = setOf({ podManagementPolicy: 'OrderedReady' });
  expect(planOf(set, []).words).toEqual(['createPod web-0']);
  expect(planOf(set, [podOf(0, { ready: false })]).words).toEqual([]);
  expect(planOf(set, [podOf(0)]).words).toEqual(['createPod web-1']);
  const smaller = setOf({ podManagementPolicy: 'OrderedReady', replicas: 1 });
  expect(planOf(smaller, [podOf(0), podOf(1), podOf(2)]).words).toEqual(['deletePod web-2']);
  expect(planOf(smaller, [podOf(0), podOf(1), podOf(2, { terminating: true })]).words).toEqual([]);
});

test('ordinals can start elsewhere', () => {
  expect(
    planOf(setOf({ replicas: 2, ordinals: { start: 5 } }), [podOf(0)], { claims: [claimOf(5), claimOf(6)] }).words,
  ).toEqual(['createPod web-5', 'createPod web-6', 'deletePod web-0']);
});

test('OnDelete makes new pods from the new template and deletes none', () => {
  const set = setOf({ updateStrategy: { type: 'OnDelete' } });
  const plan = planOf(set, [podOf(0, { revision: 'web-old' }), podOf(1, { revision: 'web-old' })], {
    current: 'web-old',
  });
  expect(plan.words).toEqual(['createPod web-2']);
  const [created] = plan.actions;
  expect(created?.kind === 'createPod' && created.pod.metadata.labels).toMatchObject({
    app: 'web',
    'controller-revision-hash': 'web-new',
    'apps.kubernetes.io/pod-index': '2',
    'statefulset.kubernetes.io/pod-name': 'web-2',
  });
  expect(plan.status).toMatchObject({
    currentRevision: 'web-old',
    updateRevision: 'web-new',
    updatedReplicas: 0,
    currentReplicas: 2,
  });
});

test('RollingUpdate replaces one pod at a time from the highest, down to the partition, waiting for each', () => {
  const old = { revision: 'web-old' };
  const set = setOf({ updateStrategy: { type: 'RollingUpdate' } });
  expect(planOf(set, [podOf(0, old), podOf(1, old), podOf(2, old)], { current: 'web-old' }).words).toEqual([
    'deletePod web-2',
  ]);
  expect(planOf(set, [podOf(0, old), podOf(1, old), podOf(2, { ready: false })], { current: 'web-old' }).words).toEqual(
    [],
  );
  expect(planOf(set, [podOf(0, old), podOf(1, old), podOf(2)], { current: 'web-old' }).words).toEqual([
    'deletePod web-1',
  ]);
  const partitioned = setOf({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } });
  expect(planOf(partitioned, [podOf(0, old), podOf(1, old), podOf(2)], { current: 'web-old' }).words).toEqual([]);
  const rolledOut = planOf(set, [podOf(0), podOf(1), podOf(2)], { current: 'web-old' });
  expect(rolledOut.status).toMatchObject({ currentRevision: 'web-new', currentReplicas: 3, updatedReplicas: 3 });
});

test('a pod of an old revision that never gets ready does not stop the update that may cure it', () => {
  const set = setOf({ updateStrategy: { type: 'RollingUpdate' } });
  const pods = [
    podOf(0, { revision: 'web-old' }),
    podOf(1, { revision: 'web-old' }),
    podOf(2, { revision: 'web-old', ready: false }),
  ];
  expect(planOf(set, pods, { current: 'web-old' }).words).toEqual(['deletePod web-2']);
});

test('a pod that has come to an end is deleted, and made again when it is gone', () => {
  expect(planOf(setOf(), [podOf(0), podOf(1, { phase: 'Failed', ready: false }), podOf(2)]).words).toEqual([
    'deletePod web-1',
  ]);
});

test('a pod waits for a claim that is going away', () => {
  const going = {
    ...claimOf(0),
    metadata: { ...claimOf(0).metadata, deletionTimestamp: '2026-01-01T00:00:00Z' as never },
  };
  expect(planOf(setOf({ replicas: 1 }), [], { claims: [going] }).words).toEqual([]);
});

test('the retention policy decides who owns a claim', () => {
  const retain = setOf({ persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' } });
  const pods = [podOf(0), podOf(1), podOf(2)];
  expect(planOf(retain, pods).words).toEqual([]);
  const withSet = setOf({ persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' } });
  expect(planOf(withSet, pods).words).toEqual([
    'setClaimOwners data-web-0',
    'setClaimOwners data-web-1',
    'setClaimOwners data-web-2',
  ]);
  expect(planOf(withSet, pods, { claims: [0, 1, 2].map((ordinal) => claimOf(ordinal, 'set-uid')) }).words).toEqual([]);
  const scaled = setOf({
    replicas: 2,
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Delete' },
  });
  const plan = planOf(scaled, pods);
  expect(plan.words).toEqual(['setClaimOwners data-web-2', 'deletePod web-2']);
  expect(plan.actions[0]).toMatchObject({ owners: [{ kind: 'Pod', name: 'web-2', uid: 'pod-2' }] });
});

test('a set that is being deleted does nothing more', () => {
  const set = setOf();
  const going = { ...set, metadata: { ...set.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' as never } };
  expect(planOf(going, []).words).toEqual([]);
});

test('a pod counts as available when it has been ready for minReadySeconds, and the plan says when to look again', () => {
  const set = setOf({ minReadySeconds: 90 });
  const plan = planOf(set, [
    podOf(0, { readySince: '2026-01-01T00:00:30Z' }),
    podOf(1, { readySince: '2025-12-31T00:00:00Z' }),
  ]);
  expect(plan.status).toMatchObject({ readyReplicas: 2, availableReplicas: 1, observedGeneration: 3 });
  expect(plan.lookAgainMs).toBe(60_000);
});

test('a template has one revision, found again after a change and back, and old ones are forgotten beyond the limit', () => {
  const first = updateRevisionOf(setOf(), []);
  expect(first).toMatchObject({ isNew: true, revision: { revision: 1 } });
  expect(updateRevisionOf(setOf(), [first.revision])).toMatchObject({ isNew: false, mustRenumber: false });
  const changed = setOf({ template: { spec: { containers: [{ name: 'main', image: 'b' }] } } });
  const second = updateRevisionOf(changed, [first.revision]);
  expect(second).toMatchObject({ isNew: true, revision: { revision: 2 } });
  const back = updateRevisionOf(setOf(), [first.revision, second.revision]);
  expect(back).toMatchObject({ isNew: false, mustRenumber: true, revision: { revision: 3 } });
  expect(back.revision.metadata.name).toBe(first.revision.metadata.name);
  const limited = setOf({ revisionHistoryLimit: 0 });
  const forgotten = revisionsToForget(
    limited,
    [first.revision, second.revision],
    new Set([second.revision.metadata.name]),
  );
  expect(forgotten.map(({ metadata }) => metadata.name)).toEqual([first.revision.metadata.name]);
});
