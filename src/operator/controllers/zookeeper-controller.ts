/** Makes a ZooKeeper's ensemble what its spec asks for: observe, accept, desire, plan, apply, report. */
import { type Condition, parseZooKeeper, type Refusal, type ZooKeeperStatus } from '../../api/index.ts';
import { done, type Next, requeueAfterMs, retryBecause } from '../../kube/index.ts';
import { applyPlan } from '../apply/apply.ts';
import { changeMembers } from '../apply/change-members.ts';
import { acceptZooKeeper } from '../desired/accept.ts';
import { type SuperUser, superUserOf } from '../desired/super-user.ts';
import { desiredZooKeeper } from '../desired/zookeeper.ts';
import { zooKeepers } from '../observe/kinds.ts';
import { observeZooKeeper, type SuperUserView } from '../observe/zookeeper.ts';
import type { Plan, Why } from '../plan/action.ts';
import { ensembleView, serverCountOf } from '../plan/membership.ts';
import { planZooKeeper, serverOutdatedBecause, type ZooKeeperPlanInput } from '../plan/zookeeper.ts';
import { conditionsOf } from '../status/conditions.ts';
import { reportPass } from '../status/report.ts';
import { previousConditions, writeStatus } from '../status/write-status.ts';
import { isFounded, zooKeeperFacts } from '../status/zookeeper.ts';
import { type Context, settledPeriodMs, waitingPeriodMs } from './context.ts';
import { beginPass, failedBecause, finishPass, heldRefusal, waitingWithReason } from './pass.ts';

export async function reconcileZooKeeper(key: string, context: Context): Promise<Next> {
  const { cache, clock } = context;
  const cached = cache.zooKeepers.get(key);
  const raw = cached && context.fresh.newest(cached);
  if (raw === undefined || raw.metadata.deletionTimestamp !== undefined) return done;
  const begun = await beginPass(raw, zooKeepers, context);
  if (begun !== undefined) return begun;

  const { name, namespace = '' } = raw.metadata;
  const observed = await observeZooKeeper({ namespace, name }, context);
  const { statefulSet: live } = observed;
  const parsed = parseZooKeeper(raw);
  const accepted = parsed.ok
    ? acceptZooKeeper(parsed.value, live)
    : { effective: undefined, refusals: parsed.problem, warnings: [] };
  const { effective: ensemble } = accepted;
  const superUser = superUserFrom(observed.superUser, context);
  const resource = { metadata: raw.metadata, status: (raw.status ?? {}) as ZooKeeperStatus };
  const view = ensembleView(observed.servers);
  let input: ZooKeeperPlanInput | undefined;
  if (ensemble !== undefined && superUser !== undefined) {
    const founded = isFounded(resource);
    const asked = ensemble.spec.replicas;
    const serverCount = serverCountOf({ asked, live: live?.spec?.replicas, view, isFounded: founded });
    const desired = desiredZooKeeper(ensemble, { image: context.images.embedded, live, serverCount, superUser });
    input = { ensemble, desired, observed, view, serverCount, isFounded: founded };
  }
  const plan = input && planZooKeeper(input);
  const outcomes = await applyPlan(plan?.actions ?? [], context, async (action) =>
    superUser === undefined ? 'there is no password' : changeMembers(action, superUser, context),
  );

  const held = heldRefusal(outcomes);
  const refusals: readonly Refusal[] = held === undefined ? accepted.refusals : [...accepted.refusals, held];
  const waiting =
    failedBecause(outcomes) ?? secretProblem(observed.superUser) ?? waitingWithReason(plan?.waiting, outcomes);
  const facts = zooKeeperFacts(
    resource,
    ensemble,
    observed,
    view,
    input === undefined ? () => undefined : serverOutdatedBecause(input),
    waiting,
  );
  const before = previousConditions(raw);
  const conditions = conditionsOf(
    {
      refusals,
      waiting,
      serving: ensemble === undefined ? '' : `${facts.ready} servers are ready${leadText(facts)}`,
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
  if (waiting === undefined) return requeueAfterMs(settledPeriodMs);
  return requeueAfterMs(waitMs(plan, conditions, clock.nowMs()));
}

/** Undefined: there is a Secret, and it cannot be used. */
function superUserFrom(view: SuperUserView, { newPassword }: Context): SuperUser | undefined {
  if (view.kind === 'unreadable') return undefined;
  return view.kind === 'known' ? view.user : superUserOf(newPassword());
}

const secretProblem = (view: SuperUserView): Why | undefined =>
  view.kind === 'unreadable' ? { reason: 'ApiError', message: view.sentence } : undefined;

const leadText = ({ leader }: ZooKeeperStatus): string => (leader === undefined ? '' : `, ${leader} leads`);

/** What takes long is looked at less often: nobody watches a server that cannot be scheduled. */
const patienceMs = 60_000;

function waitMs(plan: Plan | undefined, conditions: readonly Condition[], nowMs: number): number {
  const soonMs = plan?.lookAgainMs ?? waitingPeriodMs;
  const since = conditions.find(({ type }) => type === 'Reconciling')?.lastTransitionTime;
  const isLong = since !== undefined && nowMs - Date.parse(since) > patienceMs;
  const didChange = plan?.actions.some(({ kind }) => kind === 'changeMembers') === true;
  return isLong && !didChange ? Math.max(soonMs, waitingPeriodMs) : soonMs;
}
