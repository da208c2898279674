import { isObject, type JsonObject } from '../object.ts';
import { childOf, type Structure, untyped } from '../schema/structure.ts';
import { type FieldSet, isLeaf, itemStep } from './field-set.ts';

/** The live object with an applied configuration laid over it: fields and associative lists merge, the rest is replaced. */
export function mergeApplied(live: unknown, applied: unknown, of: Structure): unknown {
  if (live === undefined || live === null || isLeaf(applied, of)) return applied;
  if (Array.isArray(applied)) return Array.isArray(live) ? mergeItems(live, applied, of) : applied;
  if (!isObject(live)) return applied;
  const merged: JsonObject = { ...live };
  for (const [name, value] of Object.entries(applied as JsonObject)) {
    merged[name] = mergeApplied(live[name], value, childOf(of, name)) as JsonObject;
  }
  return merged;
}

/** The order of the applied items wins for those that both have; live items that are not applied keep their place between them. */
function mergeItems(live: readonly unknown[], applied: readonly unknown[], of: Structure): unknown[] {
  const element = of.element ?? untyped;
  const liveSteps = live.map((item) => itemStep(of, item));
  const appliedSteps = applied.map((item) => itemStep(of, item));
  const liveByStep = new Map(liveSteps.map((step, index) => [step, live[index]]));
  const appliedSet = new Set(appliedSteps);
  const merged: unknown[] = [];
  let liveIndex = 0;
  const takeLiveOnly = (): void => {
    while (liveIndex < live.length && !appliedSet.has(liveSteps[liveIndex] as string)) {
      merged.push(live[liveIndex]);
      liveIndex += 1;
    }
  };
  takeLiveOnly();
  for (const [index, item] of applied.entries()) {
    const step = appliedSteps[index] as string;
    const old = liveByStep.get(step);
    merged.push(old === undefined ? item : mergeApplied(old, item, element));
    if (old !== undefined && liveSteps[liveIndex] === step) {
      liveIndex += 1;
      takeLiveOnly();
    }
  }
  for (; liveIndex < live.length; liveIndex += 1) {
    if (!appliedSet.has(liveSteps[liveIndex] as string)) merged.push(live[liveIndex]);
  }
  return merged;
}

/** The value without the members of the set; undefined fields stay absent. */
export function removeFields(value: unknown, set: FieldSet, of: Structure): unknown {
  if (set.size === 0 || isLeaf(value, of)) return value;
  if (Array.isArray(value)) {
    const element = of.element ?? untyped;
    return value.flatMap((item) => {
      const node = set.get(itemStep(of, item));
      if (node === undefined) return [item];
      return node.member ? [] : [removeFields(item, node.below, element)];
    });
  }
  const kept: JsonObject = {};
  for (const [name, inner] of Object.entries(value as JsonObject)) {
    const node = set.get(`f:${name}`);
    if (node?.member === true) continue;
    kept[name] = (node === undefined ? inner : removeFields(inner, node.below, childOf(of, name))) as JsonObject;
  }
  return kept;
}
