import type { Operation, PlanOptions } from '../../../src/placement/index.ts';
import type { Model } from '../../../src/placement/model.ts';
import { planInThread } from '../../../src/placement/thread/index.ts';
import { type Measured, peakMiB, standingOf } from './measure.ts';

const idleMs = 2000;

/** Arrays read from a file are parts of one buffer; those of a model that was just made are not. */
function withOwnArrays(model: Model): Model {
  const own = Object.entries(model).map(([key, value]) => [key, ArrayBuffer.isView(value) ? copyOf(value) : value]);
  return Object.fromEntries(own) as Model;
}

const copyOf = (view: ArrayBufferView): unknown => (view as Float64Array).slice();

/**
 * How late the caller's event loop is while the planner's thread works: a timer of 1 ms ticks, and what is asked is how
 * long something that comes at a random moment would wait. So a block of 100 ms counts for a hundred moments, not for
 * one late tick.
 */
export async function callerLag(model: Model, operation: Operation, options: PlanOptions): Promise<Measured> {
  const given = withOwnArrays(model);
  const gapsMs: number[] = [];
  let lastMs = performance.now();
  const tick = (): void => {
    const nowMs = performance.now();
    gapsMs.push(nowMs - lastMs);
    lastMs = nowMs;
  };
  const timer = setInterval(tick, 1);
  // What the machine does to a process that only waits: without it a busy machine would be taken for a busy thread.
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  tick();
  const idleGapsMs = gapsMs.splice(0);
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const result = await planInThread({ model: given, operation, options });
  tick();
  const wallMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  clearInterval(timer);
  if (!result.ok) throw new Error(result.problem.message);
  return {
    wallMs,
    cpuMs: (user + system) / 1000,
    rssMiB: peakMiB(),
    ...standingOf(result.value),
    figures: {
      'caller lag p99 ms': waitQuantile(gapsMs, 0.99),
      'longest block ms': Math.max(...gapsMs),
      'idle lag p99 ms': waitQuantile(idleGapsMs, 0.99),
      'idle longest block ms': Math.max(...idleGapsMs),
    },
  };
}

/** Wait that a share of `quantile` of random moments stays under: inside a gap of g, waits are even from 0 to g. */
function waitQuantile(gaps: readonly number[], quantile: number): number {
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  const longer = (wait: number): number => gaps.reduce((sum, gap) => sum + Math.max(0, gap - wait), 0) / total;
  let low = 0;
  let high = Math.max(...gaps);
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (longer(middle) > 1 - quantile) low = middle;
    else high = middle;
  }
  return high;
}
