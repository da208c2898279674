import type { Api } from '../api.ts';
import { cleanupFinalizer } from '../kinds/definitions.ts';
import type { Resource } from '../kinds/resource.ts';
import { fieldAt, type KubeObject, sameJson, timestamp } from '../object.ts';
import { withDefaults } from '../schema/defaults.ts';
import { labelValueErrors, nameErrors, qualifiedNameErrors } from '../schema/names.ts';
import type { Field, Structure } from '../schema/structure.ts';
import { type FieldError, fieldError, invalid } from '../status.ts';
import { foregroundFinalizer, orphanFinalizer } from './remove.ts';

/** Notes who owns what: after defaults, before the server adds what only it decides. */
export type Own = (object: KubeObject) => KubeObject;

/**
 * From what a client sent to what is stored: server-owned metadata, defaults, the kind's rules, checks. Works on
 * objects of the stored form that nobody else holds, and throws the 422 with everything that is wrong.
 */
export function prepareCreated(api: Api, resource: Resource, sent: KubeObject, own: Own): KubeObject {
  const nowMs = api.clock.nowMs();
  let object = sent;
  const { metadata } = object;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.resourceVersion;
  delete metadata.generation;
  metadata.uid = api.newUid();
  metadata.creationTimestamp = timestamp(nowMs);
  if (resource.rules.generation === true) metadata.generation = 1;
  if (resource.custom !== undefined) {
    if (resource.hasStatus) delete object.status;
    object = withDefaults(object, resource.structure) as KubeObject;
  }
  const early = structureErrors(object, resource);
  resource.rules.defaults?.(object);
  object = own(object);
  const context = api.ruleContext();
  const refused = resource.rules.prepareCreate?.(object, context) ?? [];
  refuse(resource, object, [
    ...metadataErrors(object, resource),
    ...early,
    ...refused,
    ...(refused.length > 0 ? [] : (resource.rules.validate?.(object) ?? [])),
  ]);
  return object;
}

/** Fields of metadata that no write changes. */
const pinned = [
  'uid',
  'creationTimestamp',
  'generation',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'resourceVersion',
  'generateName',
] as const;

export function prepareUpdated(
  api: Api,
  resource: Resource,
  sent: KubeObject,
  old: KubeObject,
  subresource: string,
  own: Own,
): KubeObject {
  let object = sent;
  const metadata: Record<string, unknown> = { ...object.metadata };
  for (const name of pinned) {
    if (old.metadata[name] === undefined) delete metadata[name];
    else metadata[name] = old.metadata[name];
  }
  object = { ...object, metadata } as KubeObject;
  if (subresource === 'status') {
    // Only status changes; a built-in kind also takes labels, annotations and finalizers along.
    const keep =
      resource.custom === undefined
        ? object.metadata
        : { ...old.metadata, managedFields: object.metadata.managedFields };
    object = { ...old, status: object.status, metadata: keep } as KubeObject;
    if (object.status === undefined) delete object.status;
  } else if (resource.hasStatus) {
    if (old.status === undefined) delete object.status;
    else object.status = old.status;
  }
  if (resource.custom !== undefined) object = withDefaults(object, resource.structure) as KubeObject;
  const early = structureErrors(object, resource);
  if (subresource === '' || resource.custom === undefined) resource.rules.defaults?.(object);
  object = own(object);
  const context = api.ruleContext();
  const refused = subresource === '' ? (resource.rules.prepareUpdate?.(object, old, context) ?? []) : [];
  refuse(resource, object, [
    ...metadataErrors(object, resource),
    ...finalizerErrors(object, old),
    ...early,
    ...refused,
    ...(refused.length > 0 || (subresource !== '' && resource.custom === undefined)
      ? []
      : [...(resource.rules.validate?.(object, old) ?? []), ...(resource.rules.validateUpdate?.(object, old) ?? [])]),
  ]);
  if (resource.rules.generation === true && subresource !== 'status' && specChanged(object, old, resource)) {
    object.metadata = { ...object.metadata, generation: (old.metadata.generation ?? 0) + 1 };
  }
  return object;
}

function refuse(resource: Resource, object: KubeObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(resource, object.metadata.name ?? '', errors);
}

