import type { Call } from '../api.ts';
import { builtinType } from '../kinds/builtin-types.ts';
import type { Resource } from '../kinds/resource.ts';
import { isObject, type KubeObject } from '../object.ts';
import { decode } from '../schema/decode.ts';
import { prune } from '../schema/prune.ts';
import { badRequest, type Refusal } from '../status.ts';

/** An object as this server understands it, and the fields that it did not. */
export type DecodedObject = { readonly object: KubeObject; readonly unknownFields: readonly string[] };

const cannotHandle = (resource: Resource, why: string): Refusal =>
  badRequest(`${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: ${why}`);

/** Parsed JSON as an object of this resource; throws 400 where the types do not fit. */
export function decodeObject(resource: Resource, value: unknown): DecodedObject {
  if (!isObject(value)) throw badRequest('the body of the request must be one object');
  checkTypeMeta(resource, value);
  const whole = { ...value, apiVersion: resource.apiVersion, kind: resource.kind, metadata: value.metadata ?? {} };
  if (resource.custom === undefined) {
    const { value: decoded, unknownFields, typeError } = decode(whole, resource.structure);
    if (typeError !== undefined) throw cannotHandle(resource, typeError);
    return { object: decoded as KubeObject, unknownFields };
  }
  const unknownFields: string[] = [];
  const metadata = decode(whole.metadata, builtinType('meta.v1.ObjectMeta'));
  if (metadata.typeError !== undefined) throw cannotHandle(resource, metadata.typeError);
  unknownFields.push(...metadata.unknownFields.map((path) => `metadata.${path}`));
  const { metadata: _, ...rest } = whole;
  const pruned = prune(rest, resource.structure, '', unknownFields) as object;
  return { object: { ...pruned, metadata: metadata.value } as KubeObject, unknownFields };
}

function checkTypeMeta(resource: Resource, value: { apiVersion?: unknown; kind?: unknown }): void {
  if (value.apiVersion !== undefined && value.apiVersion !== resource.apiVersion) {
    throw badRequest(
      `the API version in the data (${String(value.apiVersion)}) does not match the expected API version (${resource.apiVersion})`,
    );
  }
  if (value.kind !== undefined && value.kind !== resource.kind) {
    throw badRequest(
      `${String(value.kind)} in version "${resource.version}" cannot be handled as a ${resource.kind}: the kind in the data (${String(value.kind)}) does not match the expected kind (${resource.kind})`,
    );
  }
}

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export function fieldValidation(call: Call): FieldValidation {
  const asked = call.query.get('fieldValidation');
  if (asked === null || asked === '') return 'Warn';
  if (asked === 'Strict' || asked === 'Warn' || asked === 'Ignore') return asked;
  throw badRequest(`invalid fieldValidation ${JSON.stringify(asked)}: supported values: "Ignore", "Strict", "Warn"`);
}

/** Refuses unknown fields, or warns of them, or says nothing: as the client asked for. */
export function reportUnknownFields(
  call: Call,
  unknownFields: readonly string[],
  refuse: (why: string) => Refusal,
): void {
  if (unknownFields.length === 0) return;
  const validation = fieldValidation(call);
  const texts = unknownFields.map((path) => `unknown field "${path}"`);
  if (validation === 'Strict') throw refuse(`strict decoding error: ${texts.join(', ')}`);
  if (validation === 'Warn') for (const text of texts) call.warn(text);
}

export const refuseBody =
  (resource: Resource) =>
  (why: string): Refusal =>
    cannotHandle(resource, why);
