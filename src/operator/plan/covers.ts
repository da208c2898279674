import { quantityValue } from '../../api/index.ts';

/**
 * Whether a live value has everything that the desired one says. What a server or somebody else added is not looked at:
 * it is not ours. In lists whose items have names, items are found by name; other lists must agree item by item.
 *
 * @param inResources  below `resources`, where 1Gi and 1024Mi are the same
 */
export function covers(live: unknown, desired: unknown, inResources = false): boolean {
  if (desired === undefined || desired === null) return true;
  // The API server leaves out what is empty.
  if (Array.isArray(desired)) return coversList(Array.isArray(live) ? live : [], desired, inResources);
  if (typeof desired === 'object') {
    if (live === undefined || live === null) return Object.values(desired).every((value) => covers(undefined, value));
    if (typeof live !== 'object' || Array.isArray(live)) return false;
    return Object.entries(desired).every(([key, value]) =>
      covers((live as Record<string, unknown>)[key], value, inResources || key === 'resources'),
    );
  }
  if (live === desired) return true;
  return inResources && typeof live === 'string' && typeof desired === 'string'
    ? quantityValue(live) === quantityValue(desired)
    : false;
}

const nameOf = (item: unknown): string | undefined => {
  if (typeof item !== 'object' || item === null) return undefined;
  const { name, mountPath } = item as { readonly name?: unknown; readonly mountPath?: unknown };
  const parts = [name, mountPath].filter((part) => typeof part === 'string');
  return parts.length === 0 ? undefined : parts.join(' ');
};

function coversList(live: readonly unknown[], desired: readonly unknown[], inResources: boolean): boolean {
  if (desired.length > 0 && desired.every((item) => nameOf(item) !== undefined)) {
    return desired.every((item) => {
      const found = live.find((candidate) => nameOf(candidate) === nameOf(item));
      return found !== undefined && covers(found, item, inResources);
    });
  }
  return live.length === desired.length && desired.every((item, index) => covers(live[index], item, inResources));
}
