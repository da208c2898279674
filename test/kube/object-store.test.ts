import { expect, test } from 'vitest';
import { type KubeObject, keyOf, keyText, microTimeText, parseKey, timeText } from '../../src/kube/index.ts';
import { createObjectStore } from '../../src/kube/object-store.ts';

const thing = (name: string, resourceVersion: string, owner?: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: {
    name,
    namespace: 'default',
    resourceVersion,
    uid: `uid-${name}`,
    ...(owner === undefined
      ? {}
      : { ownerReferences: [{ apiVersion: 'v1', kind: 'Owner', name: owner, uid: owner, controller: true }] }),
  },
});
const owners = (object: KubeObject) => (object.metadata.ownerReferences ?? []).map(({ uid }) => uid);

test('keys name an object in one text and back', () => {
  expect(keyText({ namespace: 'default', name: 'a' })).toBe('default/a');
  expect(keyText({ name: 'node-a' })).toBe('node-a');
  expect(parseKey('default/a')).toEqual({ namespace: 'default', name: 'a' });
  expect(parseKey('node-a')).toEqual({ name: 'node-a' });
});

test('times are written as the API server reads them', () => {
  expect(timeText(0)).toBe('1970-01-01T00:00:00Z');
  expect(microTimeText(1_234)).toBe('1970-01-01T00:00:01.234000Z');
});

test('an index finds objects by their present value only', () => {
  const store = createObjectStore({ owners });
  store.put(thing('a', '1', 'x'));
  store.put(thing('b', '2', 'x'));
  expect(store.byIndex('owners', 'x').map(keyOf)).toEqual(['default/a', 'default/b']);
  store.put(thing('a', '3', 'y'));
  expect(store.byIndex('owners', 'x').map(keyOf)).toEqual(['default/b']);
  expect(store.byIndex('owners', 'y').map(keyOf)).toEqual(['default/a']);
  store.remove('default/a');
  expect(store.byIndex('owners', 'y')).toEqual([]);
  expect(store.byIndex('no such index', 'y')).toEqual([]);
});

test('the same version again is no change', () => {
  const store = createObjectStore();
  expect(store.put(thing('a', '1'))).toBeDefined();
  expect(store.put(thing('a', '1'))).toBeUndefined();
  expect(store.put(thing('a', '2'))?.previous?.metadata.resourceVersion).toBe('1');
});

test('replacing everything tells what went, what came and what changed, and not what stayed', () => {
  const store = createObjectStore();
  for (const name of ['gone', 'same', 'changed']) store.put(thing(name, '1'));
  const changes = store.replaceAll([thing('same', '1'), thing('changed', '2'), thing('new', '3')]);
  expect(changes.map(({ key, previous, current }) => [key, previous !== undefined, current !== undefined])).toEqual([
    ['default/gone', true, false],
    ['default/changed', true, true],
    ['default/new', false, true],
  ]);
  expect(store.size).toBe(3);
});
