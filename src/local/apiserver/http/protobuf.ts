import { builtinType, builtinTypeNames } from '../kinds/builtin-types.ts';
import type { JsonObject } from '../object.ts';
import type { Field, Structure } from '../schema/structure.ts';
import { badRequest, Refusal } from '../status.ts';

/**
 * Reads built-in objects that come as protobuf, which kubectl sends for `create namespace`, `create configmap` and
 * the like; answers are always JSON, which every such client takes as well.
 *
 * The body is `k8s\0` and a message `Unknown`: 1 = type (1 = apiVersion, 2 = kind), 2 = the object.
 */
export const protobufType = 'application/vnd.kubernetes.protobuf';

const magic = Buffer.from('k8s\0');
const depthLimit = 64;

export function protobufObject(bytes: Buffer): JsonObject {
  if (!bytes.subarray(0, magic.length).equals(magic))
    throw badRequest('the body is not Kubernetes protobuf: it does not begin with "k8s"');
  let apiVersion = '';
  let kind = '';
  let raw: Buffer = Buffer.alloc(0);
  for (const { number, value } of fieldsOf(bytes.subarray(magic.length))) {
    if (number === 1) {
      for (const inner of fieldsOf(bytesOf(value))) {
        if (inner.number === 1) apiVersion = bytesOf(inner.value).toString();
        if (inner.number === 2) kind = bytesOf(inner.value).toString();
      }
    }
    if (number === 2) raw = bytesOf(value);
  }
  const type = typeOf(apiVersion, kind);
  if (type === undefined) {
    throw new Refusal(
      'UnsupportedMediaType',
      `${kind} of ${apiVersion} is taken as JSON or YAML only, not as protobuf`,
    );
  }
  return { ...(message(raw, type, 0) as JsonObject), apiVersion, kind };
}

function typeOf(apiVersion: string, kind: string): Structure | undefined {
  const [group = '', version = 'v1'] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
  const word = kind === 'DeleteOptions' ? 'meta' : (group.split('.')[0] as string);
  const name = `${word}.${kind === 'DeleteOptions' ? 'v1' : version}.${kind}`;
  return builtinTypeNames().includes(name) ? builtinType(name) : undefined;
}

type WireValue = bigint | Buffer;

const bytesOf = (value: WireValue): Buffer => {
  if (typeof value === 'bigint') throw badRequest('the protobuf body has a number where a message or text belongs');
  return value;
};
const numberOf = (value: WireValue): number => {
  if (typeof value !== 'bigint') throw badRequest('the protobuf body has bytes where a number belongs');
  return Number(BigInt.asIntN(64, value));
};

/** The fields of one message, in order; nothing is read beyond the buffer. */
function* fieldsOf(bytes: Buffer): Generator<{ readonly number: number; readonly value: WireValue }> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined) break;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw badRequest('the protobuf body ends in the middle of a number');
  };
  const take = (length: bigint): Buffer => {
    if (length > BigInt(bytes.length - at)) throw badRequest('the protobuf body names a length beyond its end');
    const taken = bytes.subarray(at, at + Number(length));
    at += Number(length);
    return taken;
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    switch (Number(tag & 7n)) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: take(8n).readBigUInt64LE() };
        break;
      case 2:
        yield { number, value: take(varint()) };
        break;
      case 5:
        yield { number, value: BigInt(take(4n).readUInt32LE()) };
        break;
      default:
        throw badRequest('the protobuf body has a field of an unknown wire type');
    }
  }
}

type Slot = { readonly name: string; readonly field: Field };
/** By number; a map where Go embeds a struct. */
type Slots = Map<number, Slot | Slots>;
const tables = new WeakMap<object, Slots>();

function slotsOf(of: Structure): Slots {
  let slots = tables.get(of.fields);
  if (slots !== undefined) return slots;
  slots = new Map();
  tables.set(of.fields, slots);
  for (const [name, field] of of.fields) {
    let at = slots;
    const numbers = field.wire ?? [];
    for (const number of numbers.slice(0, -1)) {
      let inner = at.get(number);
      if (!(inner instanceof Map)) {
        inner = new Map();
        at.set(number, inner);
      }
      at = inner;
    }
    const last = numbers.at(-1);
    if (last !== undefined) at.set(last, { name, field });
  }
  return slots;
}

