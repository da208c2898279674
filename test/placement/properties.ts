import { seededRandom } from '../../src/base/index.ts';
import {
  defaultOptions,
  type Model,
  modelOf,
  nobody,
  type Operation,
  type Plan,
  planOperation,
  verify,
} from '../../src/placement/index.ts';
import type { Case } from './random-clusters.ts';

/** What must hold of every plan without exception: hard goals at the end and in between, same input same plan. */
export function brokenRule({ state, operation }: Case): string | undefined {
  const model = modelOf(state);
  const result = planOperation(model, operation, defaultOptions);
  if (!result.ok) return result.problem.field === '' ? 'refused without naming a field' : undefined;
  const plan = result.value;
  const { target, schedule } = plan;
  const violations = verify({ model: plan.model, target, rows: schedule.rows, first: schedule.first }, plan.options);
  const bad = violations.find(({ kind }) => kind === 'introduced');
  if (bad !== undefined) return `breaks ${bad.goal}: ${bad.subject} ${bad.message}`;
  const twin = planOperation(modelOf(structuredClone(state)), operation, defaultOptions);
  return !twin.ok || twin.value.hash !== plan.hash ? 'the same input gave another plan' : undefined;
}

/** What keeps plans calm: planning again, noise and a plan cut in half cost (almost) nothing more. */
export function restlessness({ seed, state, operation }: Case): string | undefined {
  const result = planOperation(modelOf(state), operation, defaultOptions);
  if (!result.ok) return undefined;
  const plan = result.value;
  const after = withReplicas(plan.model, plan.target);
  const again = planOperation(after, operation, defaultOptions);
  if (!again.ok || again.value.cost.partitions > 0) return 'planning again moves something';
  const kept = planOperation(after, operation, defaultOptions, plan);
  if (!kept.ok || kept.value.cost.partitions > 0) return 'planning again beside the earlier plan moves something';
  const noisy = planOperation(withNoise(after, seed), operation, defaultOptions, plan);
  if (!noisy.ok || noisy.value.cost.copies > 0) return 'noise of 3 % copies something';
  return halfCost(plan, operation);
}

/** Whether noise makes a plan copy something when the earlier plan is not known: a load may cross a threshold. */
export function isWokenByNoise({ seed, state, operation }: Case): boolean {
  const result = planOperation(modelOf(state), operation, defaultOptions);
  if (!result.ok) return false;
  const noisy = withNoise(withReplicas(result.value.model, result.value.target), seed);
  const again = planOperation(noisy, operation, defaultOptions);
  return !again.ok || again.value.cost.copies > 0;
}

function withReplicas(model: Model, replicas: Int32Array): Model {
  return { ...model, replicas, leaders: model.leaders.map((_, row) => replicas[row * model.width]!) };
}

function withNoise(model: Model, seed: number): Model {
  const random = seededRandom(seed + 7);
  const noise = (value: number): number => value * (0.97 + 0.06 * random.next());
  return {
    ...model,
    sizes: model.sizes.map(noise),
    inRates: model.inRates.map(noise),
    outRates: model.outRates.map(noise),
  };
}

/** Half of the batches' partitions done, then planned anew with the plan as it was: what both halves copy together. */
function halfCost(plan: Plan, operation: Operation): string | undefined {
  const { model, target, schedule, cost } = plan;
  if (cost.bytes === 0) return undefined;
  const half = model.replicas.slice();
  const { width } = model;
  for (const row of schedule.rows.subarray(0, schedule.rows.length >> 1)) {
    for (let cell = row * width; cell < (row + 1) * width; cell++) half[cell] = target[cell]!;
  }
  const rest = planOperation(withReplicas(model, half), operation, defaultOptions, plan);
  if (!rest.ok) return 'planning from the middle is refused';
  const total = bytesBetween(model, model.replicas, half) + rest.value.cost.bytes;
  return total > 1.05 * cost.bytes ? `a plan cut in half costs ${(total / cost.bytes).toFixed(3)} x` : undefined;
}

function bytesBetween({ topicOf, width, sizes }: Model, from: Int32Array, to: Int32Array): number {
  let bytes = 0;
  for (let row = 0; row < topicOf.length; row++) {
    const held = from.subarray(row * width, (row + 1) * width);
    for (const broker of to.subarray(row * width, (row + 1) * width)) {
      if (broker !== nobody && !held.includes(broker)) bytes += sizes[row]!;
    }
  }
  return bytes;
}
