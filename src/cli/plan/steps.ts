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

/** What is known of brokers. */
export type Standings = {
  /** Whether a broker answers; nothing is begun that needs one that does not. */
  readonly isLive: (broker: number) => boolean;
  /** Who sends a step's copies; by default the first of those who have it. */
  readonly sourceOf?: (step: Step) => number;
};

/**
 * What may begin now, so that copies never stop for the last of a batch: a step of the next batch may begin early, but
 * only where no unfinished step of a batch before it has still to free a receiver's disk. A batch's disk head-room is
 * counted with the earlier batches done, and what they add is counted from their start, so nothing is overfilled.
 *
 * Within a batch the brokers with most left to send or to receive go first, lest they go on when the others are done. A
 * source gets a second copy to send only where there is no other source: all that it sends to one receiver comes in one
 * answer, for which producers wait, and two receivers do not share alike what it may send.
 *
 * @param waiting  in the order of the plan
 */
export function nextSteps(
  waiting: readonly Step[],
  running: Iterable<Step>,
  limits: StepLimits,
  { isLive, sourceOf = preferredSource }: Standings,
): Step[] {
  const busy = new Map<number, number>();
  const feeding = new Set<number>();
  const freeing = new Map<number, number>();
  let moving = 0;
  let firstBatch = waiting[0]?.batch ?? 0;
  const note = ({ batch, freed }: Step): void => {
    for (const id of freed) freeing.set(id, Math.min(batch, freeing.get(id) ?? batch));
  };
  const occupy = (step: Step): void => {
    moving++;
    for (const id of step.receivers) busy.set(id, (busy.get(id) ?? 0) + 1);
    if (step.receivers.length > 0) feeding.add(sourceOf(step));
  };
  for (const step of running) {
    firstBatch = Math.min(firstBatch, step.batch);
    occupy(step);
    note(step);
  }
  const seen = waiting.slice(0, lookedAt).filter(({ batch }) => batch <= firstBatch + batchesAhead);
  for (const step of seen) note(step);
  const isRoomFor = (step: Step): boolean =>
    step.receivers.every(
      (id) =>
        (busy.get(id) ?? 0) < limits.movesPerBroker && (freeing.get(id) ?? Number.POSITIVE_INFINITY) >= step.batch,
    );
  const next = new Set<Step>();
  const ordered = mostLeftFirst(seen, sourceOf);
  const isFree = (step: Step): boolean => step.receivers.length === 0 || !feeding.has(sourceOf(step));
  for (const isMeant of [isFree, () => true]) {
    for (const step of ordered) {
      if (moving >= limits.partitions) break;
      if (next.has(step) || !isRoomFor(step) || blockedBy(step, isLive).length > 0 || !isMeant(step)) continue;
      occupy(step);
      next.add(step);
    }
  }
  return seen.filter((step) => next.has(step));
}

const preferredSource = ({ change: { from } }: Step): number => from[0]!;

function mostLeftFirst(steps: readonly Step[], sourceOf: (step: Step) => number): Step[] {
  const sent = new Map<number, number>();
  const received = new Map<number, number>();
  const copying = steps.map((step) => ({ step, source: step.receivers.length === 0 ? undefined : sourceOf(step) }));
  for (const { step, source } of copying) {
    const { bytes } = step.change;
    if (source !== undefined) sent.set(source, (sent.get(source) ?? 0) + bytes * step.receivers.length);
    for (const id of step.receivers) received.set(id, (received.get(id) ?? 0) + bytes);
  }
  return copying
    .map(({ step, source }) => {
      const atReceivers = step.receivers.map((id) => received.get(id)!);
      return { step, most: source === undefined ? 0 : Math.max(sent.get(source)!, ...atReceivers) };
    })
    .sort((one, other) => one.step.batch - other.step.batch || other.most - one.most)
    .map(({ step }) => step);
}
