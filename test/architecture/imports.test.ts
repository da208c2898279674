import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

/** Who may import whom: docs/ARCHITECTURE.md. Everyone may import `base`; a folder may import itself. */
const allowed: Record<string, readonly string[]> = {
  base: [],
  platform: [],
  kube: [],
  protocol: [],
  auth: [],
  settings: [],
  placement: [],
  quorum: [],
  log: ['protocol'],
  metadata: ['protocol', 'auth', 'settings', 'placement'],
  coordinator: ['protocol', 'settings'],
  client: ['protocol', 'auth'],
  api: ['settings'],
  broker: ['protocol', 'auth', 'settings', 'quorum', 'log', 'metadata', 'coordinator', 'client', 'placement'],
  zookeeper: ['protocol', 'auth', 'settings', 'quorum', 'log', 'client'],
  operator: ['api', 'kube', 'settings', 'auth', 'placement', 'client'],
  local: ['api', 'kube'],
};

const source = resolve(import.meta.dirname, '../../src');

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return filesBelow(path);
    return path.endsWith('.ts') ? [path] : [];
  });
}

/** The modules a file names in `import`, `export ... from` and `import()`. */
function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)'([^']+)'/g)].map((match) => match[1] as string);
}

function violations(path: string, text: string): string[] {
  const [folder] = relative(source, path).split('/') as [string];
  if (folder === 'cli' || folder === 'main.ts') return [];
  const rules = allowed[folder];
  if (rules === undefined) return [`${folder}/ is not in the table of docs/ARCHITECTURE.md`];
  return importsOf(text)
    .filter((name) => name.startsWith('.'))
    .flatMap((name) => {
      const target = relative(source, resolve(dirname(path), name));
      const [to] = target.split('/') as [string];
      if (to === folder) return [];
      const where = `${relative(source, path)} imports ${target}`;
      if (to !== 'base' && !rules.includes(to)) return [`${where}: ${folder}/ may not import ${to}/`];
      // A folder's face is its index.ts; protocol/ and client/ have one face per protocol.
      if (!/^[\w-]+(\/[\w-]+)?\/index\.ts$/.test(target)) return [`${where}: import the folder's index.ts`];
      return [];
    });
}

test('every import in src follows the table of the architecture', () => {
  const files = filesBelow(source);
  expect(files.length).toBeGreaterThan(0);
  expect(files.flatMap((path) => violations(path, readFileSync(path, 'utf8')))).toEqual([]);
});

test('a forbidden import, an inner file of another folder and an unknown folder are found', () => {
  expect(violations(join(source, 'log/log.ts'), "import { x } from '../broker/index.ts';")).toHaveLength(1);
  expect(violations(join(source, 'broker/socket/a.ts'), "import { x } from '../../log/segment.ts';")).toHaveLength(1);
  expect(violations(join(source, 'odd/a.ts'), '')).toHaveLength(1);
  expect(violations(join(source, 'broker/socket/a.ts'), "import { x } from '../../log/index.ts';")).toEqual([]);
});
