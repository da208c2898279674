/** What the passes of all controllers begin and end with. */
import type { Refusal } from '../../api/index.ts';
import { done, type Next, type ResourceType, retryBecause } from '../../kube/index.ts';
import type { ActionOutcome } from '../apply/apply.ts';
import { annotations } from '../desired/names.ts';
import type { RawObject } from '../observe/kinds.ts';
import type { Why } from '../plan/action.ts';
import { conditionsOf, firstSight, pausedConditions } from '../status/conditions.ts';
import { count } from '../status/counters.ts';
import { reportTransition } from '../status/report.ts';
import { previousConditions, writeStatus } from '../status/write-status.ts';
import type { Context } from './context.ts';

/**
 * Says that a new resource is seen, and stops at one that is paused.
 *
 * @returns how the pass ends here already; undefined: it goes on
 */
export async function beginPass(
  raw: RawObject,
  type: ResourceType<RawObject>,
  context: Context,
): Promise<Next | undefined> {
  const before = previousConditions(raw);
  const at = { generation: raw.metadata.generation ?? 0, previous: before, nowMs: context.clock.nowMs() };
  const status = (raw.status ?? {}) as object;
  if (raw.metadata.annotations?.[annotations.pause] === 'true') {
    const conditions = pausedConditions(at);
    const written = await writeStatus(raw, { ...status, conditions }, type, context);
    reportTransition(raw, before, conditions, context.events);
    return written.problem === undefined ? done : retryBecause(written.problem.message);
  }
  if (before.some(({ type: known }) => known === 'Ready')) return undefined;
  const conditions = conditionsOf(firstSight, { ...at, isFirstSight: true });
  const written = await writeStatus(raw, { ...status, conditions }, type, context);
  count(context.counters.writes, 'status');
  return written.problem === undefined ? undefined : retryBecause(written.problem.message);
}

/** Volumes whose class cannot grow: the server says so, and only a change of the spec helps. */
export function heldRefusal(outcomes: readonly ActionOutcome[]): Refusal | undefined {
  const held = outcomes.find(
    (outcome) =>
      outcome.kind === 'failed' &&
      outcome.action.reason === 'GrowingVolumes' &&
      (outcome.problem.kind === 'forbidden' || outcome.problem.kind === 'invalid'),
  );
  if (held?.kind !== 'failed') return undefined;
  const message = `the volumes cannot grow: ${held.problem.message}; set the size back, or use a class that allows it`;
  return { reason: 'VolumesCannotGrow', field: 'spec.storage.size', message };
}

/** A write that failed is what the resource waits for. */
export function failedBecause(outcomes: readonly ActionOutcome[]): Why | undefined {
  const failed = outcomes.find((outcome) => outcome.kind === 'failed');
  if (failed?.kind !== 'failed') return undefined;
  return { reason: 'ApiError', message: `${failed.action.message} failed: ${failed.problem.message}` };
}

/** What is waited for; if the server or the ensemble did not take a step now, with its reason. */
export function waitingWithReason(waiting: Why | undefined, outcomes: readonly ActionOutcome[]): Why | undefined {
  const refused = outcomes.find(
    ({ kind, action }) => kind === 'skipped' && (action.kind === 'changeMembers' || action.kind === 'restartPod'),
  );
  if (waiting === undefined || refused?.kind !== 'skipped') return waiting;
  return { ...waiting, message: `${waiting.message}: not yet, ${refused.because}` };
}

export function finishPass(
  kind: string,
  outcomes: readonly ActionOutcome[],
  status: { readonly written: boolean },
  { counters }: Context,
): void {
  count(counters.passes, kind);
  for (const outcome of outcomes) {
    if (outcome.kind === 'done') count(counters.writes, outcome.action.kind);
    if (outcome.kind === 'failed') count(counters.failures, kind);
  }
  if (status.written) count(counters.writes, 'status');
}
