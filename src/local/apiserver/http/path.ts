/** What a path asks for. */
export type ResourcePath = {
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly plural: string;
  readonly name: string | undefined;
  readonly subresource: string;
  /** The old form of a watch: `/api/v1/watch/...`. */
  readonly watch: boolean;
};

/** @returns undefined for a path that is none of a resource */
export function parseResourcePath(pathname: string): ResourcePath | undefined {
  let parts: string[];
  try {
    parts = pathname.split('/').slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
  if (parts.at(-1) === '') parts.pop();
  let group = '';
  if (parts[0] === 'api') parts = parts.slice(1);
  else if (parts[0] === 'apis') {
    group = parts[1] ?? '';
    parts = parts.slice(2);
  } else return undefined;
  const version = parts.shift();
  if (version === undefined) return undefined;
  const watch = parts[0] === 'watch';
  if (watch) parts.shift();
  let namespace: string | undefined;
  // `/namespaces/x/pods` lies in a namespace; `/namespaces/x`, `/namespaces/x/status` and `/finalize` are about one.
  const aboutNamespace = group === '' && (parts.length <= 2 || parts[2] === 'status' || parts[2] === 'finalize');
  if (parts[0] === 'namespaces' && !aboutNamespace) {
    namespace = parts[1];
    parts = parts.slice(2);
  }
  const [plural, name, subresource, ...more] = parts;
  if (plural === undefined || plural === '' || name === '' || more.length > 0) return undefined;
  return { group, version, namespace, plural, name, subresource: subresource ?? '', watch };
}
