import type { Condition, ConditionReason, ConditionType, Findings, Refusal } from '../../api/index.ts';
import { refusalText } from '../../api/index.ts';
import { timeText } from '../../kube/index.ts';
import type { EffectiveConfig } from '../desired/broker-config.ts';
import type { Why } from '../plan/action.ts';

/** What a pass has found, before it is put into words. */
export type Verdict = {
  /** Only a change of the resource helps. */
  readonly refusals: readonly Refusal[];
  /** What is being done or waited for; undefined: nothing is left to do. */
  readonly waiting: Why | undefined;
  /** What serves now, e.g. "3 of 3 brokers are ready". */
  readonly serving: string;
  /** Values in effect that are not those asked for. */
  readonly configuration?: { readonly limited: EffectiveConfig['limited']; readonly warnings: Findings['warnings'] };
};

/** On the first sight of a resource: a person, kubectl wait and Argo CD see at once that it is being looked at. */
export const firstSight: Verdict = {
  refusals: [],
  waiting: { reason: 'Reconciling', message: 'the operator has seen it and begins' },
  serving: '',
};

type Said = { readonly status: Condition['status']; readonly reason: ConditionReason; readonly message: string };

/**
 * @param previous  the conditions that the resource has: the time of a transition is kept while the status stays
 */
export function conditionsOf(
  verdict: Verdict,
  context: {
    readonly generation: number;
    readonly previous: readonly Condition[];
    readonly nowMs: number;
    readonly isFirstSight?: boolean;
  },
): readonly Condition[] {
  const said = new Map<ConditionType, Said>([['Ready', readySaid(verdict, context.isFirstSight === true)]]);
  const { refusals, waiting, configuration } = verdict;
  said.set(
    'Progressing',
    waiting === undefined
      ? { status: 'False', reason: 'Settled', message: '' }
      : { status: 'True', reason: waiting.reason, message: waiting.message },
  );
  // kstatus reads these two as "in progress" and "failed"; being there and not True would mean nothing.
  if (waiting !== undefined) said.set('Reconciling', { status: 'True', ...waiting });
  const [first] = refusals;
  if (first !== undefined) {
    said.set('Stalled', { status: 'True', reason: first.reason, message: refusals.map(refusalText).join('; ') });
  }
  if (configuration !== undefined) said.set('ConfigurationApplied', configurationSaid(configuration, refusals));
  return [...said].map(([type, { status, reason, message }]) => {
    const before = context.previous.find((condition) => condition.type === type);
    return {
      type,
      status,
      reason,
      message,
      observedGeneration: context.generation,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : timeText(context.nowMs),
    };
  });
}

function readySaid({ refusals, waiting, serving }: Verdict, isFirstSight: boolean): Said {
  const [first] = refusals;
  if (first !== undefined) {
    const message = [...refusals.map(refusalText), serving].filter((part) => part !== '').join('; ');
    return { status: 'False', reason: first.reason, message };
  }
  if (waiting !== undefined) return { status: isFirstSight ? 'Unknown' : 'False', ...waiting };
  return { status: 'True', reason: 'Ready', message: serving };
}

function configurationSaid(
  { limited, warnings }: NonNullable<Verdict['configuration']>,
  refusals: readonly Refusal[],
): Said {
  const refused = refusals.filter(({ field }) => field.startsWith('spec.config['));
  const [first] = refused;
  if (first !== undefined) {
    return { status: 'False', reason: first.reason, message: refused.map(refusalText).join('; ') };
  }
  if (limited.length > 0) {
    const message = limited
      .map(
        ({ key, asked, given }) =>
          `spec.config[${key}]: ${asked} was asked for and ${given} is in effect, as the engine does not keep more replicas yet`,
      )
      .join('; ');
    return { status: 'False', reason: 'ReplicationFactorLimited', message };
  }
  if (warnings.length > 0) {
    const message = warnings.map(({ field, message: text }) => `${field}: ${text}`).join('; ');
    return { status: 'False', reason: 'ConfigKeyUnknown', message };
  }
  return { status: 'True', reason: 'Applied', message: '' };
}

/** While a person has paused it: what was known stays, and says that it may be old. */
export function pausedConditions(context: {
  readonly generation: number;
  readonly previous: readonly Condition[];
  readonly nowMs: number;
}): readonly Condition[] {
  const ready = context.previous.find(({ type }) => type === 'Ready');
  const status = ready?.status ?? 'Unknown';
  const message = 'reconciliation is paused by the annotation kafka.hikube.cloud/pause; what is shown may be old';
  const at = timeText(context.nowMs);
  const progressing = context.previous.find(({ type }) => type === 'Progressing');
  return [
    {
      type: 'Ready',
      status,
      reason: 'Paused',
      message,
      observedGeneration: context.generation,
      lastTransitionTime: ready?.lastTransitionTime ?? at,
    },
    {
      type: 'Progressing',
      status: 'False',
      reason: 'Paused',
      message,
      observedGeneration: context.generation,
      lastTransitionTime: progressing?.status === 'False' ? progressing.lastTransitionTime : at,
    },
  ];
}
