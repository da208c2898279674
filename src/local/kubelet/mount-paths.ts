/** Where a container's mount path really is on this machine. */
export type MountedPath = { readonly mountPath: string; readonly realPath: string };

/**
 * Replaces mount paths by real ones in a text: arguments, environment values, configuration files. Only whole paths
 * count: after the beginning, or a character that cannot be part of a path's name; and followed by `/`, the end, or
 * another such character. Longer mount paths win, and what was replaced is not looked at again.
 */
export function rewriteMountPaths(text: string, mounts: readonly MountedPath[]): string {
  const sorted = mounts
    .map(({ mountPath, realPath }) => ({ mountPath: mountPath.replace(/\/+$/, ''), realPath }))
    .filter(({ mountPath }) => mountPath !== '')
    .sort((a, b) => b.mountPath.length - a.mountPath.length);
  if (sorted.length === 0) return text;
  const real = new Map(sorted.map(({ mountPath, realPath }) => [mountPath, realPath]));
  const alternatives = sorted.map(({ mountPath }) => mountPath.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  const pattern = new RegExp(`(?<![\\w./-])(?:${alternatives})(?![\\w.-])`, 'g');
  return text.replace(pattern, (found) => real.get(found) as string);
}
