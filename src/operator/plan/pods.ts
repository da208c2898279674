import type { StatefulSet } from '../../kube/index.ts';
import { annotations } from '../desired/names.ts';
import type { ObservedPod } from '../observe/pods.ts';
import type { Action, PodReference, Why } from './action.ts';

/** What a rack is called on a node without a zone: all brokers have one, or none can place replicas. */
export const unknownZone = 'unknown';

export type RestartInput = {
  readonly pods: readonly ObservedPod[];
  /** Pods that there should be, by name, in the order of their numbers. */
  readonly expected: readonly string[];
  readonly selector: string;
  /** Why a pod must be restarted; undefined: it need not. */
  readonly outdatedBecause: (pod: ObservedPod) => string | undefined;
  /** Restarted after all others: the broker that is the controller, the server that leads. */
  readonly last: string | undefined;
  /** Why no pod that serves may be restarted now, e.g. a broker that is not registered; undefined: one may. */
  readonly heldBack: Why | undefined;
};

/** The StatefulSet controller has not seen the newest template: a pod deleted now would come back as it was. */
export function isBehind(statefulSet: StatefulSet | undefined): boolean {
  const seen = statefulSet?.status?.observedGeneration;
  const is = statefulSet?.metadata.generation;
  return seen !== undefined && is !== undefined && seen < is;
}

const referenceTo = ({ namespace, name, uid }: ObservedPod): PodReference => ({ namespace, name, uid });

/**
 * Which pod to restart now: never two at once, and only while all others serve. One that is outdated and down goes
 * first, as nothing is lost: this is also how a bad change is taken back.
 */
export function planRestart(input: RestartInput): { action: Action | undefined; waiting: Why | undefined } {
  const { pods, expected, selector, outdatedBecause, last, heldBack } = input;
  const outdated = pods.filter((pod) => !pod.terminating && outdatedBecause(pod) !== undefined);
  if (outdated.length === 0) return { action: undefined, waiting: undefined };
  const left = outdated.length === 1 ? '1 pod' : `${outdated.length} pods`;
  const restart = (pod: ObservedPod, isDown: boolean) => {
    const message = `restarting ${pod.name} because ${outdatedBecause(pod)}; ${left} left`;
    const why = { reason: 'RestartingPods', message } as const;
    const action: Action = {
      kind: 'restartPod',
      pod: referenceTo(pod),
      together: expected,
      isDown,
      selector,
      ...why,
    };
    return { action, waiting: why };
  };

  const terminating = pods.find((pod) => pod.terminating);
  const waitingFor = (message: string): Why => ({
    reason: 'RestartingPods',
    message: `${left} to restart; ${message}`,
  });
  if (terminating !== undefined) {
    return { action: undefined, waiting: waitingFor(`waiting for ${terminating.name} to end`) };
  }
  const outdatedAndDown = outdated.find((pod) => !pod.ready);
  if (outdatedAndDown !== undefined) return restart(outdatedAndDown, true);
  const missing = expected.find((name) => !pods.some((pod) => pod.name === name && pod.ready));
  if (missing !== undefined) return { action: undefined, waiting: waitingFor(`waiting for ${missing} to be ready`) };
  if (heldBack !== undefined) return { action: undefined, waiting: waitingFor(heldBack.message) };

  const inOrder = outdated.toSorted((a, b) => Number(a.name === last) - Number(b.name === last) || a.index - b.index);
  const [first] = inOrder;
  return first === undefined ? { action: undefined, waiting: undefined } : restart(first, false);
}

/**
 * What a broker must be told with its pod, once it is known: its rack, and where it is reached from outside. Written
 * once in a pod's life; the broker waits for it, and a change means a restart.
 *
 * @param advertised  by the pod's number; undefined: not known yet; `none`: the broker does not ask
 */
export function planPodInputs(
  pods: readonly ObservedPod[],
  advertised: (index: number) => string | 'none' | undefined,
): Action[] {
  return pods.flatMap((pod): Action[] => {
    if (pod.node === undefined || pod.terminating) return [];
    const listeners = advertised(pod.index);
    const wanted: Record<string, string> = {};
    if (pod.zoneAnnotation === undefined) wanted[annotations.zone] = pod.zone ?? unknownZone;
    if (pod.advertisedListeners === undefined && listeners !== undefined && listeners !== 'none') {
      wanted[annotations.advertisedListeners] = listeners;
    }
    if (Object.keys(wanted).length === 0) return [];
    const told = Object.values(wanted).join(', ');
    const message = `telling ${pod.name} where it is: ${told}`;
    return [{ kind: 'annotatePod', pod: referenceTo(pod), annotations: wanted, reason: 'WaitingForPods', message }];
  });
}
