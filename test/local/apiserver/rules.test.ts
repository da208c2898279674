import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../../src/local/apiserver/object.ts';
import { Quantity } from '../../../src/local/apiserver/schema/quantity.ts';
import { ruleErrors, ruleProblem } from '../../../src/local/apiserver/schema/rules.ts';

const schema: JsonObject = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      'x-kubernetes-validations': [
        { rule: 'self.min <= self.replicas', message: 'replicas below min', fieldPath: '.replicas' },
        { rule: '!has(self.name) || self.name.matches("^[a-z]+$")', messageExpression: '"not " + self.name' },
      ],
      properties: {
        min: { type: 'integer' },
        replicas: { type: 'integer' },
        name: { type: 'string' },
        fixed: {
          type: 'string',
          'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'fixed cannot change' }],
        },
        'with-dash': { type: 'integer' },
      },
    },
  },
};
const texts = (spec: JsonObject, old?: JsonObject): string[] =>
  ruleErrors({ spec }, old === undefined ? undefined : { spec: old }, schema).map(
    ({ field, message }) => `${field}: ${message}`,
  );

test('a rule that holds says nothing, one that does not says its message at its path', () => {
  expect(texts({ min: 1, replicas: 3 })).toEqual([]);
  expect(texts({ min: 4, replicas: 3 })).toEqual(['spec.replicas: Invalid value: replicas below min']);
  expect(texts({ min: 1, replicas: 3, name: 'A1' })).toEqual(['spec: Invalid value: not A1']);
});

test('a rule over the old value counts for updates only', () => {
  const spec = { min: 1, replicas: 1, fixed: 'a' };
  expect(texts(spec)).toEqual([]);
  expect(texts(spec, spec)).toEqual([]);
  expect(texts({ ...spec, fixed: 'b' }, spec)).toEqual(['spec.fixed: Invalid value: "b": fixed cannot change']);
  expect(texts(spec, { min: 1, replicas: 1 })).toEqual([]);
});

test('a rule that stumbles over a missing field is an error of the object, not of the server', () => {
  expect(texts({ replicas: 1 })[0]).toContain('rule evaluation error');
});

test('a rule that is no CEL, or of another type than its field, is found before it is used', () => {
  expect(ruleProblem({ rule: 'self +' }, { type: 'integer' })).toContain('compilation failed');
  expect(ruleProblem({ rule: 'self.foo > 1' }, { type: 'integer' })).toContain('compilation failed');
  expect(ruleProblem({ rule: 'isURL(self)' }, { type: 'string' })).toContain('compilation failed');
  expect(
    ruleProblem({ rule: 'self.all(x, x > 1) && quantity("1Gi").compareTo(quantity("1")) > 0' }, { type: 'array' }),
  ).toBeUndefined();
});

test('quantities compare by value, however they are written', () => {
  for (const [less, more] of [
    ['1', '1001m'],
    ['1G', '1Gi'],
    ['999Mi', '1Gi'],
    ['-1', '0'],
    ['1e3', '1.001k'],
    ['100n', '1u'],
  ] as const) {
    expect([new Quantity(less).compareTo(new Quantity(more)), less]).toEqual([-1n, less]);
    expect(new Quantity(more).compareTo(new Quantity(less))).toBe(1n);
  }
  expect(new Quantity('1024Mi').compareTo(new Quantity('1Gi'))).toBe(0n);
  expect(new Quantity('2k').integer()).toBe(2000n);
  expect(new Quantity('1500m').integer()).toBeUndefined();
});

test('no text makes a quantity fail in another way than by saying that it is none', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), (text) => {
      try {
        new Quantity(text);
      } catch (cause) {
        expect((cause as Error).message).toMatch(/is not a quantity|too large or too small/);
      }
    }),
  );
});