function message(bytes: Buffer, of: Structure, depth: number): JsonObject {
  const result: JsonObject = {};
  readInto(result, bytes, slotsOf(of), depth);
  return result;
}

function readInto(result: JsonObject, bytes: Buffer, slots: Slots, depth: number): void {
  if (depth > depthLimit) throw badRequest(`the protobuf body is nested deeper than ${depthLimit} levels`);
  for (const { number, value } of fieldsOf(bytes)) {
    const slot = slots.get(number);
    if (slot === undefined) continue;
    if (slot instanceof Map) {
      readInto(result, bytesOf(value), slot, depth + 1);
      continue;
    }
    const { name, field } = slot;
    const { structure } = field;
    if (structure.type === 'list') {
      result[name] ??= [];
      (result[name] as unknown[]).push(single(value, structure.element as Structure, depth + 1));
    } else if (structure.type === 'map') {
      result[name] ??= {};
      const [key, inner] = entry(bytesOf(value), structure.element as Structure, depth + 1);
      (result[name] as Record<string, unknown>)[key] = inner;
    } else {
      const decoded = single(value, structure, depth + 1);
      // Go writes zeroes of what is not a pointer; JSON leaves them out.
      const zero = decoded === '' || decoded === 0 || decoded === false || decoded === undefined;
      if (!zero || field.pointer === true) result[name] = decoded as JsonObject;
    }
  }
}

function entry(bytes: Buffer, of: Structure, depth: number): [string, unknown] {
  let key = '';
  let inner: unknown = of.type === 'string' ? '' : undefined;
  for (const { number, value } of fieldsOf(bytes)) {
    if (number === 1) key = bytesOf(value).toString();
    if (number === 2) inner = single(value, of, depth);
  }
  return [key, inner];
}

const doubles = new DataView(new ArrayBuffer(8));

function single(value: WireValue, of: Structure, depth: number): unknown {
  switch (of.type) {
    case 'object':
      return message(bytesOf(value), of, depth);
    case 'string':
      if (of.format === 'date-time' || of.format === 'micro-time') return time(bytesOf(value), of.format);
      return of.format === 'byte' ? bytesOf(value).toString('base64') : bytesOf(value).toString();
    case 'integer':
      return numberOf(value);
    case 'number':
      doubles.setBigUint64(0, typeof value === 'bigint' ? value : 0n);
      return doubles.getFloat64(0);
    case 'boolean':
      return numberOf(value) !== 0;
    case 'quantity':
      for (const inner of fieldsOf(bytesOf(value))) if (inner.number === 1) return bytesOf(inner.value).toString();
      return '0';
    case 'intOrString':
      return intOrString(bytesOf(value));
    case 'any':
      for (const inner of fieldsOf(bytesOf(value))) {
        if (inner.number === 1) return parsed(bytesOf(inner.value));
      }
      return undefined;
    default:
      return undefined;
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw badRequest('the protobuf body holds raw JSON that is none');
  }
}

function intOrString(bytes: Buffer): number | string {
  let isText = false;
  let number = 0;
  let text = '';
  for (const { number: slot, value } of fieldsOf(bytes)) {
    if (slot === 1) isText = numberOf(value) === 1;
    if (slot === 2) number = numberOf(value);
    if (slot === 3) text = bytesOf(value).toString();
  }
  return isText ? text : number;
}

const latestSeconds = 253402300799;

function time(bytes: Buffer, format: string): string | undefined {
  let seconds = 0;
  let nanos = 0;
  for (const { number, value } of fieldsOf(bytes)) {
    if (number === 1) seconds = numberOf(value);
    if (number === 2) nanos = numberOf(value);
  }
  // The zero time of Go is an absent one.
  if (seconds <= 0 || seconds > latestSeconds) return undefined;
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  return format === 'micro-time' ? `${text}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z` : `${text}Z`;
}
