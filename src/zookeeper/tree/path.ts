/** Everything before the last slash, `/` for children of the root. The path has been checked. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

export const childOf = (parent: string, name: string): string => (parent === '/' ? `/${name}` : `${parent}/${name}`);

/**
 * What is wrong with a path; undefined if nothing is.
 *
 * Source: PathUtils.validatePath.
 */
export function pathProblem(path: string): string | undefined {
  if (path.length === 0) return 'a path must not be empty';
  if (path.charCodeAt(0) !== 0x2f) return 'a path must begin with /';
  if (path.length === 1) return undefined;
  if (path.charCodeAt(path.length - 1) === 0x2f) return 'a path must not end with /';
  let segmentStart = 1;
  for (let index = 1; index <= path.length; index++) {
    const code = index === path.length ? 0x2f : path.charCodeAt(index);
    if (code === 0x2f) {
      const length = index - segmentStart;
      if (length === 0) return 'a path must not have an empty part';
      const dot = path.charCodeAt(segmentStart) === 0x2e;
      if (dot && (length === 1 || (length === 2 && path.charCodeAt(segmentStart + 1) === 0x2e))) {
        return 'a path must not have the parts . or ..';
      }
      segmentStart = index + 1;
    } else if (code === 0) return 'a path must not have the character 0';
    else if (code <= 0x1f || (code >= 0x7f && code <= 0x9f) || (code >= 0xd800 && code <= 0xf8ff) || code >= 0xfff0) {
      return `a path must not have the character U+${code.toString(16).padStart(4, '0')}`;
    }
  }
  return undefined;
}
