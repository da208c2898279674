/** Makes a KafkaCluster's brokers what its spec asks for: observe, accept, desire, plan, apply, report. */
import { parseKafkaCluster, type Refusal } from '../../api/index.ts';
import { done, type Next, requeueAfterMs, retryBecause } from '../../kube/index.ts';
import { applyPlan } from '../apply/apply.ts';
import { acceptKafkaCluster } from '../desired/accept.ts';
import { desiredKafkaCluster, effectiveConfig } from '../desired/kafka-cluster.ts';
import { type ObservedKafkaCluster, observeKafkaCluster, statefulSetOf } from '../observe/kafka-cluster.ts';
import { kafkaClusters } from '../observe/kinds.ts';
import { outdatedBecause, planKafkaCluster } from '../plan/kafka-cluster.ts';
import { conditionsOf } from '../status/conditions.ts';
import { kafkaClusterFacts } from '../status/kafka-cluster.ts';
import { reportPass } from '../status/report.ts';
import { previousConditions, writeStatus } from '../status/write-status.ts';
import { type Context, settledPeriodMs, waitingPeriodMs } from './context.ts';
import { beginPass, failedBecause, finishPass, heldRefusal, waitingWithReason } from './pass.ts';

export async function reconcileKafkaCluster(key: string, context: Context): Promise<Next> {
  const { cache, clock } = context;
  const cached = cache.kafkaClusters.get(key);
  const raw = cached && context.fresh.newest(cached);
  const { namespace = '', name } = raw?.metadata ?? splitKey(key);
  if (raw === undefined || raw.metadata.deletionTimestamp !== undefined) {
    await context.brokers.forget({ namespace, name });
    return done;
  }
  const begun = await beginPass(raw, kafkaClusters, context);
  if (begun !== undefined) return begun;

  const live = statefulSetOf(cache, namespace, name);
  const parsed = parseKafkaCluster(raw);
  const accepted = parsed.ok
    ? acceptKafkaCluster(parsed.value, live)
    : { effective: undefined, refusals: parsed.problem, warnings: [] };
  const { effective } = accepted;
  const desired = effective && desiredKafkaCluster(effective, { images: context.images, live });
  const observed: ObservedKafkaCluster =
    effective === undefined
      ? nothingObserved
      : await observeKafkaCluster(effective, context, ({ revision }) => revision !== desired?.revision);
  const nowMs = clock.nowMs();
  const plan =
    effective === undefined || desired === undefined
      ? undefined
      : planKafkaCluster(effective, desired, observed, nowMs);
  const outcomes = await applyPlan(plan?.actions ?? [], context);

  const refusals: readonly Refusal[] = [
    ...accepted.refusals,
    ...conflictRefusal(observed.sharesMetadataWith),
    ...[heldRefusal(outcomes)].filter((refusal) => refusal !== undefined),
  ];
  const facts = kafkaClusterFacts(
    raw,
    effective,
    observed,
    effective === undefined || desired === undefined
      ? () => undefined
      : outdatedBecause(effective, desired.revision, observed, nowMs),
  );
  const before = previousConditions(raw);
  const conditions = conditionsOf(
    {
      refusals,
      waiting: failedBecause(outcomes) ?? waitingWithReason(plan?.waiting, outcomes),
      serving: effective === undefined ? '' : `${facts.ready} brokers are ready and registered`,
      configuration: {
        limited: effective === undefined ? [] : effectiveConfig(effective).limited,
        warnings: accepted.warnings,
      },
    },
    { generation: raw.metadata.generation ?? 0, previous: before, nowMs },
  );
  reportPass(raw, { outcomes, refusals, before, after: conditions }, context.events);
  const status = { observedGeneration: raw.metadata.generation ?? 0, conditions, ...facts };
  const written = await writeStatus(raw, status, kafkaClusters, context);
  finishPass('KafkaCluster', outcomes, written, context);
  if (written.problem !== undefined) return retryBecause(written.problem.message);
  const failed = outcomes.find(({ kind }) => kind === 'failed');
  if (failed !== undefined && heldRefusal(outcomes) === undefined) return retryBecause(failed.action.message);
  if (plan?.waiting !== undefined) return requeueAfterMs(plan.lookAgainMs ?? waitingPeriodMs);
  return requeueAfterMs(settledPeriodMs);
}

const splitKey = (key: string): { namespace: string; name: string } => {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
};

/** For a cluster that is refused as a whole: there is nothing of it. */
const nothingObserved: ObservedKafkaCluster = {
  statefulSet: undefined,
  objects: [],
  claims: [],
  pods: [],
  zooKeeper: undefined,
  sharesMetadataWith: undefined,
  brokers: { kind: 'notAsked' },
  underReplicated: undefined,
};

function conflictRefusal(other: string | undefined): Refusal[] {
  if (other === undefined) return [];
  const message =
    `KafkaCluster ${other} was there before and keeps its metadata in the same place; ` +
    'make another ZooKeeper, or give this cluster a chroot of its own';
  return [{ reason: 'CoordinationConflict', field: 'spec.coordination.zooKeeper', message }];
}
