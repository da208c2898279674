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
      result[of] = ordered(result[of], result[of], order, structure.fields.get(of)?.mergeKey) as JsonObject[];
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
    return order === undefined ? all : ordered(all, before, order, undefined);
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
  return ordered(result, before, order ?? patch, key);
}

/**
 * The order of a merged list: items of the patch in the order it gives, the others in the order they had, and the
 * two woven so that items known before stay behind what they followed; a new item comes before the rest.
 */
function ordered(
  items: readonly unknown[],
  before: readonly unknown[],
  order: readonly unknown[],
  key: string | undefined,
): unknown[] {
  const identity = (item: unknown): unknown => (key === undefined || !isObject(item) ? item : item[key]);
  const rankIn = (list: readonly unknown[], item: unknown): number =>
    list.findIndex((other) => sameJson(identity(other), identity(item)));
  const named = items.filter((item) => rankIn(order, item) !== -1).sort((a, b) => rankIn(order, a) - rankIn(order, b));
  const others = items.filter((item) => rankIn(order, item) === -1);
  const result: unknown[] = [];
  let [nextNamed, nextOther] = [0, 0];
  while (nextNamed < named.length || nextOther < others.length) {
    const otherRank = nextOther < others.length ? rankIn(before, others[nextOther]) : -1;
    const namedRank = nextNamed < named.length ? rankIn(before, named[nextNamed]) : -1;
    const otherFirst =
      nextNamed >= named.length ||
      (nextOther < others.length && otherRank >= 0 && namedRank >= 0 && otherRank < namedRank);
    result.push(otherFirst ? others[nextOther++] : named[nextNamed++]);
  }
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