/** Of a custom resource everything but metadata and status counts, of a built-in kind its spec. */
function specChanged(object: KubeObject, old: KubeObject, resource: Resource): boolean {
  if (resource.custom === undefined) return !sameJson(object.spec, old.spec);
  const rest = ({ metadata: _m, status, ...others }: KubeObject): object =>
    resource.hasStatus ? others : { ...others, status };
  return !sameJson({ ...rest(object), apiVersion: '' }, { ...rest(old), apiVersion: '' });
}

function metadataErrors(object: KubeObject, resource: Resource): FieldError[] {
  const { name = '', labels, annotations, finalizers, ownerReferences } = object.metadata;
  const errors = nameErrors(
    'metadata.name',
    name,
    resource.rules.name ?? (resource.group === 'rbac.authorization.k8s.io' ? 'pathSegment' : 'subdomain'),
  );
  for (const [key, value] of Object.entries(labels ?? {})) {
    errors.push(...qualifiedNameErrors('metadata.labels', key), ...labelValueErrors('metadata.labels', value));
  }
  let sizeBytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    errors.push(...qualifiedNameErrors('metadata.annotations', key.toLowerCase()));
    sizeBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (sizeBytes > annotationsLimitBytes) errors.push(fieldError.tooLong('metadata.annotations', annotationsLimitBytes));
  for (const [index, finalizer] of (finalizers ?? []).entries()) {
    const path = `metadata.finalizers[${index}]`;
    errors.push(...qualifiedNameErrors(path, finalizer));
    if (!finalizer.includes('/') && !standardFinalizers.has(finalizer)) {
      const why = 'name is neither a standard finalizer name nor is it fully qualified';
      errors.push(fieldError.invalid(path, finalizer, why));
    }
  }
  let controllers = 0;
  for (const owner of ownerReferences ?? []) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if ((owner[field] ?? '') === '') {
        errors.push(fieldError.invalid(`metadata.ownerReferences.${field}`, owner[field] ?? '', 'must not be empty'));
      }
    }
    if (owner.controller === true) controllers += 1;
  }
  if (controllers > 1) {
    errors.push(
      fieldError.invalid(
        'metadata.ownerReferences',
        ownerReferences,
        'Only one reference can have Controller set to true',
      ),
    );
  }
  return errors;
}

/** The only finalizers without a domain, besides those that are named like one. */
const standardFinalizers = new Set(['kubernetes', orphanFinalizer, foregroundFinalizer, cleanupFinalizer]);

const annotationsLimitBytes = 256 * 1024;

/** While an object is being deleted, finalizers can only go. */
function finalizerErrors(object: KubeObject, old: KubeObject): FieldError[] {
  if (old.metadata.deletionTimestamp === undefined) return [];
  const before = new Set(old.metadata.finalizers);
  const added = (object.metadata.finalizers ?? []).filter((finalizer) => !before.has(finalizer));
  return added.length === 0
    ? []
    : [
        fieldError.forbidden(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => JSON.stringify(name)).join(', ')}}`,
        ),
      ];
}

/** What the generated structure of a built-in kind can tell: values that are not among the allowed ones. */
function structureErrors(object: KubeObject, resource: Resource): FieldError[] {
  if (resource.custom !== undefined) return [];
  const errors: FieldError[] = [];
  allowedValueErrors(object.spec, resource.structure.fields.get('spec'), 'spec', errors);
  return errors;
}

function allowedValueErrors(value: unknown, field: Field | undefined, path: string, errors: FieldError[]): void {
  if (field === undefined || value === undefined || value === null) return;
  if (field.allowedValues !== undefined && typeof value === 'string') {
    if (value !== '' && !field.allowedValues.includes(value)) {
      errors.push(fieldError.notSupported(path, value, field.allowedValues));
    }
    return;
  }
  below(value, field.structure, path, errors);
}

function below(value: unknown, structure: Structure, path: string, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    const element = structure.element;
    if (element === undefined) return;
    for (const [index, item] of value.entries()) below(item, element, `${path}[${index}]`, errors);
    return;
  }
  if (structure.type !== 'object' || typeof value !== 'object') return;
  for (const [name, inner] of structure.fields) {
    allowedValueErrors(fieldAt(value, [name]), inner, `${path}.${name}`, errors);
  }
}
