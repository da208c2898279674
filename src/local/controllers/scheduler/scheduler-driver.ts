import {
  createWorkQueue,
  done,
  keyOf,
  type Next,
  type PersistentVolumeClaim,
  type Pod,
  persistentVolumeClaims,
  pods as podType,
  requeueAfterMs,
  retryBecause,
  type StorageClass,
} from '../../../kube/index.ts';
import { claimNamesOf, isTerminating } from '../../pod-state.ts';
import type { Controller, ControllerDeps } from '../controller.ts';
import { defaultClassAnnotation, selectedNodeAnnotation, waitsForConsumer } from '../volumes/claims.ts';
import { chooseNode } from './choose-node.ts';

/** Binders and the StatefulSet controller need a moment: only what is still missing after it is a failure to tell. */
const settleMs = 1_000;
/** A pod that fits nowhere is looked at again when nodes, pods or claims change, and at least so often. */
const retryUnschedulableMs = 5_000;
const copiedNodeLabels = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** Pod without a node -> binding to a node. One pod at a time, so that each decision sees the one before. */
export function createScheduler({ client, view, recorder, clock, random, logger }: ControllerDeps): Controller {
  const pods = view.pods();
  const nodes = view.nodes();
  const claims = view.claims();
  const volumes = view.volumes();
  const classes = view.storageClasses();
  /** Decisions that are not bindings in the store yet: written ones, and ones that wait for their volumes. */
  const assumed = new Map<string, { readonly uid: string | undefined; readonly node: string }>();
  const queue = createWorkQueue(
    { name: 'scheduler', concurrency: 1, process: schedule, startWhen: view.synced },
    { clock, random, logger },
  );
  const waitsForNode = (pod: Pod): boolean =>
    pod.spec?.nodeName === undefined &&
    !isTerminating(pod) &&
    (pod.spec?.schedulingGates ?? []).length === 0 &&
    (pod.spec?.schedulerName ?? 'default-scheduler') === 'default-scheduler';

  pods.onChange(({ key, current }) => {
    if (current?.spec?.nodeName !== undefined || current === undefined) assumed.delete(key);
    if (current !== undefined && waitsForNode(current)) queue.add(key);
    if (current === undefined) lookAtAll();
  });
  nodes.onChange(({ current, previous }) => {
    const fingerprint = (node: typeof current): string =>
      JSON.stringify([
        node?.metadata.labels,
        node?.spec,
        node?.status?.conditions?.map(({ type, status }) => [type, status]),
      ]);
    if (fingerprint(current) !== fingerprint(previous)) lookAtAll();
  });
  claims.onChange(({ key }) => {
    for (const pod of pods.byIndex('claim', key)) if (waitsForNode(pod)) queue.add(keyOf(pod));
  });

  function lookAtAll(): void {
    for (const pod of pods.byIndex('node', '')) if (waitsForNode(pod)) queue.add(keyOf(pod));
  }

  async function schedule(key: string): Promise<Next> {
    const pod = pods.get(key);
    if (pod === undefined || !waitsForNode(pod)) return done;
    const podClaims = claimNamesOf(pod).map((name) => ({
      name,
      claim: claims.get(`${pod.metadata.namespace}/${name}`),
    }));
    const missing = podClaims.find(({ claim }) => claim === undefined);
    if (missing !== undefined) {
      return unschedulable(pod, `persistentvolumeclaim "${missing.name}" not found`);
    }
    const bound = podClaims.flatMap(({ claim }) =>
      claim?.spec?.volumeName === undefined ? [] : [claim.spec.volumeName],
    );
    const unbound = podClaims.flatMap(({ claim }) =>
      claim !== undefined && claim.status?.phase !== 'Bound' ? [claim] : [],
    );
    if (unbound.some((claim) => !waitsForConsumer(claim, storageClassOf(claim)))) {
      return unschedulable(pod, 'pod has unbound immediate PersistentVolumeClaims');
    }
    const choice = chooseNode(pod, {
      nodes: nodes.list(),
      pods: pods
        .list()
        .filter((other) => other.metadata.uid !== pod.metadata.uid)
        .map(withAssumedNode),
      volumes: bound.flatMap((name) => volumes.get(name) ?? []),
    });
    if (choice.kind === 'none') return unschedulable(pod, choice.message);
    if (unbound.length > 0) {
      // The binder makes the volumes for this node; their binding wakes us again.
      assumed.set(key, { uid: pod.metadata.uid, node: choice.node });
      for (const claim of unbound) {
        if (claim.metadata.annotations?.[selectedNodeAnnotation] !== undefined) continue;
        const patch = { metadata: { annotations: { [selectedNodeAnnotation]: choice.node } } };
        const answer = await client.mergePatch(persistentVolumeClaims, claim.metadata, patch);
        if (!answer.ok) return retryBecause(answer.problem.message);
      }
      return requeueAfterMs(retryUnschedulableMs);
    }
    return bind(pod, choice.node);
  }

  function storageClassOf(claim: PersistentVolumeClaim): StorageClass | undefined {
    const name = claim.spec?.storageClassName;
    if (name !== undefined) return classes.get(name);
    return classes.list().find(({ metadata }) => metadata.annotations?.[defaultClassAnnotation] === 'true');
  }

  /** As if the decision about the pod were in its spec already. */
  function withAssumedNode(pod: Pod): Pod {
    if (pod.spec === undefined || pod.spec.nodeName !== undefined) return pod;
    const decided = assumed.get(keyOf(pod));
    const node =
      decided?.uid === pod.metadata.uid
        ? decided?.node
        : claimNamesOf(pod)
            .map(
              (name) => claims.get(`${pod.metadata.namespace}/${name}`)?.metadata.annotations?.[selectedNodeAnnotation],
            )
            .find((name) => name !== undefined);
    return node === undefined ? pod : { ...pod, spec: { ...pod.spec, nodeName: node } };
  }

  async function bind(pod: Pod, node: string): Promise<Next> {
    const nodeLabels = nodes.get(node)?.metadata.labels ?? {};
    const copied = Object.fromEntries(
      copiedNodeLabels.flatMap((label) => (nodeLabels[label] === undefined ? [] : [[label, nodeLabels[label]]])),
    );
    // Kubernetes 1.35 copies these at binding; before it, so that they are there when the pod starts.
    const labelled = await client.mergePatch(podType, pod.metadata, {
      metadata: { uid: pod.metadata.uid, labels: copied },
    });
    if (!labelled.ok) return labelled.problem.kind === 'notFound' ? done : retryBecause(labelled.problem.message);
    const { name, namespace, uid } = pod.metadata;
    const answer = await client.createSubresource(podType, pod.metadata, 'binding', {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    });
    if (!answer.ok) {
      const isRace = answer.problem.kind === 'notFound' || answer.problem.kind === 'conflict';
      return isRace ? done : retryBecause(answer.problem.message);
    }
    assumed.set(keyOf(pod), { uid, node });
    const note = `Successfully assigned ${keyOf(pod)} to ${node}`;
    recorder.record(pod, { type: 'Normal', reason: 'Scheduled', action: 'Binding', note });
    return done;
  }

  async function unschedulable(pod: Pod, message: string): Promise<Next> {
    const ageMs = clock.nowMs() - Date.parse(String(pod.metadata.creationTimestamp));
    if (ageMs < settleMs) return requeueAfterMs(settleMs / 4);
    const before = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    if (before?.status !== 'False' || before.message !== message) {
      recorder.record(pod, { type: 'Warning', reason: 'FailedScheduling', action: 'Scheduling', note: message });
      const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
      const condition = {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message,
        lastTransitionTime: new Date(clock.nowMs()).toISOString().replace(/\.\d+/, ''),
      };
      await client.patchStatus(podType, pod.metadata, {
        metadata: { uid: pod.metadata.uid },
        status: { phase: 'Pending', conditions: [...others, condition] },
      });
    }
    return requeueAfterMs(retryUnschedulableMs);
  }

  return { name: 'scheduler', stop: () => queue.stop() };
}
