import { Environment } from '@marcbachmann/cel-js';
import { isObject, type JsonObject } from '../object.ts';
import { type FieldError, fieldError, shown } from '../status.ts';
import { Quantity, quantityPattern } from './quantity.ts';

/**
 * The rules in CEL of a custom schema (`x-kubernetes-validations`): checked for their syntax when a definition is
 * written, and evaluated over an object, and over its old form where a rule names `oldSelf`.
 *
 * Left out of what the original offers: the libraries for URLs, IP addresses, CIDRs, semantic versions and named
 * formats, and estimates of cost. A rule that uses them is refused with its definition.
 */
export type Rule = {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
};

/** A schema that is nested deeper is not searched for rules. */
const depthLimit = 64;

function environment(type: string): Environment {
  return new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true })
    .registerVariable('self', type)
    .registerVariable('oldSelf', type)
    .registerType('Quantity', Quantity)
    .registerFunction('quantity(string): Quantity', (text: string) => new Quantity(text))
    .registerFunction('isQuantity(string): bool', (text: string) => quantityPattern.test(text))
    .registerFunction('Quantity.compareTo(Quantity): int', (a: Quantity, b: Quantity) => a.compareTo(b))
    .registerFunction('Quantity.isGreaterThan(Quantity): bool', (a: Quantity, b: Quantity) => a.compareTo(b) > 0n)
    .registerFunction('Quantity.isLessThan(Quantity): bool', (a: Quantity, b: Quantity) => a.compareTo(b) < 0n)
    .registerFunction('Quantity.sign(): int', (a: Quantity) => a.compareTo(new Quantity('0')))
    .registerFunction('Quantity.isInteger(): bool', (a: Quantity) => a.integer() !== undefined)
    .registerFunction('Quantity.asInteger(): int', (a: Quantity) => {
      const value = a.integer();
      if (value === undefined) throw new Error('cannot convert value to integer');
      return value;
    })
    .registerFunction('list.isSorted(): bool', (list: unknown[]) =>
      list.every((item, index) => index === 0 || (list[index - 1] as number) <= (item as number)),
    )
    .registerFunction('list.sum(): dyn', (list: unknown[]) =>
      list.reduce(
        (sum, item) => (sum as bigint) + (item as bigint),
        list.every((item) => typeof item === 'bigint') ? 0n : 0,
      ),
    )
    .registerFunction('list.min(): dyn', (list: unknown[]) => extreme(list, (a, b) => a < b))
    .registerFunction('list.max(): dyn', (list: unknown[]) => extreme(list, (a, b) => a > b))
    .registerFunction('list.indexOf(dyn): int', (list: unknown[], item: unknown) => BigInt(list.indexOf(item)))
    .registerFunction('list.lastIndexOf(dyn): int', (list: unknown[], item: unknown) => BigInt(list.lastIndexOf(item)))
    .registerFunction(
      'string.find(string): string',
      (text: string, pattern: string) => new RegExp(pattern).exec(text)?.[0] ?? '',
    )
    .registerFunction(
      'string.findAll(string): list<string>',
      (text: string, pattern: string) => text.match(new RegExp(pattern, 'g')) ?? [],
    )
    .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
      text.replaceAll(from, to),
    );
}

function extreme(list: readonly unknown[], better: (a: number, b: number) => boolean): unknown {
  if (list.length === 0) throw new Error('an empty list has no least or greatest item');
  return list.reduce((best, item) => (better(item as number, best as number) ? item : best));
}

const environments = new Map<string, Environment>();

/** @param type  of `self`, as far as it helps to find mistakes: a scalar, or `dyn` */
function environmentFor(type: string): Environment {
  let made = environments.get(type);
  if (made === undefined) {
    made = environment(type);
    environments.set(type, made);
  }
  return made;
}

const scalarTypes: Record<string, string> = { integer: 'int', number: 'double', boolean: 'bool', string: 'string' };

const selfType = (schema: JsonObject): string =>
  schema.format === undefined && schema.nullable !== true ? (scalarTypes[String(schema.type)] ?? 'dyn') : 'dyn';

