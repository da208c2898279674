import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { customResourceDefinitions } from '../../src/api/index.ts';
import { generatedFiles } from '../../src/cli/generated-files.ts';

const root = resolve(import.meta.dirname, '../..');

type Schema = { readonly [key: string]: unknown };

function nodesOf(schema: Schema, path: string): [string, Schema][] {
  const children: [string, Schema][] = [
    ...Object.entries((schema.properties ?? {}) as Record<string, Schema>).map(([name, child]): [string, Schema] => [
      `${path}.${name}`,
      child,
    ]),
    ...(schema.items === undefined ? [] : [[`${path}[]`, schema.items as Schema] as [string, Schema]]),
  ];
  return [[path, schema], ...children.flatMap(([name, child]) => nodesOf(child, name))];
}

const schemas = customResourceDefinitions().map((definition) => {
  const [version] = definition.spec.versions as { schema: { openAPIV3Schema: Schema } }[];
  return [(definition.spec.names as { kind: string }).kind, version?.schema.openAPIV3Schema as Schema] as const;
});

test('crds/ holds what src/api says, and nothing else', () => {
  const files = generatedFiles();
  for (const [path, content] of Object.entries(files)) {
    expect(readFileSync(resolve(root, path), 'utf8'), `${path} is stale: npm run generate`).toBe(content);
  }
  const onDisk = readdirSync(resolve(root, 'crds')).map((name) => `crds/${name}`);
  expect(onDisk.toSorted()).toEqual(
    Object.keys(files)
      .filter((path) => path.startsWith('crds/'))
      .toSorted(),
  );
});

test.each(schemas)('every field of %s has a description for kubectl explain', (_kind, schema) => {
  const silent = nodesOf(schema, '')
    .filter(([path]) => path !== '.metadata' && path !== '.metadata.name')
    .filter(([, node]) => typeof node.description !== 'string' || node.description === '')
    .map(([path]) => path);
  expect(silent).toEqual([]);
});

test.each(schemas)('the schema of %s is structural: no alternatives of types, no closed objects', (_kind, schema) => {
  for (const [path, node] of nodesOf(schema, '')) {
    expect(node.additionalProperties, path).not.toBe(false);
    if (node['x-kubernetes-int-or-string'] === true) continue;
    expect(Object.keys(node), path).not.toContain('anyOf');
    expect(node.type, path).toBeDefined();
  }
});

test('defaults are in the schema, so that a person sees them in what the API server stores', () => {
  const cluster = new Map(schemas).get('KafkaCluster') as Schema;
  const at = (path: string): unknown => nodesOf(cluster, '').find(([name]) => name === path)?.[1].default;
  expect(at('.spec.engine')).toBe('embedded');
  expect(at('.spec.replicas')).toBe(3);
  expect(at('.spec.resourcesPreset')).toBe('small');
  expect(at('.spec.storage')).toEqual({});
  expect(at('.spec.storage.size')).toBe('10Gi');
  expect(at('.spec.storage.deletionPolicy')).toBe('Retain');
  expect(at('.spec.external')).toBe(false);
});
