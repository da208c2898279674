import { createHash } from 'node:crypto';
import type { Clock, Logger } from '../base/index.ts';
import type { KubeClient } from './client.ts';
import { type KubeEvent, type KubeObject, microTimeText } from './object.ts';
import { events } from './resource-type.ts';

/** Within this time the same event again raises the count of the one that is there, as kubectl shows it. */
const aggregateMs = 6 * 60_000;
/** One object may have so many events at once, then one per refill time: an object that flaps does not flood the cluster. */
const burstPerObject = 25;
const refillMs = 30_000;
/** Events are hints: when the API server is slower than we are, the oldest that are not written yet are dropped. */
const waitingLimit = 1_000;
const rememberedLimit = 4_096;

export type EventInput = {
  readonly type: 'Normal' | 'Warning';
  /** One word in CamelCase, for machines: `Created`, `BackOff`. */
  readonly reason: string;
  /** What was done or tried, in CamelCase; by default the reason. */
  readonly action?: string;
  /** A sentence for a person, at most 1 KiB (cut if longer). */
  readonly note: string;
  /** A second object, e.g. the pod that is restarted for the cluster's sake. */
  readonly related?: EventSubject;
};

/** The object, or as much of it as names it; `fieldPath` names a part, e.g. `spec.containers{kafka}`. */
export type EventSubject = Pick<KubeObject, 'apiVersion' | 'kind'> & {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly uid?: string | undefined;
    readonly resourceVersion?: string | undefined;
  };
  readonly fieldPath?: string;
};

export interface EventRecorder {
  /** Writes in the background; never fails. Say it once per decision: repeats are counted, floods are dropped. */
  record(regarding: EventSubject, event: EventInput): void;
  /** Resolves when all that was recorded is written or dropped. */
  flush(): Promise<void>;
}

type Remembered = { name: string; namespace: string; count: number; lastMs: number; written: boolean };

/**
 * @param controller  who reports, e.g. `kafka.hikube.cloud/operator`
 * @param instance    which process of it, e.g. the pod's name
 */
export function createEventRecorder(
  { controller, instance }: { readonly controller: string; readonly instance: string },
  { client, clock, logger }: { readonly client: KubeClient; readonly clock: Clock; readonly logger: Logger },
): EventRecorder {
  const remembered = new Map<string, Remembered>();
  const budgets = new Map<string, { tokens: number; atMs: number }>();
  let waiting: (() => Promise<void>)[] = [];
  let writing: Promise<void> | undefined;

  function admitted(objectId: string, nowMs: number): boolean {
    const budget = budgets.get(objectId) ?? { tokens: burstPerObject, atMs: nowMs };
    budget.tokens = Math.min(burstPerObject, budget.tokens + (nowMs - budget.atMs) / refillMs);
    budget.atMs = nowMs;
    // Newest last, so that the oldest can be forgotten first.
    budgets.delete(objectId);
    budgets.set(objectId, budget);
    forgetOldest(budgets);
    if (budget.tokens < 1) return false;
    budget.tokens -= 1;
    return true;
  }

  async function writeAll(): Promise<void> {
    for (let write = waiting.shift(); write !== undefined; write = waiting.shift()) await write();
    writing = undefined;
  }

  function enqueue(write: () => Promise<void>): void {
    if (waiting.length >= waitingLimit) {
      waiting = waiting.slice(waitingLimit / 2);
      logger.warn({ dropped: waitingLimit / 2 }, 'events come faster than they can be written; dropped the oldest');
    }
    waiting.push(write);
    writing ??= writeAll();
  }

  async function create(key: string, event: KubeEvent, entry: Remembered): Promise<void> {
    const answer = await client.create(events, event);
    if (answer.ok || answer.problem.kind === 'alreadyExists') {
      entry.written = true;
      return;
    }
    remembered.delete(key);
    // A namespace that is being deleted takes no new objects; that is no news.
    if (answer.problem.kind !== 'forbidden' && answer.problem.kind !== 'notFound') {
      logger.warn({ problem: answer.problem, reason: event.reason }, 'cannot write an event');
    }
  }

  async function raiseCount(key: string, entry: Remembered): Promise<void> {
    if (!entry.written) return;
    const answer = await client.mergePatch(events, entry, {
      series: { count: entry.count, lastObservedTime: microTimeText(entry.lastMs) },
    });
    if (!answer.ok) remembered.delete(key);
  }

  return {
    record(regarding, input) {
      const nowMs = clock.nowMs();
      const objectId = `${regarding.kind}/${regarding.metadata.namespace ?? ''}/${regarding.metadata.name}/${regarding.metadata.uid ?? ''}`;
      const key = JSON.stringify([objectId, regarding.fieldPath, input.type, input.reason, input.action, input.note]);
      if (!admitted(objectId, nowMs)) return;
      const known = remembered.get(key);
      if (known !== undefined && nowMs - known.lastMs < aggregateMs) {
        known.count++;
        known.lastMs = nowMs;
        enqueue(() => raiseCount(key, known));
        return;
      }
      // Cluster-wide objects' events live in `default`, as everywhere.
      const namespace = regarding.metadata.namespace ?? 'default';
      const suffix = createHash('sha256').update(`${key} ${instance} ${nowMs}`).digest('hex').slice(0, 16);
      const name = `${regarding.metadata.name.slice(0, 200)}.${suffix}`;
      const entry: Remembered = { name, namespace, count: 1, lastMs: nowMs, written: false };
      remembered.delete(key);
      remembered.set(key, entry);
      forgetOldest(remembered);
      const event: KubeEvent = {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name, namespace },
        eventTime: microTimeText(nowMs) as never,
        reportingController: controller,
        reportingInstance: instance.slice(0, 128),
        action: input.action ?? input.reason,
        reason: input.reason,
        type: input.type,
        note: input.note.slice(0, 1024),
        regarding: reference(regarding),
        ...(input.related === undefined ? {} : { related: reference(input.related) }),
      };
      enqueue(() => create(key, event, entry));
    },
    async flush() {
      while (writing !== undefined) await writing;
    },
  };
}

function reference(subject: EventSubject): NonNullable<KubeEvent['regarding']> {
  return {
    apiVersion: subject.apiVersion,
    kind: subject.kind,
    name: subject.metadata.name,
    namespace: subject.metadata.namespace,
    uid: subject.metadata.uid,
    resourceVersion: subject.metadata.resourceVersion,
    fieldPath: subject.fieldPath,
  };
}

function forgetOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    if (map.size <= rememberedLimit) return;
    map.delete(key);
  }
}
