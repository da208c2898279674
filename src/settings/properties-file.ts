/** One `key=value` of a file; `line` is where it begins, from 1 (undefined: from the command line). */
export interface Property {
  readonly key: string;
  readonly value: string;
  readonly line?: number;
}

/** What is wrong, where, and what to do; a `warning` does not stop a role from starting. */
export interface SettingProblem {
  readonly severity: 'error' | 'warning';
  readonly key: string;
  /** A whole sentence without the place. */
  readonly message: string;
  readonly line?: number;
}

/** `server.properties:7: num.partitions must be at least 1, not 0` */
export function sentenceOf(file: string, problem: SettingProblem): string {
  return `${problem.line === undefined ? file : `${file}:${problem.line}`}: ${problem.message}`;
}

const escapes: Record<string, string> = { t: '\t', n: '\n', r: '\r', f: '\f' };

/**
 * Reads Java's properties format: comments with `#` or `!`, keys ended by `=`, `:` or white space, a backslash that
 * escapes or joins lines, `\uXXXX`. A later value of the same key wins, as in Java.
 *
 * Source: java.util.Properties.load.
 */
export function parseProperties(text: string): { properties: Property[]; problems: SettingProblem[] } {
  const properties: Property[] = [];
  const problems: SettingProblem[] = [];
  const lines = text.split(/\r\n|\n|\r/);
  for (let index = 0; index < lines.length; index++) {
    const line = index + 1;
    let logical = (lines[index] as string).trimStart();
    if (logical === '' || logical.startsWith('#') || logical.startsWith('!')) continue;
    while (endsInOddBackslashes(logical) && index + 1 < lines.length) {
      index++;
      logical = logical.slice(0, -1) + (lines[index] as string).trimStart();
    }
    const match = /^((?:[^\\=:\s]|\\.)*)(?:\s*[=:]\s*|\s+|$)([\s\S]*)$/.exec(logical);
    const [, rawKey = '', rawValue = ''] = match ?? [];
    if (rawKey === '') {
      problems.push({ severity: 'error', key: '', line, message: `"${logical}" has no name before its value` });
      continue;
    }
    try {
      properties.push({ key: withoutEscapes(rawKey), value: withoutEscapes(rawValue), line });
    } catch {
      problems.push({
        severity: 'error',
        key: rawKey,
        line,
        message: `${rawKey} has a \\u that four hexadecimal digits do not follow`,
      });
    }
  }
  return { properties, problems };
}

function endsInOddBackslashes(text: string): boolean {
  const backslashes = /\\*$/.exec(text)?.[0].length ?? 0;
  return backslashes % 2 === 1;
}

function withoutEscapes(text: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|u|[\s\S]|$)/g, (_, escaped: string) => {
    if (escaped === 'u') throw new Error('malformed \\uxxxx');
    if (escaped.startsWith('u')) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return escapes[escaped] ?? escaped;
  });
}

/** Writes one property so that `parseProperties` and Java read it back as it is. */
export function renderProperty(key: string, value: string): string {
  const escapeAll = (text: string): string =>
    text.replace(/[\\\t\n\r\f]/g, (char) => `\\${{ '\\': '\\', '\t': 't', '\n': 'n', '\r': 'r', '\f': 'f' }[char]}`);
  const safeKey = escapeAll(key).replace(/[ =:#!]/g, '\\$&');
  return `${safeKey}=${escapeAll(value).replace(/^ /, '\\ ')}`;
}

/** Writes properties in the given order, one a line. */
export function renderProperties(properties: Readonly<Record<string, string>>): string {
  return `${Object.entries(properties)
    .map(([key, value]) => renderProperty(key, value))
    .join('\n')}\n`;
}

/** The known name that a misspelt one most likely means: at most two letters away. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = 3;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[j] as number) + 1, (current[j - 1] as number) + 1));
    }
    previous = current;
  }
  return previous[b.length] as number;
}
