import {
  createWorkQueue,
  done,
  keyOf,
  type Next,
  type Pod,
  type PodDisruptionBudget,
  podDisruptionBudgets,
  retryBecause,
  timeText,
} from '../../kube/index.ts';
import { matchesSelector } from '../label-selectors.ts';
import { controllerUid, isReady, isTerminating } from '../pod-state.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { canonicalText } from './stateful-set/revisions.ts';

type BudgetStatus = NonNullable<PodDisruptionBudget['status']>;

/**
 * The budget's arithmetic, pure.
 *
 * @param expected  pods that there should be: what the owners' scale says, not what is there now
 * @param healthy   pods that are ready and not terminating
 */
export function budgetNumbers(
  spec: NonNullable<PodDisruptionBudget['spec']>,
  expected: number,
  healthy: number,
): Pick<BudgetStatus, 'expectedPods' | 'currentHealthy' | 'desiredHealthy' | 'disruptionsAllowed'> {
  const share = (value: string | number): number =>
    typeof value === 'number' || /^\d+$/.test(value)
      ? Number(value)
      : Math.ceil((Number.parseFloat(value) / 100) * expected);
  const desired =
    spec.maxUnavailable !== undefined
      ? Math.max(0, expected - share(spec.maxUnavailable))
      : spec.minAvailable !== undefined
        ? share(spec.minAvailable)
        : 1;
  return {
    expectedPods: expected,
    currentHealthy: healthy,
    desiredHealthy: desired,
    disruptionsAllowed: expected === 0 ? 0 : Math.max(0, healthy - desired),
  };
}

/** PodDisruptionBudget -> its status, by which the API server admits evictions. */
export function createDisruptionBudgetController({ client, view, clock, random, logger }: ControllerDeps): Controller {
  const budgets = view.budgets();
  const pods = view.pods();
  const sets = view.statefulSets();
  const queue = createWorkQueue(
    { name: 'disruption-budgets', concurrency: 2, process: reconcile, startWhen: view.synced },
    { clock, random, logger },
  );

  const addAll = (namespace: string | undefined): void => {
    for (const budget of budgets.byIndex('namespace', namespace ?? '')) queue.add(keyOf(budget));
  };
  budgets.onChange(({ key }) => queue.add(key));
  pods.onChange(({ current, previous }) => addAll((current ?? previous)?.metadata.namespace));
  sets.onChange(({ current, previous }) => addAll((current ?? previous)?.metadata.namespace));

  async function reconcile(key: string): Promise<Next> {
    const budget = budgets.get(key);
    if (budget?.spec === undefined) return done;
    const selected = pods
      .byIndex('namespace', budget.metadata.namespace ?? '')
      .filter((pod) => matchesSelector(budget.spec?.selector, pod.metadata.labels));
    const healthy = selected.filter((pod) => isReady(pod) && !isTerminating(pod)).length;
    const numbers = budgetNumbers(budget.spec, expectedPods(selected), healthy);
    const before = budget.status?.conditions?.find(({ type }) => type === 'DisruptionAllowed');
    const isAllowed = (numbers.disruptionsAllowed ?? 0) > 0;
    const condition = {
      type: 'DisruptionAllowed',
      status: isAllowed ? 'True' : 'False',
      reason: isAllowed ? 'SufficientPods' : 'InsufficientPods',
      message: '',
      observedGeneration: budget.metadata.generation,
      lastTransitionTime:
        before !== undefined && before.status === (isAllowed ? 'True' : 'False')
          ? before.lastTransitionTime
          : timeText(clock.nowMs()),
    };
    const status = { ...numbers, observedGeneration: budget.metadata.generation, conditions: [condition] };
    const { disruptedPods: _, ...present } = budget.status ?? {};
    if (canonicalText(present) === canonicalText(status)) return done;
    const answer = await client.patchStatus(podDisruptionBudgets, budget.metadata, {
      metadata: { uid: budget.metadata.uid, resourceVersion: budget.metadata.resourceVersion },
      status,
    });
    if (answer.ok || answer.problem.kind === 'notFound' || answer.problem.kind === 'conflict') return done;
    return retryBecause(answer.problem.message);
  }

  function expectedPods(selected: readonly Pod[]): number {
    const owners = new Set(selected.map(controllerUid));
    let expected = 0;
    for (const uid of owners) {
      const set = uid === undefined ? undefined : sets.list().find(({ metadata }) => metadata.uid === uid);
      expected += set?.spec?.replicas ?? selected.filter((pod) => controllerUid(pod) === uid).length;
    }
    return expected;
  }

  return { name: 'disruption-budgets', stop: () => queue.stop() };
}
