/** What a property takes, in Kafka's words (`ConfigDef.Type`). */
export type PropertyType = 'boolean' | 'int' | 'short' | 'long' | 'double' | 'list' | 'password' | 'string';

export interface PropertyDefinition {
  readonly type: PropertyType;
  /** The default, as it would stand in the file; absent: null in Kafka's terms. */
  readonly fallback?: string;
  readonly min?: number;
  readonly max?: number;
  /** The only values a string, or an element of a list, may take. */
  readonly oneOf?: readonly string[];
  /** Broker properties: a running broker takes a change at this level. */
  readonly dynamic?: 'per-broker' | 'cluster-wide';
  /** Topic properties: the broker property that gives the default. */
  readonly synonym?: string;
}

/** The type of a parsed value. A `long` above 2^53 loses its last digits, which only stand for "unlimited". */
export type ValueOf<Type extends PropertyType> = Type extends 'boolean'
  ? boolean
  : Type extends 'int' | 'short' | 'long' | 'double'
    ? number
    : Type extends 'list'
      ? readonly string[]
      : string;

const integerBounds: Partial<Record<PropertyType, readonly [bigint, bigint]>> = {
  short: [-(1n << 15n), (1n << 15n) - 1n],
  int: [-(1n << 31n), (1n << 31n) - 1n],
  long: [-(1n << 63n), (1n << 63n) - 1n],
};

/**
 * What is wrong with a value, as the end of a sentence that begins with the property's name; undefined if nothing is.
 * Takes what `ConfigDef.parseType` and its validators take.
 */
export function problemOf(definition: PropertyDefinition, text: string): string | undefined {
  const value = text.trim();
  const { type, min, max, oneOf } = definition;
  if (type === 'boolean') {
    return /^(true|false)$/i.test(value) ? undefined : `must be true or false, not "${value}"`;
  }
  const bounds = integerBounds[type];
  if (bounds !== undefined) {
    if (!/^[+-]?\d+$/.test(value)) return `must be a whole number, not "${value}"`;
    const number = BigInt(value.replace('+', ''));
    if (number < bounds[0] || number > bounds[1]) return `must be between ${bounds[0]} and ${bounds[1]}, not ${value}`;
  } else if (type === 'double' && !(value !== '' && Number.isFinite(Number(value)))) {
    return `must be a number, not "${value}"`;
  }
  if (bounds !== undefined || type === 'double') {
    if (min !== undefined && Number(value) < min) return `must be at least ${min}, not ${value}`;
    if (max !== undefined && Number(value) > max) return `must be at most ${max}, not ${value}`;
    return undefined;
  }
  if (oneOf !== undefined) {
    const elements = type === 'list' ? listOf(value) : [value];
    const odd = elements.find((element) => !oneOf.includes(element));
    if (odd !== undefined) return `must be one of ${oneOf.join(', ')}, not "${odd}"`;
  }
  return undefined;
}

/** The value of a text in which `problemOf` finds nothing wrong. */
export function parsedValue<Type extends PropertyType>(type: Type, text: string): ValueOf<Type>;
export function parsedValue(type: PropertyType, text: string): boolean | number | string | readonly string[] {
  switch (type) {
    case 'boolean':
      return text.trim().toLowerCase() === 'true';
    case 'int':
    case 'short':
    case 'long':
    case 'double':
      return Number(text.trim());
    case 'list':
      return listOf(text);
    default:
      return type === 'password' ? text : text.trim();
  }
}

/** Elements between commas, trimmed; an empty text has none. */
export function listOf(text: string): readonly string[] {
  return text.trim() === '' ? [] : text.trim().split(/\s*,\s*/);
}
