import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compare,
  difference,
  type FieldSet,
  fieldSetFromJson,
  fieldSetToJson,
  fieldsOf,
  intersection,
  pathsOf,
  sameFields,
  union,
} from '../../../src/local/apiserver/apply/field-set.ts';
import { applyConfiguration, ownUpdate } from '../../../src/local/apiserver/apply/managed-fields.ts';
import { mergeApplied, removeFields } from '../../../src/local/apiserver/apply/merge.ts';
import { builtinType } from '../../../src/local/apiserver/kinds/builtin-types.ts';
import type { JsonObject, KubeObject } from '../../../src/local/apiserver/object.ts';
import { strategicMerge } from '../../../src/local/apiserver/patch/strategic-merge.ts';
import { customStructure } from '../../../src/local/apiserver/schema/custom-structure.ts';
import { Refusal } from '../../../src/local/apiserver/status.ts';

const service = builtinType('core.v1.Service');
const pod = builtinType('core.v1.Pod');
const widget = customStructure({
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        a: { type: 'integer' },
        b: { type: 'string' },
        inner: { type: 'object', properties: { c: { type: 'string' }, d: { type: 'string' } } },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        plain: { type: 'array', items: { type: 'string' } },
        tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
        items: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: { type: 'object', properties: { name: { type: 'string' }, value: { type: 'integer' } } },
        },
      },
    },
  },
});

const object = (spec?: JsonObject): KubeObject => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'w' },
  ...(spec === undefined ? {} : { spec }),
});

const write = (live: KubeObject | undefined, manager: string, operation: 'Apply' | 'Update') => ({
  live,
  writer: { manager, operation, apiVersion: 'example.com/v1', subresource: '' },
  structure: widget,
  custom: true,
  hasStatus: true,
  now: '2030-01-01T00:00:00Z',
});

function apply(live: KubeObject | undefined, manager: string, spec: JsonObject | undefined, force = false): KubeObject {
  const applied = applyConfiguration(object(spec), force, write(live, manager, 'Apply'));
  return applied.own(applied.object);
}

const ownersOf = (of: KubeObject): Record<string, string[]> =>
  Object.fromEntries(
    (of.metadata.managedFields ?? []).map(({ manager, fieldsV1 }) => [
      manager,
      pathsOf(fieldSetFromJson(fieldsV1 as JsonObject)).sort(),
    ]),
  );

describe('sets of fields', () => {
  const steps = fc.constantFrom('f:a', 'f:b', 'f:c', 'k:{"name":"x"}', 'v:"y"');
  const level = (below: fc.Arbitrary<JsonObject>): fc.Arbitrary<JsonObject> =>
    fc.dictionary(steps, below, { maxKeys: 3 }) as fc.Arbitrary<JsonObject>;
  const sets: fc.Arbitrary<FieldSet> = level(level(level(fc.constant({})))).map((json) => fieldSetFromJson(json));

  test('survive being written and read', () => {
    fc.assert(fc.property(sets, (set) => sameFields(fieldSetFromJson(fieldSetToJson(set)), set)));
  });
  test('a union minus one side is the other without what both have', () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => sameFields(difference(union(a, b), b), difference(a, intersection(a, b)))),
    );
  });
  test('what both have is the same from either side', () => {
    fc.assert(fc.property(sets, sets, (a, b) => sameFields(intersection(a, b), intersection(b, a))));
  });
});

describe('comparing and merging', () => {
  const specs = fc.record(
    {
      a: fc.integer({ min: 0, max: 3 }),
      b: fc.constantFrom('x', 'y'),
      inner: fc.record({ c: fc.constantFrom('1', '2'), d: fc.constantFrom('1', '2') }, { requiredKeys: [] }),
      labels: fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('1', '2')),
      plain: fc.array(fc.constantFrom('p', 'q'), { maxLength: 2 }),
      tags: fc.uniqueArray(fc.constantFrom('s', 't', 'u')),
      items: fc.uniqueArray(fc.record({ name: fc.constantFrom('i', 'j'), value: fc.integer({ min: 0, max: 2 }) }), {
        selector: (item) => item.name,
      }),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<JsonObject>;

  test('equal values have no difference', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const { changed, removed } = compare(object(spec), structuredClone(object(spec)), widget);
        expect([changed.size, removed.size]).toEqual([0, 0]);
      }),
    );
  });
  test('an applied configuration is in the result, whatever was there', () => {
    fc.assert(
      fc.property(specs, specs, (live, applied) => {
        const merged = mergeApplied(object(live), object(applied), widget);
        const again = mergeApplied(merged, object(applied), widget);
        expect(again).toEqual(merged);
        const { changed } = compare(merged, mergeApplied(merged, object(applied), widget), widget);
        expect(changed.size).toBe(0);
      }),
    );
  });
  test('applying, and then applying nothing, leaves what others own and nothing of the own', () => {
    fc.assert(
      fc.property(specs, specs, (first, second) => {
        const live = apply(undefined, 'one', first);
        const both = apply(live, 'two', second, true);
        const after = apply(both, 'two', undefined, true);
        const left = fieldsOf({ spec: (after.spec ?? {}) as JsonObject }, widget);
        const ofOne = after.metadata.managedFields?.find((entry) => entry.manager === 'one')?.fieldsV1 ?? {};
        expect(difference(fieldSetFromJson(ofOne), left).size).toBe(0);
        expect(ownersOf(after).two).toBeUndefined();
      }),
    );
  });
  test('removing the fields of a configuration leaves none of them', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const set = fieldsOf({ spec }, widget);
        const left = removeFields({ spec }, set, widget);
        expect(intersection(fieldsOf(left, widget), set).size).toBe(0);
      }),
    );
  });
});

