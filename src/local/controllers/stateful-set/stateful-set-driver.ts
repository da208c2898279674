import type { Result } from '../../../base/index.ts';
import {
  controllerRevisions,
  createWorkQueue,
  done,
  type KubeProblem,
  keyOf,
  type Next,
  type Pod,
  persistentVolumeClaims,
  pods as podType,
  requeueAfterMs,
  retryBecause,
  type StatefulSet,
  statefulSets,
} from '../../../kube/index.ts';
import { matchesSelector } from '../../label-selectors.ts';
import { controllerUid, isTerminating } from '../../pod-state.ts';
import type { Controller, ControllerDeps } from '../controller.ts';
import { type Action, type NamedTemplate, planStatefulSet, type StatefulSetStatus } from './plan.ts';
import { ordinalOf, revisionLabel } from './pods.ts';
import { canonicalText, ownerReferenceTo, revisionsToForget, templateOf, updateRevisionOf } from './revisions.ts';

/** StatefulSet -> pods, claims, revisions, status. */
export function createStatefulSetController({
  client,
  view,
  recorder,
  clock,
  random,
  logger,
}: ControllerDeps): Controller {
  const sets = view.statefulSets();
  const pods = view.pods();
  const claims = view.claims();
  const revisions = view.revisions();
  const queue = createWorkQueue(
    { name: 'stateful-sets', concurrency: 4, process: reconcile, startWhen: view.synced },
    { clock, random, logger },
  );

  sets.onChange(({ key }) => queue.add(key));
  pods.onChange(({ current, previous }) => {
    for (const pod of [current, previous]) {
      const owner = pod?.metadata.ownerReferences?.find(({ kind }) => kind === 'StatefulSet');
      if (pod !== undefined && owner !== undefined) queue.add(`${pod.metadata.namespace}/${owner.name}`);
    }
    if (current !== undefined && controllerUid(current) === undefined) {
      for (const set of sets.byIndex('namespace', current.metadata.namespace ?? '')) {
        if (ordinalOf(set.metadata.name, current.metadata.name) !== undefined) queue.add(keyOf(set));
      }
    }
  });
  // A claim that is gone may be what a new pod waits for.
  claims.onChange(({ current, previous }) => {
    if (current !== undefined && !isTerminating(current)) return;
    for (const set of sets.byIndex('namespace', previous?.metadata.namespace ?? '')) queue.add(keyOf(set));
  });

  async function reconcile(key: string): Promise<Next> {
    const set = sets.get(key);
    if (set === undefined) return done;
    const adopted = await adopt(set);
    if (!adopted) return retryBecause('a pod could not be adopted');
    const known = await knownRevisions(set);
    if (!known.ok) return retryBecause(known.problem.message);
    const { current, update } = known.value;
    const namespace = set.metadata.namespace ?? '';
    const owned = pods.byIndex('controller', set.metadata.uid ?? '');
    const plan = planStatefulSet(
      {
        set,
        pods: owned,
        claims: new Map(claims.byIndex('namespace', namespace).map((claim) => [claim.metadata.name, claim])),
        currentRevision: current,
        updateRevision: update,
      },
      clock.nowMs(),
    );
    // What was planned from the store before our own last writes came back meets `alreadyExists` or a UID that differs.
    const outcomes = await Promise.all(groupByPod(plan.actions).map((actions) => perform(set, actions)));
    await writeStatus(set, plan.status);
    await forgetRevisions(set, owned, plan.status);
    const failed = outcomes.find((problem) => problem !== undefined);
    if (failed !== undefined) return retryBecause(failed.message);
    return plan.lookAgainMs === undefined ? done : requeueAfterMs(plan.lookAgainMs);
  }

  /** Takes pods of the set's names and labels that nobody controls, e.g. after the set was deleted with `--cascade=orphan` and made again. */
  async function adopt(set: StatefulSet): Promise<boolean> {
    if (isTerminating(set)) return true;
    const orphans = pods
      .byIndex('namespace', set.metadata.namespace ?? '')
      .filter(
        (pod) =>
          controllerUid(pod) === undefined &&
          !isTerminating(pod) &&
          ordinalOf(set.metadata.name, pod.metadata.name) !== undefined &&
          matchesSelector(set.spec?.selector, pod.metadata.labels),
      );
    for (const pod of orphans) {
      const owners = [...(pod.metadata.ownerReferences ?? []), ownerReferenceTo(set)];
      const patch = {
        metadata: { uid: pod.metadata.uid, resourceVersion: pod.metadata.resourceVersion, ownerReferences: owners },
      };
      const answer = await client.mergePatch(podType, pod.metadata, patch);
      if (!answer.ok) return false;
    }
    return true;
  }

  async function knownRevisions(
    set: StatefulSet,
  ): Promise<Result<{ current: NamedTemplate; update: NamedTemplate }, KubeProblem>> {
    const existing = revisions.byIndex('controller', set.metadata.uid ?? '');
    const { revision, isNew, mustRenumber } = updateRevisionOf(set, existing);
    if (isNew) {
      const answer = await client.create(controllerRevisions, revision);
      if (!answer.ok && answer.problem.kind !== 'alreadyExists') return answer;
    } else if (mustRenumber) {
      const answer = await client.mergePatch(controllerRevisions, revision.metadata, { revision: revision.revision });
      if (!answer.ok) return answer;
    }
    const update = { name: revision.metadata.name, template: templateOf(revision) };
    const current = existing.find(({ metadata }) => metadata.name === set.status?.currentRevision);
    return {
      ok: true,
      value: {
        current: current === undefined ? update : { name: current.metadata.name, template: templateOf(current) },
        update,
      },
    };
  }

  /** In order, up to the first problem that is more than a race. */
  async function perform(set: StatefulSet, actions: readonly Action[]): Promise<KubeProblem | undefined> {
    for (const action of actions) {
      const problem = await performOne(set, action);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  async function performOne(set: StatefulSet, action: Action): Promise<KubeProblem | undefined> {
    switch (action.kind) {
      case 'createClaim': {
        const answer = await client.create(persistentVolumeClaims, action.claim);
        return report(set, answer, 'Claim', action.claim.metadata.name);
      }
      case 'createPod': {
        const answer = await client.create(podType, action.pod);
        return report(set, answer, 'Pod', action.pod.metadata.name);
      }
      case 'setClaimOwners': {
        const { uid, resourceVersion } = action.claim.metadata;
        const patch = { metadata: { uid, resourceVersion, ownerReferences: action.owners } };
        const answer = await client.mergePatch(persistentVolumeClaims, action.claim.metadata, patch);
        return answer.ok || answer.problem.kind === 'notFound' ? undefined : answer.problem;
      }
      case 'deletePod': {
        const answer = await client.delete(podType, action.pod.metadata, {
          preconditions: { uid: action.pod.metadata.uid },
        });
        if (answer.ok) {
          recorder.record(set, {
            type: 'Normal',
            reason: 'SuccessfulDelete',
            action: 'Delete',
            note: `deleted pod ${action.pod.metadata.name}: ${action.why}`,
          });
        }
        // Gone, or another pod of the name by now: both are news that are on their way to the store.
        const isRace = !answer.ok && (answer.problem.kind === 'notFound' || answer.problem.kind === 'conflict');
        return answer.ok || isRace ? undefined : answer.problem;
      }
    }
  }

  function report(
    set: StatefulSet,
    answer: Result<unknown, KubeProblem>,
    what: string,
    name: string,
  ): KubeProblem | undefined {
    if (answer.ok) {
      const note = `create ${what} ${name} in StatefulSet ${set.metadata.name} successful`;
      recorder.record(set, { type: 'Normal', reason: 'SuccessfulCreate', action: 'Create', note });
      return undefined;
    }
    if (answer.problem.kind === 'alreadyExists') return undefined;
    const note = `create ${what} ${name} in StatefulSet ${set.metadata.name} failed: ${answer.problem.message}`;
    recorder.record(set, { type: 'Warning', reason: 'FailedCreate', action: 'Create', note });
    return answer.problem;
  }

  async function writeStatus(set: StatefulSet, status: StatefulSetStatus): Promise<void> {
    const { conditions: _, ...before } = set.status ?? {};
    if (canonicalText(before) === canonicalText(status)) return;
    const answer = await client.patchStatus(statefulSets, set.metadata, {
      metadata: { uid: set.metadata.uid },
      status,
    });
    if (!answer.ok && answer.problem.kind !== 'notFound' && answer.problem.kind !== 'conflict')
      queue.addAfter(keyOf(set), 1_000);
  }

  async function forgetRevisions(set: StatefulSet, owned: readonly Pod[], status: StatefulSetStatus): Promise<void> {
    const inUse = new Set(
      [
        status.currentRevision,
        status.updateRevision,
        ...owned.map((pod) => pod.metadata.labels?.[revisionLabel]),
      ].filter((name) => name !== undefined),
    );
    const existing = revisions.byIndex('controller', set.metadata.uid ?? '');
    for (const revision of revisionsToForget(set, existing, inUse)) {
      await client.delete(controllerRevisions, revision.metadata, { preconditions: { uid: revision.metadata.uid } });
    }
  }

  return { name: 'stateful-sets', stop: () => queue.stop() };
}

/** A pod's claims come before it; different pods do not wait for each other. */
function groupByPod(actions: readonly Action[]): Action[][] {
  const groups: Action[][] = [];
  let open: Action[] = [];
  for (const action of actions) {
    open.push(action);
    if (action.kind !== 'createClaim') {
      groups.push(open);
      open = [];
    }
  }
  return open.length === 0 ? groups : [...groups, open];
}
