import type { PlannedChange } from '../../placement/index.ts';

/** One change of a plan while it is carried out. */
export type Step = {
  readonly change: PlannedChange;
  /** Number of its batch in the plan. */
  readonly batch: number;
  /** Brokers that get a copy. */
  readonly receivers: readonly number[];
  /** Brokers that lose theirs. */
  readonly freed: readonly number[];
};

export type StepLimits = {
  /** Replicas copied at once to one broker. */
  readonly movesPerBroker: number;
  /** Partitions that move at once. */
  readonly partitions: number;
};

export function stepOf(change: PlannedChange, batch: number): Step {
  const { from, to } = change;
  return {
    change,
    batch,
    receivers: to.filter((id) => !from.includes(id)),
    freed: from.filter((id) => !to.includes(id)),
  };
}

export const copiedBytes = ({ change, receivers }: Step): number => change.bytes * receivers.length;

/** Seconds for which the broker with most to send or to receive is at it, at this many bytes per second. */
export function copyingSeconds(steps: readonly Step[], rate: number): number {
  const sums = new Map<string, number>();
  for (const { change, receivers } of steps) {
    // As if its preferred replica led it.
    const ends = receivers.flatMap((id) => [`received ${id}`, `sent ${change.from[0]}`]);
    for (const end of ends) sums.set(end, (sums.get(end) ?? 0) + change.bytes);
  }
  return Math.max(0, ...sums.values()) / rate;
}

/** Brokers that are away and that a step's copies cannot do without: who receives, and who holds it if nobody else does. */
export function blockedBy({ change: { from }, receivers }: Step, isLive: (broker: number) => boolean): number[] {
  if (receivers.length === 0) return [];
  const away = receivers.filter((id) => !isLive(id));
  return from.some(isLive) ? away : [...away, ...from];
}

/** Batches looked into beyond the first that is not finished. */
const batchesAhead = 1;
/** Waiting steps looked at in one turn. */
const lookedAt = 20_000;

/**
 * What may begin now, so that copies never stop for the last of a batch: a step of the next batch may begin early, but
 * only where no unfinished step of a batch before it has still to free a receiver's disk. A batch's disk head-room is
 * counted with the earlier batches done, and what they add is counted from their start, so nothing is overfilled.
 *
 * @param waiting  in the order of the plan
 * @param isLive   whether a broker answers; nothing is begun that needs one that does not
 */
export function nextSteps(
  waiting: readonly Step[],
  running: Iterable<Step>,
  limits: StepLimits,
  isLive: (broker: number) => boolean,
): Step[] {
  const busy = new Map<number, number>();
  const freeing = new Map<number, number>();
  let moving = 0;
  let firstBatch = waiting[0]?.batch ?? 0;
  const note = ({ batch, freed }: Step): void => {
    for (const id of freed) freeing.set(id, Math.min(batch, freeing.get(id) ?? batch));
  };
  const occupy = ({ receivers }: Step): void => {
    moving++;
    for (const id of receivers) busy.set(id, (busy.get(id) ?? 0) + 1);
  };
  for (const step of running) {
    firstBatch = Math.min(firstBatch, step.batch);
    occupy(step);
    note(step);
  }
  const next: Step[] = [];
  for (let at = 0; at < Math.min(waiting.length, lookedAt); at++) {
    const step = waiting[at]!;
    if (step.batch > firstBatch + batchesAhead || moving >= limits.partitions) break;
    const isRoomAt = (id: number): boolean =>
      (busy.get(id) ?? 0) < limits.movesPerBroker && (freeing.get(id) ?? Number.POSITIVE_INFINITY) >= step.batch;
    const mayBegin = blockedBy(step, isLive).length === 0 && step.receivers.every(isRoomAt);
    note(step);
    if (!mayBegin) continue;
    occupy(step);
    next.push(step);
  }
  return next;
}