describe('server-side apply', () => {
  test('another owner of the same value is no conflict, of another value it is', () => {
    const live = apply(undefined, 'one', { a: 1, b: 'x' });
    const shared = apply(live, 'two', { a: 1 });
    expect(ownersOf(shared)).toEqual({ one: ['.spec.a', '.spec.b'], two: ['.spec.a'] });
    expect(() => apply(shared, 'three', { a: 2 })).toThrow(Refusal);
    expect(() => apply(live, 'two', { a: 2 })).toThrow('Apply failed with 1 conflict: conflict with "one": .spec.a');
  });
  test('force takes the field from its owners', () => {
    const live = apply(undefined, 'one', { a: 1, b: 'x' });
    const taken = apply(live, 'two', { a: 2 }, true);
    expect(taken.spec).toEqual({ a: 2, b: 'x' });
    expect(ownersOf(taken)).toEqual({ one: ['.spec.b'], two: ['.spec.a'] });
  });
  test('a field that its last owner applies no more goes, with a parent that nobody needs', () => {
    const live = apply(undefined, 'one', {
      a: 1,
      inner: { c: 'x' },
      tags: ['s', 't'],
      items: [{ name: 'i', value: 1 }],
    });
    const less = apply(live, 'one', { a: 1, tags: ['t'] });
    expect(less.spec).toEqual({ a: 1, tags: ['t'] });
  });
  test('a field with another owner stays when one stops applying it', () => {
    const live = apply(apply(undefined, 'one', { a: 1, b: 'x' }), 'two', { a: 1 });
    const less = apply(live, 'one', { b: 'x' });
    expect(less.spec).toEqual({ a: 1, b: 'x' });
    expect(ownersOf(less)).toEqual({ one: ['.spec.b'], two: ['.spec.a'] });
  });
  test('an update takes what it changes and releases what it removes', () => {
    const live = apply(undefined, 'one', { a: 1, b: 'x', inner: { c: '1' } });
    const next = ownUpdate({ ...live, spec: { a: 2, inner: { c: '1' } } }, write(live, 'editor', 'Update'));
    expect(ownersOf(next)).toEqual({ one: ['.spec.inner.c'], editor: ['.spec.a'] });
  });
  test('more than ten updaters are folded into one', () => {
    let live = object({ labels: {} });
    for (let index = 0; index < 15; index += 1) {
      const labels = { ...((live.spec as JsonObject).labels as object), [`l${index}`]: '1' };
      live = ownUpdate({ ...live, spec: { labels } }, write(live, `m${index}`, 'Update'));
    }
    const managers = live.metadata.managedFields?.map((entry) => entry.manager);
    expect(managers?.length).toBeLessThanOrEqual(10);
    expect(managers).toContain('ancient-changes');
  });
  test('items of a list with two keys are told apart by the default of the one that is missing', () => {
    const fields = fieldsOf({ spec: { ports: [{ port: 53 }, { port: 53, protocol: 'UDP' }] } }, service);
    expect(Object.keys((fieldSetToJson(fields)['f:spec'] as JsonObject)['f:ports'] as JsonObject)).toEqual([
      'k:{"port":53,"protocol":"TCP"}',
      'k:{"port":53,"protocol":"UDP"}',
    ]);
  });
});

describe('strategic merge', () => {
  const containers = (patch: JsonObject[], extra: JsonObject = {}): unknown =>
    (
      strategicMerge(
        {
          spec: {
            containers: [
              { name: 'a', image: '1', env: [{ name: 'X', value: '1' }] },
              { name: 'b', image: '1' },
            ],
          },
        },
        { spec: { containers: patch, ...extra } },
        pod,
      ).spec as JsonObject
    ).containers;

  test('merges items by their key, and inside them', () => {
    expect(
      containers([
        { name: 'b', image: '2' },
        { name: 'a', env: [{ name: 'Y', value: '2' }] },
      ]),
    ).toEqual([
      { name: 'b', image: '2' },
      {
        name: 'a',
        image: '1',
        env: [
          { name: 'Y', value: '2' },
          { name: 'X', value: '1' },
        ],
      },
    ]);
  });
  test('deletes and replaces by directives, and orders by a wish', () => {
    expect(containers([{ name: 'a', $patch: 'delete' }])).toEqual([{ name: 'b', image: '1' }]);
    expect(containers([{ name: 'c' }, { $patch: 'replace' }])).toEqual([{ name: 'c' }]);
    expect(
      containers([{ name: 'c', image: '3' }], {
        '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }, { name: 'a' }],
      }),
    ).toMatchObject([{ name: 'c' }, { name: 'b' }, { name: 'a' }]);
  });
  test('merges lists of single values and takes out of them', () => {
    const live = { metadata: { finalizers: ['a', 'b'] } };
    expect(strategicMerge(live, { metadata: { finalizers: ['c'] } }, pod)).toEqual({
      metadata: { finalizers: ['a', 'b', 'c'] },
    });
    expect(strategicMerge(live, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } }, pod)).toEqual({
      metadata: { finalizers: ['b'] },
    });
  });
  test('keeps only the named keys, replaces whole objects, deletes by null', () => {
    const live = { spec: { nodeSelector: { a: '1', b: '2' }, volumes: [{ name: 'v', emptyDir: {}, hostPath: {} }] } };
    expect(strategicMerge(live, { spec: { nodeSelector: { $patch: 'replace', c: '3' } } }, pod).spec).toMatchObject({
      nodeSelector: { c: '3' },
    });
    expect(strategicMerge(live, { spec: { nodeSelector: null } }, pod).spec).not.toHaveProperty('nodeSelector');
    expect(
      strategicMerge(
        live,
        { spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] } },
        pod,
      ).spec,
    ).toMatchObject({ volumes: [{ name: 'v', hostPath: { path: '/x' } }] });
  });
});
