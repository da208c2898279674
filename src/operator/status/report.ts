import type { Condition, Refusal } from '../../api/index.ts';
import type { EventRecorder } from '../../kube/index.ts';
import type { ActionOutcome } from '../apply/apply.ts';
import type { RawObject } from '../observe/kinds.ts';
import type { Action } from '../plan/action.ts';

/** An event's note has room for a sentence, not for a thousand names. */
const namesShown = 12;

/**
 * Events for what was done and decided: the same reasons as in conditions. A decision is told when it changes, not at
 * every pass; a refusal is a warning.
 */
export function reportPass(
  raw: RawObject,
  input: {
    readonly outcomes: readonly ActionOutcome[];
    readonly refusals: readonly Refusal[];
    readonly before: readonly Condition[];
    readonly after: readonly Condition[];
  },
  events: EventRecorder,
): void {
  const done = input.outcomes.filter(({ kind }) => kind === 'done').map(({ action }) => action);
  for (const [reason, actions] of Map.groupBy(done, ({ reason }) => reason))
    reportActions(raw, reason, actions, events);
  for (const outcome of input.outcomes) {
    if (outcome.kind !== 'failed') continue;
    const note = `${outcome.action.message} failed: ${outcome.problem.message}`;
    events.record(raw, { type: 'Warning', reason: 'ApiError', action: outcome.action.reason, note });
  }
  // A restart has told its own event, with the pod it is about.
  const reason = input.after.find(({ type }) => type === 'Ready')?.reason;
  if (!done.some((action) => action.kind === 'restartPod' && action.reason === reason)) {
    reportTransition(raw, input.before, input.after, events);
  }
}

/** Told when `Ready` changes its status or reason, and when a refusal changes its words. */
export function reportTransition(
  raw: RawObject,
  before: readonly Condition[],
  after: readonly Condition[],
  events: EventRecorder,
): void {
  const was = before.find(({ type }) => type === 'Ready');
  const is = after.find(({ type }) => type === 'Ready');
  if (is === undefined) return;
  const isRefusal = after.some(({ type }) => type === 'Stalled');
  const isSame = was?.status === is.status && was.reason === is.reason && (!isRefusal || was.message === is.message);
  if (!isSame) {
    const note = is.message === '' ? is.reason : is.message;
    events.record(raw, { type: isRefusal ? 'Warning' : 'Normal', reason: is.reason, note });
  }
  const configured = after.find(({ type }) => type === 'ConfigurationApplied');
  const wasConfigured = before.find(({ type }) => type === 'ConfigurationApplied');
  if (configured?.status === 'False' && configured.message !== wasConfigured?.message && !isRefusal) {
    events.record(raw, { type: 'Warning', reason: configured.reason, note: configured.message });
  }
}

function reportActions(raw: RawObject, reason: string, actions: readonly Action[], events: EventRecorder): void {
  for (const action of actions) {
    if (action.kind !== 'restartPod') continue;
    const related = { apiVersion: 'v1', kind: 'Pod', metadata: action.pod };
    events.record(raw, { type: 'Normal', reason, action: 'RestartPod', note: action.message, related });
  }
  const told: readonly Action['kind'][] = ['apply', 'create', 'delete', 'changeMembers'];
  const rest = actions.filter(({ kind }) => told.includes(kind));
  if (rest.length === 0) return;
  const shown = rest.slice(0, namesShown).map(({ message }) => message);
  const more = rest.length > namesShown ? ` and ${rest.length - namesShown} more` : '';
  events.record(raw, { type: 'Normal', reason, note: `${shown.join(', ')}${more}` });
}
