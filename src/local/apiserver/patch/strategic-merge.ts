import { isObject, type JsonObject, sameJson } from '../object.ts';
import { childOf, type Field, type Structure, untyped } from '../schema/structure.ts';
import { badRequest } from '../status.ts';

const directive = '$patch';
const retainKeys = '$retainKeys';
const deletePrefix = '$deleteFromPrimitiveList/';
const orderPrefix = '$setElementOrder/';

/**
 * Strategic merge patch: as a merge patch, but lists with a merge key (or of single values with strategy `merge`)
 * are merged item by item, with the directives `$patch`, `$retainKeys`, `$deleteFromPrimitiveList/x` and
 * `$setElementOrder/x`.
 *
 * Source: k8s.io/apimachinery pkg/util/strategicpatch, for what its documentation promises.
 */
export function strategicMerge(target: JsonObject, patch: JsonObject, structure: Structure): JsonObject {
  if (patch[directive] === 'replace') {
    const { [directive]: _, ...rest } = patch;
    return cleaned(rest) as JsonObject;
  }
  if (patch[directive] === 'delete') return {};
  if (patch[directive] !== undefined && patch[directive] !== 'merge') {
    throw badRequest(`Unknown patch type: ${String(patch[directive])}`);
  }
  let result: JsonObject = { ...target };
  const kept = patch[retainKeys];
  if (Array.isArray(kept)) {
    result = Object.fromEntries(Object.entries(result).filter(([name]) => kept.includes(name)));
  }
  for (const name in patch) {
    const value = patch[name];
    if (name === directive || name === retainKeys || name.startsWith(orderPrefix)) continue;
    if (name.startsWith(deletePrefix)) {
      const of = name.slice(deletePrefix.length);
      const dropped = Array.isArray(value) ? value : [];
      if (Array.isArray(result[of])) {
        result[of] = result[of].filter((item) => !dropped.some((other) => sameJson(item, other)));
      }
      continue;
    }
    if (value === null || value === undefined) {
      delete result[name];
      continue;
    }
    const inner = childOf(structure, name);
    const before = result[name];
    if (isObject(value)) {
      const replaced = structure.fields.get(name)?.strategies.includes('replace') === true;
      result[name] =
        isObject(before) && !replaced ? strategicMerge(before, value, inner) : (cleaned(value) as JsonObject);
    } else if (Array.isArray(value)) {
      const field = structure.fields.get(name);
      const order = patch[`${orderPrefix}${name}`];
      result[name] = mergedList(
        Array.isArray(before) ? before : [],
        value,
        field,
        Array.isArray(order) ? order : undefined,
      ) as JsonObject[];
    } else {
      result[name] = value;
    }
  }
  for (const name in patch) {
    if (!name.startsWith(orderPrefix)) continue;
    const of = name.slice(orderPrefix.length);
    if (patch[of] !== undefined) continue;
    const order = patch[name];
    if (Array.isArray(result[of]) && Array.isArray(order)) {
      result[of] = ordered(result[of], order, structure.fields.get(of)?.mergeKey) as JsonObject[];
    }
  }
  return result;
}

function mergedList(
  before: readonly unknown[],
  patch: readonly unknown[],
  field: Field | undefined,
  order: readonly unknown[] | undefined,
): unknown[] {
  if (field?.strategies.includes('merge') !== true) return patch.map(cleaned);
  const key = field.mergeKey;
  if (key === undefined) {
    const added = patch.filter((item) => !before.some((other) => sameJson(item, other)));
    const all = [...before, ...added];
    return order === undefined ? all : ordered(all, order, undefined);
  }
  const element = field.structure.element ?? untyped;
  if (patch.some((item) => isObject(item) && item[directive] === 'replace' && item[key] === undefined)) {
    return patch.filter((item) => !(isObject(item) && item[directive] !== undefined)).map(cleaned);
  }
  let result = [...before];
  for (const item of patch) {
    if (!isObject(item)) throw badRequest('a list that is merged by a key holds objects only');
    const value = item[key];
    if (value === undefined) {
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    }
    const index = result.findIndex((other) => isObject(other) && sameJson(other[key], value));
    if (item[directive] === 'delete') {
      result = result.filter((_, at) => at !== index);
    } else if (index === -1) {
      result.push(cleaned(item));
    } else {
      result[index] = strategicMerge(result[index] as JsonObject, item, element);
    }
  }
  return order === undefined ? result : ordered(result, order, key);
}

/** Items that the order names come in its order; others keep their place behind the item they followed. */
function ordered(items: readonly unknown[], order: readonly unknown[], key: string | undefined): unknown[] {
  const identity = (item: unknown): unknown => (key === undefined ? item : isObject(item) ? item[key] : undefined);
  const rank = (item: unknown): number => order.findIndex((wanted) => sameJson(identity(wanted), identity(item)));
  const named = items.filter((item) => rank(item) !== -1).sort((a, b) => rank(a) - rank(b));
  const result: unknown[] = [];
  let next = 0;
  for (const item of items) result.push(rank(item) === -1 ? item : named[next++]);
  return result;
}

/** What a patch adds where nothing was: without its directives and nulls. */
function cleaned(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.filter((item) => !(isObject(item) && item[directive] === 'delete')).map(cleaned);
  }
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const name in value) {
    const special =
      name === directive || name === retainKeys || name.startsWith(deletePrefix) || name.startsWith(orderPrefix);
    if (!special && value[name] !== null) result[name] = cleaned(value[name]) as JsonObject;
  }
  return result;
}
