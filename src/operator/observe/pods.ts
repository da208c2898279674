import type { Node, Pod } from '../../kube/index.ts';
import { annotations } from '../desired/names.ts';

/** A pod of a StatefulSet as decisions need it. */
export type ObservedPod = {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** The number at the end of its name: the broker's id. */
  readonly index: number;
  readonly ready: boolean;
  readonly terminating: boolean;
  /** The node it runs or will run on; undefined while it is not scheduled. */
  readonly node: string | undefined;
  /** The node's zone; undefined if the node has none or is not known. */
  readonly zone: string | undefined;
  readonly revision: string | undefined;
  /** How many servers stood in the file that it was started with; only pods of ensembles have it. */
  readonly servers: number | undefined;
  readonly advertisedListeners: string | undefined;
  /** What its rack was set to, once. */
  readonly zoneAnnotation: string | undefined;
  /** Why it is not ready, in the words of Kubernetes; undefined if there is nothing to say. */
  readonly trouble: string | undefined;
};

export function observedPod(pod: Pod, nodeOf: (name: string) => Node | undefined, zoneKey: string): ObservedPod {
  const node = pod.spec?.nodeName;
  const conditions = pod.status?.conditions ?? [];
  const servers = pod.metadata.annotations?.[annotations.servers];
  return {
    name: pod.metadata.name,
    namespace: pod.metadata.namespace ?? '',
    uid: pod.metadata.uid ?? '',
    index: Number(/-(\d+)$/.exec(pod.metadata.name)?.[1] ?? -1),
    ready: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    terminating: pod.metadata.deletionTimestamp !== undefined,
    node,
    zone: node === undefined ? undefined : nodeOf(node)?.metadata.labels?.[zoneKey],
    revision: pod.metadata.annotations?.[annotations.revision],
    servers: servers === undefined ? undefined : Number(servers),
    advertisedListeners: pod.metadata.annotations?.[annotations.advertisedListeners],
    zoneAnnotation: pod.metadata.annotations?.[annotations.zone],
    trouble: troubleOf(pod),
  };
}

function troubleOf(pod: Pod): string | undefined {
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled !== undefined) return unscheduled.message ?? 'it has no node yet';
  for (const { state, restartCount } of pod.status?.containerStatuses ?? []) {
    const waiting = state?.waiting;
    if (waiting?.reason !== undefined && waiting.reason !== 'ContainerCreating') {
      const restarts = restartCount > 0 ? `, restarted ${restartCount} times` : '';
      return `${waiting.reason}${waiting.message === undefined ? '' : `: ${waiting.message}`}${restarts}`;
    }
  }
  return undefined;
}
