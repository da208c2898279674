/** Makes a ZooKeeper's ensemble what its spec asks for: observe, accept, desire, plan, apply, report. */
import { parseZooKeeper, type Refusal } from '../../api/index.ts';
import { done, type Next, requeueAfterMs, retryBecause } from '../../kube/index.ts';
import { applyPlan } from '../apply/apply.ts';
import { acceptZooKeeper } from '../desired/accept.ts';
import { desiredZooKeeper } from '../desired/zookeeper.ts';
import { zooKeepers } from '../observe/kinds.ts';
import { observeZooKeeper } from '../observe/zookeeper.ts';
import { planZooKeeper } from '../plan/zookeeper.ts';
import { conditionsOf } from '../status/conditions.ts';
import { reportPass } from '../status/report.ts';
import { previousConditions, writeStatus } from '../status/write-status.ts';
import { zooKeeperFacts } from '../status/zookeeper.ts';
import { type Context, settledPeriodMs, waitingPeriodMs } from './context.ts';
import { beginPass, failedBecause, finishPass, heldRefusal } from './pass.ts';

export async function reconcileZooKeeper(key: string, context: Context): Promise<Next> {
  const { cache, clock } = context;
  const cached = cache.zooKeepers.get(key);
  const raw = cached && context.fresh.newest(cached);
  if (raw === undefined || raw.metadata.deletionTimestamp !== undefined) return done;
  const begun = await beginPass(raw, zooKeepers, context);
  if (begun !== undefined) return begun;

  const { name, namespace = '' } = raw.metadata;
  const observed = await observeZooKeeper({ namespace, name }, context);
  const parsed = parseZooKeeper(raw);
  const accepted = parsed.ok
    ? acceptZooKeeper(parsed.value, observed.statefulSet)
    : { effective: undefined, refusals: parsed.problem, warnings: [] };
  const { effective } = accepted;
  const desired =
    effective && desiredZooKeeper(effective, { image: context.images.embedded, live: observed.statefulSet });
  const plan =
    effective === undefined || desired === undefined ? undefined : planZooKeeper(effective, desired, observed);
  const outcomes = await applyPlan(plan?.actions ?? [], context);

  const held = heldRefusal(outcomes);
  const refusals: readonly Refusal[] = held === undefined ? accepted.refusals : [...accepted.refusals, held];
  const facts = zooKeeperFacts(raw, effective, observed);
  const before = previousConditions(raw);
  const conditions = conditionsOf(
    {
      refusals,
      waiting: failedBecause(outcomes) ?? plan?.waiting,
      serving: effective === undefined ? '' : `${facts.ready} servers are ready`,
      configuration: { limited: [], warnings: accepted.warnings },
    },
    { generation: raw.metadata.generation ?? 0, previous: before, nowMs: clock.nowMs() },
  );
  reportPass(raw, { outcomes, refusals, before, after: conditions }, context.events);
  const status = { observedGeneration: raw.metadata.generation ?? 0, conditions, ...facts };
  const written = await writeStatus(raw, status, zooKeepers, context);
  finishPass('ZooKeeper', outcomes, written, context);
  if (written.problem !== undefined) return retryBecause(written.problem.message);
  const failed = outcomes.find(({ kind }) => kind === 'failed');
  if (failed !== undefined && held === undefined) return retryBecause(failed.action.message);
  if (plan?.waiting !== undefined) return requeueAfterMs(plan.lookAgainMs ?? waitingPeriodMs);
  return requeueAfterMs(settledPeriodMs);
}