type Compiled = {
  readonly rule: Rule;
  readonly evaluate: (context: Record<string, unknown>) => unknown;
  readonly message: ((context: Record<string, unknown>) => unknown) | undefined;
  readonly usesOld: boolean;
};

const compiledRules = new WeakMap<JsonObject, readonly Compiled[]>();

function rulesOf(schema: JsonObject): readonly Compiled[] {
  const known = compiledRules.get(schema);
  if (known !== undefined) return known;
  const written = schema['x-kubernetes-validations'];
  const rules = (Array.isArray(written) ? (written as unknown as Rule[]) : []).flatMap((rule): Compiled[] => {
    try {
      const message =
        (rule.messageExpression ?? '') === ''
          ? undefined
          : environmentFor('dyn').parse(rule.messageExpression as string);
      return [
        { rule, evaluate: environmentFor('dyn').parse(rule.rule), message, usesOld: /\boldSelf\b/.test(rule.rule) },
      ];
    } catch {
      // Its definition was refused, or comes from before rules were checked.
      return [];
    }
  });
  compiledRules.set(schema, rules);
  return rules;
}

/** Why a rule cannot be evaluated, for the definition that brings it. */
export function ruleProblem(rule: Rule, schema: JsonObject): FieldError['message'] | undefined {
  for (const text of [rule.rule, rule.messageExpression ?? '']) {
    if (text === '') continue;
    const checked = environmentFor(selfType(schema)).check(text);
    if (!checked.valid) {
      const why = checked.error?.message.split('\n')[0] ?? 'it is no CEL';
      return `Invalid value: ${shown(goRule(rule))}: compilation failed: ERROR: ${why}`;
    }
  }
  return undefined;
}

/** A rule as Go writes its struct. */
const goRule = ({ rule, message, messageExpression, reason, fieldPath, optionalOldSelf }: Rule): object => ({
  Rule: rule,
  Message: message ?? '',
  MessageExpression: messageExpression ?? '',
  Reason: reason ?? null,
  FieldPath: fieldPath ?? '',
  OptionalOldSelf: optionalOldSelf ?? null,
});

const withRules = new WeakMap<JsonObject, boolean>();

/** Whether a rule stands anywhere in the schema. */
export function hasRules(schema: JsonObject, depth = 0): boolean {
  const known = withRules.get(schema);
  if (known !== undefined) return known;
  const inner = [
    ...Object.values((schema.properties ?? {}) as JsonObject),
    schema.items,
    schema.additionalProperties,
  ].filter(isObject);
  const found =
    schema['x-kubernetes-validations'] !== undefined ||
    (depth < depthLimit && inner.some((below) => hasRules(below, depth + 1)));
  withRules.set(schema, found);
  return found;
}

/** More errors than this are not listed. */
const errorsLimit = 50;

/** @param old  the object before an update; rules that name `oldSelf` hold for updates only */
export function ruleErrors(object: unknown, old: unknown, schema: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  if (hasRules(schema)) walk(object, old, schema, '', errors, true);
  return errors.slice(0, errorsLimit);
}

function walk(
  value: unknown,
  old: unknown,
  schema: JsonObject,
  path: string,
  errors: FieldError[],
  root = false,
): void {
  if (value === undefined || value === null || !hasRules(schema) || errors.length >= errorsLimit) return;
  if (schema['x-kubernetes-validations'] !== undefined) evaluate(value, old, schema, path, errors, root);
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!isObject(items)) return;
    const olds = correlated(old, schema);
    for (const [index, item] of value.entries()) walk(item, olds(item), items, `${path}[${index}]`, errors);
  } else if (isObject(value)) {
    const before = isObject(old) ? old : {};
    for (const [name, inner] of Object.entries((schema.properties ?? {}) as JsonObject)) {
      if (!isObject(inner) || (root && name === 'metadata')) continue;
      walk(value[name], before[name], inner, path === '' ? name : `${path}.${name}`, errors);
    }
    const values = schema.additionalProperties;
    if (isObject(values)) for (const name in value) walk(value[name], before[name], values, `${path}[${name}]`, errors);
  }
}

