import type { Api, Call } from '../api.ts';
import { fieldAt, isObject, type JsonObject, type KubeObject } from '../object.ts';
import { labelsMatch } from '../selectors.ts';
import { notFound, Refusal } from '../status.ts';
import { storeKey } from '../store/store.ts';
import { deleteOptions, removeObject } from './remove.ts';
import type { Written } from './write.ts';

const budgetsBucket = 'poddisruptionbudgets.policy';
const success: KubeObject = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

/** Deletes a pod unless a budget that covers it allows no disruption now: then 429, and the client tries again. */
export function evict(api: Api, call: Call, body: unknown): Written {
  const pod = api.store.get('pods', storeKey(call.namespace, call.name as string));
  if (pod === undefined) throw notFound(call.resource, call.name as string);
  const options = deleteOptions(call, isObject(body) ? body.deleteOptions : undefined);
  const phase = fieldAt(pod, ['status', 'phase']);
  const ended = phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending';
  const budgets = ended || pod.metadata.deletionTimestamp !== undefined ? [] : budgetsOf(api, pod);
  if (budgets.length > 1) {
    throw new Refusal(
      'InternalError',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const [budget] = budgets;
  if (budget !== undefined) takeDisruption(api, budget, pod, options.dryRun);
  removeObject(api, call.resource, pod, options);
  return { code: 201, object: success };
}

function budgetsOf(api: Api, pod: KubeObject): KubeObject[] {
  return api.store.list(budgetsBucket, pod.metadata.namespace).filter((budget) => {
    const selector = fieldAt(budget, ['spec', 'selector']);
    return isObject(selector) && labelsMatch(selector, pod.metadata.labels ?? {});
  });
}

function takeDisruption(api: Api, budget: KubeObject, pod: KubeObject, dryRun: boolean): void {
  const status = (budget.status ?? {}) as JsonObject;
  const name = budget.metadata.name as string;
  const refuse = (message: string): Refusal =>
    new Refusal('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
      causes: [{ reason: 'DisruptionBudget', message }],
    });
  if (Number(status.observedGeneration ?? 0) < Number(budget.metadata.generation ?? 0)) {
    throw refuse(`The disruption budget ${name} is still being processed by the server.`);
  }
  const allowed = Number(status.disruptionsAllowed ?? 0);
  if (allowed <= 0) {
    throw refuse(
      `The disruption budget ${name} needs ${status.desiredHealthy ?? 0} healthy pods and has ${status.currentHealthy ?? 0} currently`,
    );
  }
  if (dryRun) return;
  const disruptedPods = { ...((status.disruptedPods ?? {}) as JsonObject) };
  disruptedPods[pod.metadata.name as string] = new Date(api.clock.nowMs()).toISOString().replace(/\.\d+/, '');
  const next = { ...budget, status: { ...status, disruptionsAllowed: allowed - 1, disruptedPods } };
  api.store.put(budgetsBucket, storeKey(budget.metadata.namespace, name), next);
}
