import { isObject, type JsonObject, type KubeObject, sameJson } from '../object.ts';
import { type FieldError, fieldError } from '../status.ts';
import { defaultPodSpec, defaultRequests, fill, podSpecErrors } from './pod-template.ts';
import type { KindRules } from './resource.ts';

const specOf = (object: KubeObject): JsonObject => (isObject(object.spec) ? object.spec : {});

const notReadySeconds = 300;

function toleratedByDefault(spec: JsonObject): void {
  const tolerations = Array.isArray(spec.tolerations) ? spec.tolerations.filter(isObject) : [];
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    const covered = tolerations.some(
      (toleration) =>
        (toleration.key === key || toleration.key === undefined) &&
        (toleration.effect === 'NoExecute' || toleration.effect === undefined),
    );
    if (!covered)
      tolerations.push({ effect: 'NoExecute', key, operator: 'Exists', tolerationSeconds: notReadySeconds });
  }
  spec.tolerations = tolerations;
}

/** Guaranteed, Burstable or BestEffort, by what the containers ask for. */
function qosClass(spec: JsonObject): string {
  const containers = ['initContainers', 'containers'].flatMap((list) =>
    Array.isArray(spec[list]) ? (spec[list] as unknown[]).filter(isObject) : [],
  );
  let any = false;
  let guaranteed = true;
  for (const container of containers) {
    const { requests, limits } = (container.resources ?? {}) as { requests?: JsonObject; limits?: JsonObject };
    for (const resource of ['cpu', 'memory']) {
      if (requests?.[resource] !== undefined || limits?.[resource] !== undefined) any = true;
      if (limits?.[resource] === undefined || !sameJson(requests?.[resource], limits[resource])) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** What may change in the spec of a pod that is there. */
function unchangeable(spec: JsonObject): JsonObject {
  const { activeDeadlineSeconds: _a, tolerations: _t, terminationGracePeriodSeconds: _g, nodeName: _n, ...rest } = spec;
  const withoutImages = (list: unknown): unknown =>
    Array.isArray(list)
      ? list.map((container) => (isObject(container) ? { ...container, image: '' } : container))
      : list;
  return {
    ...rest,
    containers: withoutImages(rest.containers) as JsonObject,
    initContainers: withoutImages(rest.initContainers) as JsonObject,
  };
}

const changeable =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

export const podRules: KindRules = {
  generation: true,
  defaults: (pod) => {
    const spec = specOf(pod);
    pod.spec = spec;
    fill(spec, 'enableServiceLinks', true);
    defaultPodSpec(spec);
    defaultRequests(spec);
  },
  prepareCreate: (pod) => {
    const spec = specOf(pod);
    fill(spec, 'priority', 0);
    fill(spec, 'preemptionPolicy', 'PreemptLowerPriority');
    fill(spec, 'serviceAccountName', 'default');
    fill(spec, 'serviceAccount', spec.serviceAccountName);
    toleratedByDefault(spec);
    pod.status = { phase: 'Pending', qosClass: qosClass(spec) };
    return undefined;
  },
  validate: (pod) => podSpecErrors(specOf(pod), 'spec'),
  validateUpdate: (pod, old): FieldError[] =>
    sameJson(unchangeable(specOf(pod)), unchangeable(specOf(old))) ? [] : [fieldError.forbidden('spec', changeable)],
};