/** The old form of an item: only items of keyed lists have one. */
function correlated(old: unknown, schema: JsonObject): (item: unknown) => unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(keys) || !Array.isArray(old)) return () => undefined;
  const keyOf = (item: unknown): string =>
    JSON.stringify(keys.map((key) => (isObject(item) ? item[String(key)] : undefined)));
  const byKey = new Map(old.map((item) => [keyOf(item), item]));
  return (item) => byKey.get(keyOf(item));
}

function evaluate(
  value: unknown,
  old: unknown,
  schema: JsonObject,
  path: string,
  errors: FieldError[],
  root: boolean,
): void {
  const context: Record<string, unknown> = { self: celValue(value, schema, root) };
  if (old !== undefined && old !== null) context.oldSelf = celValue(old, schema, root);
  for (const { rule, evaluate: run, message, usesOld } of rulesOf(schema)) {
    if (usesOld && context.oldSelf === undefined) continue;
    let problem: string | undefined;
    try {
      if (run(context) === true) continue;
    } catch (cause) {
      problem = `rule evaluation error: ${(cause as Error).message.split('\n')[0]}`;
    }
    const text = problem ?? messageOf(rule, message, context);
    errors.push(ruleError(rule, `${path}${rule.fieldPath ?? ''}`.replace(/^\./, '') || '<nil>', value, text));
  }
}

function messageOf(rule: Rule, message: Compiled['message'], context: Record<string, unknown>): string {
  if (message !== undefined) {
    try {
      const text = message(context);
      if (typeof text === 'string' && text.trim() !== '') return text.trim();
    } catch {
      // The plain message serves, as in the original.
    }
  }
  return rule.message ?? `failed rule: ${rule.rule.trim()}`;
}

function ruleError(rule: Rule, field: string, value: unknown, text: string): FieldError {
  // Of an object or a list the original does not show the value.
  const value_ = typeof value === 'object' ? '' : `${shown(value)}: `;
  switch (rule.reason) {
    case 'FieldValueRequired':
      return fieldError.required(field, text);
    case 'FieldValueForbidden':
      return fieldError.forbidden(field, text);
    case 'FieldValueDuplicate':
      return { type: 'Duplicate', field, message: `Duplicate value: ${value_}${text}` };
    default:
      return { type: 'Invalid', field, message: `Invalid value: ${value_}${text}` };
  }
}

/** A JSON value as CEL sees it: whole numbers of integer fields are ints, times and durations are such. */
function celValue(value: unknown, schema: JsonObject, root = false): unknown {
  if (typeof value === 'number') {
    const isInteger =
      schema.type === 'integer' || (schema['x-kubernetes-int-or-string'] === true && Number.isInteger(value));
    return isInteger ? BigInt(value) : value;
  }
  if (typeof value === 'string') return schema.format === 'date-time' ? new Date(value) : value;
  if (Array.isArray(value)) {
    const items = isObject(schema.items) ? schema.items : {};
    return value.map((item) => celValue(item, items));
  }
  if (!isObject(value)) return value;
  const properties = (isObject(schema.properties) ? schema.properties : {}) as JsonObject;
  const values = isObject(schema.additionalProperties) ? schema.additionalProperties : {};
  const result: Record<string, unknown> = {};
  for (const name in value) {
    const inner = properties[name];
    if (value[name] === null || value[name] === undefined) continue;
    if (root && name === 'metadata') {
      // Of metadata a rule sees the names only.
      const { name: own, generateName } = value.metadata as { name?: string; generateName?: string };
      result.metadata = {
        ...(own === undefined ? {} : { name: own }),
        ...(generateName === undefined ? {} : { generateName }),
      };
    } else {
      result[isObject(schema.properties) ? escaped(name) : name] = celValue(
        value[name],
        isObject(inner) ? inner : values,
      );
    }
  }
  return result;
}

/** Names of fields that are no identifiers are written otherwise in a rule: `__dash__` for a dash, and so on. */
const escaped = (name: string): string =>
  name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
