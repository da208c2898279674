import { isObject, type JsonObject, sameJson } from '../object.ts';
import { childOf, type Structure, untyped } from '../schema/structure.ts';

/**
 * A set of fields, as `metadata.managedFields[].fieldsV1` carries it. A step of a path is written as there: `f:name`
 * for a field, `k:{"name":"a"}` for an item of a keyed list, `v:"a"` for a member of a set.
 */
export type FieldSet = Map<string, FieldNode>;
export type FieldNode = { readonly member: boolean; readonly below: FieldSet };

export const noFields: FieldSet = new Map();

/** Sets come from clients, too: deeper ones are cut off. */
const depthLimit = 100;

export function fieldSetFromJson(json: JsonObject, depth = 0): FieldSet {
  const set: FieldSet = new Map();
  for (const step in json) {
    const inner = json[step];
    if (step === '.' || !isObject(inner) || depth > depthLimit) continue;
    const below = fieldSetFromJson(inner, depth + 1);
    set.set(step, { member: below.size === 0 || inner['.'] !== undefined, below });
  }
  return set;
}

export function fieldSetToJson(set: FieldSet): JsonObject {
  const json: JsonObject = {};
  for (const step of [...set.keys()].sort()) {
    const { member, below } = set.get(step) as FieldNode;
    json[step] = { ...(member && below.size > 0 ? { '.': {} } : {}), ...fieldSetToJson(below) };
  }
  return json;
}

/** Puts a node in, unless it says nothing. */
function put(set: FieldSet, step: string, node: FieldNode): void {
  if (node.member || node.below.size > 0) set.set(step, node);
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a.size === 0) return b;
  if (b.size === 0) return a;
  const result: FieldSet = new Map(a);
  for (const [step, node] of b) {
    const other = a.get(step);
    result.set(
      step,
      other === undefined ? node : { member: node.member || other.member, below: union(other.below, node.below) },
    );
  }
  return result;
}

/** The members of `a` that are not members of `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (b.size === 0) return a;
  const result: FieldSet = new Map();
  for (const [step, node] of a) {
    const other = b.get(step);
    if (other === undefined) result.set(step, node);
    else put(result, step, { member: node.member && !other.member, below: difference(node.below, other.below) });
  }
  return result;
}

/** As `difference`, and without anything below a member of `b`. */
export function without(a: FieldSet, b: FieldSet): FieldSet {
  if (b.size === 0) return a;
  const result: FieldSet = new Map();
  for (const [step, node] of a) {
    const other = b.get(step);
    if (other === undefined) result.set(step, node);
    else if (!other.member) put(result, step, { member: node.member, below: without(node.below, other.below) });
  }
  return result;
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = new Map();
  for (const [step, node] of a) {
    const other = b.get(step);
    if (other === undefined) continue;
    put(result, step, { member: node.member && other.member, below: intersection(node.below, other.below) });
  }
  return result;
}

export function sameFields(a: FieldSet, b: FieldSet): boolean {
  if (a.size !== b.size) return false;
  for (const [step, node] of a) {
    const other = b.get(step);
    if (other === undefined || other.member !== node.member || !sameFields(node.below, other.below)) return false;
  }
  return true;
}

/** Counts a described field with something below it as a member itself: removing its last child removes it. */
export function withNamedParents(set: FieldSet, of: Structure): FieldSet {
  const result: FieldSet = new Map();
  for (const [step, node] of set) {
    const named = step.startsWith('f:') && of.fields.has(step.slice(2));
    result.set(step, {
      member: node.member || (named && node.below.size > 0),
      below: withNamedParents(node.below, structureAt(of, step)),
    });
  }
  return result;
}

function structureAt(of: Structure, step: string): Structure {
  return step.startsWith('f:') ? childOf(of, step.slice(2)) : (of.element ?? untyped);
}

/** Every member's path in words: `.spec.containers[name="c"].image`. */
export function pathsOf(set: FieldSet, prefix = ''): string[] {
  return [...set].flatMap(([step, { member, below }]) => {
    const path = prefix + stepText(step);
    return member ? [path, ...pathsOf(below, path)] : pathsOf(below, path);
  });
}

function stepText(step: string): string {
  const rest = step.slice(2);
  if (step.startsWith('f:')) return `.${rest}`;
  if (step.startsWith('v:')) return `[=${rest}]`;
  if (step.startsWith('i:')) return `[${rest}]`;
  const keys = Object.entries(JSON.parse(rest) as JsonObject).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `[${keys.join(',')}]`;
}

