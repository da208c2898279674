/** The only writes to objects (and, through `change-members.ts`, to ensembles): one by one, in the order of the plan, each by server-side apply or with a precondition. */
import { assert, type Logger } from '../../base/index.ts';
import { type Applied, type KubeClient, type KubeObject, type KubeProblem, pods } from '../../kube/index.ts';
import type { Action } from '../plan/action.ts';

export const fieldManager = 'hikube-kafka-operator';

export type ActionOutcome =
  | { readonly kind: 'done'; readonly action: Action }
  /** Something is not as the plan thought, e.g. another pod is down; the next pass decides again. */
  | { readonly kind: 'skipped'; readonly action: Action; readonly because: string }
  | { readonly kind: 'failed'; readonly action: Action; readonly problem: KubeProblem };

/** @param changeMembers  needed for plans of ensembles: answers why a step was not done */
export async function applyPlan(
  actions: readonly Action[],
  { client, logger }: { readonly client: KubeClient; readonly logger: Logger },
  changeMembers?: (action: Extract<Action, { kind: 'changeMembers' }>) => Promise<string | undefined>,
): Promise<readonly ActionOutcome[]> {
  const outcomes: ActionOutcome[] = [];
  for (const action of actions) {
    const outcome = await applyAction(action, client, changeMembers);
    const { reason, message } = action;
    if (outcome.kind === 'done') logger.info({ action: action.kind, reason }, message);
    else if (outcome.kind === 'skipped')
      logger.info({ action: action.kind, reason, because: outcome.because }, 'not now');
    else logger.warn({ action: action.kind, reason, problem: outcome.problem }, 'an action failed');
    outcomes.push(outcome);
    // What follows may rest on what failed: a StatefulSet on its ConfigMap.
    if (outcome.kind === 'failed' || (outcome.kind === 'skipped' && action.kind === 'create')) break;
  }
  return outcomes;
}

async function applyAction(
  action: Action,
  client: KubeClient,
  changeMembers: Parameters<typeof applyPlan>[2],
): Promise<ActionOutcome> {
  switch (action.kind) {
    case 'create': {
      const { type, object } = action.desired;
      const answer = await client.create(type, object, { fieldManager });
      if (!answer.ok && answer.problem.kind === 'alreadyExists') {
        return { kind: 'skipped', action, because: answer.problem.message };
      }
      return outcomeOf(action, answer);
    }
    case 'changeMembers': {
      assert(changeMembers !== undefined, 'a plan that changes members is applied with the means to do it');
      const because = await changeMembers(action);
      return because === undefined ? { kind: 'done', action } : { kind: 'skipped', action, because };
    }
    case 'apply': {
      const { type, object } = action.desired;
      const answer = await client.serverSideApply(type, object as Applied<KubeObject>, { fieldManager, force: true });
      return outcomeOf(action, answer);
    }
    case 'delete': {
      const answer = await client.delete(action.type, action.key, { preconditions: { uid: action.uid } });
      return outcomeOf(action, answer);
    }
    case 'annotatePod': {
      const { namespace, name, uid } = action.pod;
      const patch = { metadata: { uid, annotations: action.annotations } };
      return outcomeOf(action, await client.mergePatch(pods, { namespace, name }, patch, { fieldManager }));
    }
    case 'restartPod':
      return restartPod(action, client);
  }
}

function outcomeOf(
  action: Action,
  answer: { readonly ok: true } | { readonly ok: false; readonly problem: KubeProblem },
): ActionOutcome {
  if (answer.ok) return { kind: 'done', action };
  const { problem } = answer;
  // Gone, or another one of that name: the plan was made from an older state.
  if ((problem.kind === 'notFound' || problem.kind === 'conflict') && action.kind !== 'apply') {
    return { kind: 'skipped', action, because: problem.message };
  }
  return { kind: 'failed', action, problem };
}

/**
 * Looks at the pods once more, live: what the watch said may be old, and two pods must never be down together. A pod that
 * serves is evicted, so that the disruption budget decides between us and somebody who drains a node at this moment.
 */
async function restartPod(action: Extract<Action, { kind: 'restartPod' }>, client: KubeClient): Promise<ActionOutcome> {
  const { namespace, name, uid } = action.pod;
  const live = await client.list(pods, { namespace, labelSelector: action.selector });
  if (!live.ok) return { kind: 'failed', action, problem: live.problem };
  const isUp = (wanted: string): boolean =>
    live.value.items.some(
      ({ metadata, status }) =>
        metadata.name === wanted &&
        metadata.deletionTimestamp === undefined &&
        (status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    );
  const down = action.together.filter((each) => !isUp(each));
  if (action.isDown ? !down.includes(name) : down.length > 0) {
    return { kind: 'skipped', action, because: action.isDown ? `${name} is up again` : `${down.join(', ')} is down` };
  }
  const options = { preconditions: { uid } };
  // A budget also counts pods that nobody depends on yet, as servers that have still to join: they hold up no restart.
  const isCountedDown = live.value.items.some(({ metadata }) => !isUp(metadata.name));
  if (action.isDown || isCountedDown) {
    return outcomeOf(action, await client.delete(pods, { namespace, name }, options));
  }
  const answer = await client.evict({ namespace, name }, options);
  if (!answer.ok && answer.problem.kind === 'tooManyRequests') {
    return { kind: 'skipped', action, because: 'its disruption budget does not allow it yet' };
  }
  return outcomeOf(action, answer);
}
