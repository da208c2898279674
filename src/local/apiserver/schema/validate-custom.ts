import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { isObject, type JsonObject } from '../object.ts';
import { type FieldError, fieldError } from '../status.ts';

/**
 * Checks custom objects against the schema of their definition with ajv, and says what is wrong in the sentences of
 * the original. A schema is compiled when the first object is checked against it.
 */
const compiled = new WeakMap<JsonObject, ValidateFunction>();

/** Formats that are checked; others say nothing, as in the original. */
const formats = {
  int32: { type: 'number', validate: (value: number) => Math.abs(value) < 2 ** 31 },
  'date-time': (text: string) => /^\d{4}-\d{2}-\d{2}[Tt ]/.test(text) && !Number.isNaN(Date.parse(text)),
  date: /^\d{4}-\d{2}-\d{2}$/,
  byte: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  ipv4: /^(?:\d{1,3}\.){3}\d{1,3}$/,
  uuid: /^[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$/,
  hostname: /^[a-zA-Z0-9]([-a-zA-Z0-9.]{0,251}[a-zA-Z0-9])?$/,
  email: /^[^@\s]+@[^@\s]+$/,
  duration: /^\s*([\d.]+\s*[a-zµ]+\s*)+$/i,
} as const;

const kept = new Set([
  ...['type', 'format', 'enum', 'nullable', 'required', 'pattern', 'minimum', 'maximum', 'multipleOf', 'minLength'],
  ...['maxLength', 'minItems', 'maxItems', 'uniqueItems', 'minProperties', 'maxProperties'],
]);

/** The schema in ajv's dialect: only keywords of validation, OpenAPI's boolean exclusive limits made numbers. */
function translated(schema: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const name in schema) {
    const value = schema[name];
    if (kept.has(name)) result[name] = value;
    else if (name === 'properties' && isObject(value)) {
      result.properties = Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, translated((inner ?? {}) as JsonObject)]),
      );
    } else if ((name === 'items' || name === 'not' || name === 'additionalProperties') && isObject(value)) {
      result[name] = translated(value);
    } else if ((name === 'allOf' || name === 'anyOf' || name === 'oneOf') && Array.isArray(value)) {
      result[name] = value.map((inner) => translated(inner as JsonObject));
    }
  }
  if (schema.exclusiveMinimum === true) {
    result.exclusiveMinimum = schema.minimum;
    delete result.minimum;
  }
  if (schema.exclusiveMaximum === true) {
    result.exclusiveMaximum = schema.maximum;
    delete result.maximum;
  }
  if (schema['x-kubernetes-int-or-string'] === true) result.type = ['integer', 'string'];
  if (schema.nullable === true) {
    delete result.nullable;
    if (result.type !== undefined) result.type = [...[result.type].flat(), 'null'] as string[];
    if (Array.isArray(result.enum)) result.enum = [...result.enum, null];
  }
  return result;
}

function validator(schema: JsonObject): ValidateFunction {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    const ajv = new Ajv({
      strict: false,
      allErrors: true,
      verbose: true,
      logger: false,
      unicodeRegExp: false,
      allowUnionTypes: true,
      formats,
    });
    validate = ajv.compile(translated(schema));
    compiled.set(schema, validate);
  }
  return validate;
}

/** More errors than this are not listed. */
const errorsLimit = 50;

export function customErrors(object: unknown, schema: JsonObject): FieldError[] {
  const validate = validator(schema);
  if (validate(object)) return [];
  // Of a text that is wrong in several ways the original names the first only.
  const named = new Set<string>();
  return (validate.errors ?? [])
    .toSorted((a, b) => textKeywords.indexOf(a.keyword) - textKeywords.indexOf(b.keyword))
    .filter((error) => {
      if (!textKeywords.includes(error.keyword)) return true;
      const again = named.has(error.instancePath);
      named.add(error.instancePath);
      return !again;
    })
    .slice(0, errorsLimit)
    .flatMap(sentence);
}

const textKeywords = ['maxLength', 'minLength', 'pattern'];

/** `/spec/list/0/name` as `spec.list[0].name`. */
function fieldPath(pointer: string): string {
  let path = '';
  for (const raw of pointer.split('/').slice(1)) {
    const step = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    if (/^\d+$/.test(step)) path += `[${step}]`;
    else path += path === '' ? step : `.${step}`;
  }
  return path;
}

const goTypeName = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
};

function sentence(error: ErrorObject): FieldError[] {
  const path = fieldPath(error.instancePath);
  const value = error.data;
  const params = error.params as Record<string, unknown>;
  const at = path === '' ? '<nil>' : path;
  const body = (why: string): FieldError[] => [fieldError.invalid(at, value, `${at} in body ${why}`)];
  switch (error.keyword) {
    case 'required':
      return [fieldError.required(path === '' ? String(params.missingProperty) : `${path}.${params.missingProperty}`)];
    case 'type': {
      const types = [params.type].flat().filter((type) => type !== 'null');
      const found = goTypeName(value);
      return [
        fieldError.typeInvalid(at, found, `${at} in body must be of type ${types.join(',')}: ${JSON.stringify(found)}`),
      ];
    }
    case 'enum':
      return [
        fieldError.notSupported(
          at,
          value,
          (params.allowedValues as unknown[]).filter((item) => item !== null),
        ),
      ];
    case 'minimum':
      return body(`should be greater than or equal to ${params.limit}`);
    case 'maximum':
      return body(`should be less than or equal to ${params.limit}`);
    case 'exclusiveMinimum':
      return body(`should be greater than ${params.limit}`);
    case 'exclusiveMaximum':
      return body(`should be less than ${params.limit}`);
    case 'multipleOf':
      return body(`should be a multiple of ${params.multipleOf}`);
    case 'minLength':
      return body(`should be at least ${params.limit} chars long`);
    case 'maxLength':
      return [{ type: 'TooLong', field: at, message: `Too long: may not be more than ${params.limit} bytes` }];
    case 'pattern':
      return body(`should match '${params.pattern}'`);
    case 'format':
      return body(`must be of type ${params.format}: ${JSON.stringify(value)}`);
    case 'minItems':
      return body(`should have at least ${params.limit} items`);
    case 'maxItems':
      return [fieldError.tooMany(at, (value as unknown[]).length, params.limit as number)];
    case 'uniqueItems':
      return body("shouldn't contain duplicates");
    case 'minProperties':
      return body(`should have at least ${params.limit} properties`);
    case 'maxProperties':
      return [fieldError.tooMany(at, Object.keys(value as object).length, params.limit as number)];
    case 'anyOf':
      return body('must validate at least one schema (anyOf)');
    case 'oneOf':
      return body('must validate one and only one schema (oneOf)');
    case 'not':
      return body('must not validate the schema (not)');
    default:
      return [];
  }
}