/** Whether items of this list have owners of their own. */
export const isAssociative = (of: Structure): boolean => of.list?.type === 'map' || of.list?.type === 'set';

/** The step that leads to an item of an associative list. */
export function itemStep(of: Structure, item: unknown): string {
  if (of.list?.type !== 'map') return `v:${JSON.stringify(item)}`;
  const keys: JsonObject = {};
  for (const key of [...of.list.keys].sort()) {
    const field = of.element?.fields.get(key);
    const value = (isObject(item) ? item[key] : undefined) ?? field?.keyDefault ?? field?.structure.defaultValue;
    if (value !== undefined) keys[key] = value as string;
  }
  return `k:${JSON.stringify(keys)}`;
}

export const isLeaf = (value: unknown, of: Structure): boolean =>
  of.atomic || (Array.isArray(value) ? !isAssociative(of) : !isObject(value));

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0);

/** The fields that an applied configuration names. */
export function fieldsOf(value: unknown, of: Structure): FieldSet {
  const set: FieldSet = new Map();
  if (isLeaf(value, of)) return set;
  if (Array.isArray(value)) {
    for (const item of value) {
      set.set(itemStep(of, item), { member: true, below: fieldsOf(item, of.element ?? untyped) });
    }
    return set;
  }
  for (const [name, inner] of Object.entries(value as JsonObject)) {
    const structure = childOf(of, name);
    const member = !of.fields.has(name) || isLeaf(inner, structure) || isEmpty(inner);
    put(set, `f:${name}`, { member, below: fieldsOf(inner, structure) });
  }
  return set;
}

export type Comparison = { readonly changed: FieldSet; readonly removed: FieldSet };

/** Which fields `next` has that differ in `old` or are not there (`changed`), and which it no longer has (`removed`). */
export function compare(old: unknown, next: unknown, of: Structure): Comparison {
  const { changed, removed } = walk(old, next, of);
  return { changed: changed.below, removed: removed.below };
}

type Difference = { readonly changed: FieldNode; readonly removed: FieldNode };
const nowhere: FieldNode = { member: false, below: noFields };
const here: FieldNode = { member: true, below: noFields };
const equal: Difference = { changed: nowhere, removed: nowhere };

function walk(old: unknown, next: unknown, of: Structure): Difference {
  if (old === next) return equal;
  const some = next ?? old;
  if (isLeaf(some, of) || (isEmpty(old) && isEmpty(next))) {
    if (next === undefined) return { changed: nowhere, removed: here };
    return sameJson(old, next) ? equal : { changed: here, removed: nowhere };
  }
  const changed: FieldSet = new Map();
  const removed: FieldSet = new Map();
  const note = (step: string, difference: Difference): void => {
    put(changed, step, difference.changed);
    put(removed, step, difference.removed);
  };
  if (Array.isArray(some)) {
    const element = of.element ?? untyped;
    const oldItems = itemsByStep(old, of);
    const nextItems = itemsByStep(next, of);
    for (const [step, item] of nextItems) note(step, walk(oldItems.get(step), item, element));
    for (const [step, item] of oldItems) if (!nextItems.has(step)) note(step, walk(item, undefined, element));
  } else {
    const oldFields = isObject(old) ? old : undefined;
    const nextFields = isObject(next) ? next : undefined;
    const names = new Set([...Object.keys(oldFields ?? {}), ...Object.keys(nextFields ?? {})]);
    for (const name of names) {
      const structure = childOf(of, name);
      note(`f:${name}`, walk(there(oldFields, name, of), there(nextFields, name, of), structure));
    }
  }
  return {
    changed: { member: old === undefined, below: changed },
    removed: { member: next === undefined, below: removed },
  };
}

/** A Go struct has its plain struct fields and its required fields always, written or not. */
function there(value: JsonObject | undefined, name: string, of: Structure): unknown {
  const inner = value?.[name];
  if (inner !== undefined || value === undefined) return inner;
  const field = of.fields.get(name);
  if (field?.alwaysThere === true) return {};
  return field?.required === true ? null : undefined;
}

function itemsByStep(value: unknown, of: Structure): Map<string, unknown> {
  return new Map(Array.isArray(value) ? value.map((item) => [itemStep(of, item), item]) : []);
}
