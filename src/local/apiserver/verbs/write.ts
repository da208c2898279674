import { type Api, type Call, managerOf, served } from '../api.ts';
import { applyConfiguration, ownUpdate, type Writer } from '../apply/managed-fields.ts';
import { typedErrors } from '../apply/typed-errors.ts';
import { copyJson, type KubeObject, sameJson, timestamp } from '../object.ts';
import { patched } from '../patch/patched.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  fieldError,
  forbidden,
  invalid,
  modified,
  notFound,
  Refusal,
} from '../status.ts';
import { storeKey } from '../store/store.ts';
import { decodeObject, refuseBody, reportUnknownFields } from './decode-object.ts';
import { prepareCreated, prepareUpdated } from './prepare.ts';
import { settle } from './remove.ts';

/** What a write answers: 201 for a new object. */
export type Written = { readonly code: 200 | 201; readonly object: KubeObject };

const isDryRun = (call: Call): boolean => {
  const asked = call.query.getAll('dryRun');
  if (asked.some((value) => value !== 'All' && value !== '')) {
    throw badRequest(`invalid dryRun ${JSON.stringify(asked)}: supported values: "All"`);
  }
  return asked.includes('All');
};

function writer(call: Call, operation: Writer['operation']): Writer {
  return {
    manager: managerOf(call),
    operation,
    apiVersion: call.resource.apiVersion,
    subresource: call.subresource === 'scale' ? 'scale' : call.subresource === 'status' ? 'status' : '',
  };
}

const ownership = (api: Api, call: Call, operation: Writer['operation'], live: KubeObject | undefined) => ({
  live: live === undefined ? undefined : served(call.resource, live),
  writer: writer(call, operation),
  structure: call.resource.structure,
  custom: call.resource.custom !== undefined,
  hasStatus: call.resource.hasStatus,
  now: timestamp(api.clock.nowMs()),
});

const toStored = (call: Call, object: KubeObject): KubeObject =>
  call.resource.conversion === undefined ? object : call.resource.conversion.toStorage(object);

/** Objects are made only in a namespace that is there and stays. */
function checkNamespace(api: Api, call: Call, name: string): void {
  if (call.namespace === undefined) return;
  const namespace = api.store.get('namespaces', storeKey(undefined, call.namespace));
  if (namespace === undefined) {
    throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, call.namespace);
  }
  if (namespace.metadata.deletionTimestamp !== undefined) {
    const message = `namespace ${call.namespace} is being terminated`;
    throw forbidden(
      call.resource,
      name,
      `unable to create new content in namespace ${call.namespace} because it is being terminated`,
      { causes: [{ reason: 'NamespaceTerminating', message, field: 'metadata.namespace' }] },
    );
  }
}

function placeIn(call: Call, object: KubeObject): void {
  const { metadata } = object;
  if (call.resource.namespaced) {
    if (metadata.namespace !== undefined && metadata.namespace !== '' && metadata.namespace !== call.namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    metadata.namespace = call.namespace as string;
  } else {
    delete metadata.namespace;
  }
}

const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';
const generatedNameAttempts = 8;
/** A generated name keeps so much of its prefix that five more characters fit. */
const generatePrefixLimit = 248;

function generatedName(prefix: string): string {
  let name = prefix.slice(0, generatePrefixLimit);
  for (const byte of crypto.getRandomValues(new Uint8Array(5))) name += suffixLetters[byte % suffixLetters.length];
  return name;
}

export function create(api: Api, call: Call, body: unknown): Written {
  const { resource } = call;
  const { object, unknownFields } = decodeObject(resource, body);
  reportUnknownFields(call, unknownFields, refuseBody(resource));
  placeIn(call, object);
  const { metadata } = object;
  if ((metadata.resourceVersion ?? '') !== '' && metadata.resourceVersion !== '0') {
    throw badRequest('resourceVersion should not be set on objects to be created');
  }
  const generate = (metadata.name ?? '') === '' && (metadata.generateName ?? '') !== '';
  if ((metadata.name ?? '') === '' && !generate) {
    throw invalid(resource, '', [fieldError.required('metadata.name', 'name or generateName is required')]);
  }
  for (let attempt = 0; generate && attempt < generatedNameAttempts; attempt += 1) {
    metadata.name = generatedName(metadata.generateName as string);
    if (api.store.get(resource.bucket, storeKey(call.namespace, metadata.name)) === undefined) break;
  }
  checkNamespace(api, call, metadata.name as string);
  return {
    code: 201,
    object: insert(api, call, object, (stored) => ownUpdate(stored, ownership(api, call, 'Update', undefined))),
  };
}

function insert(api: Api, call: Call, sent: KubeObject, own: (object: KubeObject) => KubeObject): KubeObject {
  const { resource } = call;
  const name = sent.metadata.name as string;
  const key = storeKey(call.namespace, name);
  if (api.store.get(resource.bucket, key) !== undefined) throw alreadyExists(resource, name);
  if (resource.rules.notice !== undefined) call.warn(resource.rules.notice);
  const owned = prepareCreated(api, resource, toStored(call, sent), (object) =>
    toStored(call, own(served(resource, object))),
  );
  return served(resource, isDryRun(call) ? owned : api.store.put(resource.bucket, key, owned));
}

export function liveObject(api: Api, call: Call): KubeObject | undefined {
  return api.store.get(call.resource.bucket, storeKey(call.namespace, call.name as string));
}

export function update(api: Api, call: Call, body: unknown): Written {
  const { resource } = call;
  const name = call.name as string;
  const { object, unknownFields } = decodeObject(resource, body);
  reportUnknownFields(call, unknownFields, refuseBody(resource));
  placeIn(call, object);
  if ((object.metadata.name ?? '') === '') {
    throw badRequest('the name of the object (based on the data) was undefined');
  }
  if (object.metadata.name !== name) {
    throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
  }
  const live = liveObject(api, call);
  if (live === undefined) throw notFound(resource, name);
  const asked = object.metadata.resourceVersion ?? '';
  if (asked === '' && resource.custom !== undefined) {
    throw invalid(resource, name, [
      {
        type: 'Invalid',
        field: 'metadata.resourceVersion',
        message: 'Invalid value: 0x0: must be specified for an update',
      },
    ]);
  }
  return { code: 200, object: replace(api, call, live, object, 'Update') };
}

/** Stores `next` in the place of `live`, which it was made from, unless that changes nothing. */
export function replace(
  api: Api,
  call: Call,
  live: KubeObject,
  next: KubeObject,
  operation: Writer['operation'],
  own: (stored: KubeObject) => KubeObject = (stored) => ownUpdate(stored, ownership(api, call, operation, live)),
): KubeObject {
  const { resource } = call;
  const name = live.metadata.name as string;
  const asked = next.metadata.resourceVersion ?? '';
  if (asked !== '' && asked !== '0' && asked !== live.metadata.resourceVersion) throw modified(resource, name);
  const uid = next.metadata.uid ?? '';
  if (uid !== '' && uid !== live.metadata.uid) {
    throw conflict(
      resource,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid}`,
    );
  }
  const owned = prepareUpdated(api, resource, toStored(call, next), live, call.subresource, (object) =>
    toStored(call, own(served(resource, object))),
  );
  if (sameJson(owned, live)) return served(resource, live);
  if (isDryRun(call)) return served(resource, owned);
  return served(resource, settle(api, resource, storeKey(call.namespace, name), owned));
}

export type PatchKind = 'json' | 'merge' | 'strategic' | 'apply';

export function patch(api: Api, call: Call, kind: PatchKind, body: unknown): Written {
  const { resource } = call;
  const name = call.name as string;
  const live = liveObject(api, call);
  if (kind === 'apply') return apply(api, call, live, body);
  if (call.query.has('force') && call.query.get('force') === 'true') {
    throw badRequest('force may only be set for apply patches');
  }
  if (live === undefined) throw notFound(resource, name);
  const from = served(resource, live);
  const result = patched(kind, from, body, resource);
  if ((result.apiVersion ?? from.apiVersion) !== from.apiVersion || (result.kind ?? from.kind) !== from.kind) {
    throw badRequest('a patch must not change apiVersion or kind');
  }
  const { object, unknownFields } = decodeObject(resource, result);
  reportUnknownFields(call, unknownFields, (why) => {
    // The original shows the whole object here, or a strategic patch.
    const error = fieldError.invalid('patch', kind === 'strategic' ? body : JSON.stringify(result), why);
    return new Refusal('Invalid', ` "" is invalid: patch: ${error.message}`, {
      causes: [{ reason: 'FieldValueInvalid', message: error.message, field: 'patch' }],
    });
  });
  if (object.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${object.metadata.name ?? ''}) does not match the name on the URL (${name})`,
    );
  }
  placeIn(call, object);
  return { code: 200, object: replace(api, call, live, object, 'Update') };
}

function apply(api: Api, call: Call, live: KubeObject | undefined, body: unknown): Written {
  const { resource } = call;
  const name = call.name as string;
  if ((call.query.get('fieldManager') ?? '') === '') {
    throw invalid({ ...resource, group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      fieldError.required('fieldManager', 'is required for apply patch'),
    ]);
  }
  const errors = typedErrors(body, resource.structure);
  if (errors.length > 0) {
    const version = resource.group === '' ? `/${resource.version}` : resource.apiVersion;
    const subject = `(${call.namespace ?? ''}/${name}; ${version}, Kind=${resource.kind})`;
    const text = errors.length === 1 ? errors[0] : `errors:\n${errors.map((line) => `  ${line}`).join('\n')}`;
    throw new Refusal('', `failed to create typed patch object ${subject}: ${text}`, undefined, 500);
  }
  const { object } = decodeObject(resource, body);
  if (object.metadata.name === undefined) object.metadata.name = name;
  if (object.metadata.name !== name) {
    throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
  }
  if (object.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  placeIn(call, object);
  const force = call.query.get('force') === 'true';
  // What a merge leaves empty is absent in a built-in kind.
  const plain = (merged: KubeObject): KubeObject => decodeObject(resource, copyJson(merged)).object;
  if (live === undefined) {
    if (call.subresource !== '') throw notFound(resource, name);
    if ((object.metadata.uid ?? '') !== '') {
      throw conflict(
        resource,
        name,
        `uid mismatch: the provided object specified uid ${object.metadata.uid}, and no existing object was found`,
      );
    }
    checkNamespace(api, call, name);
    const applied = applyConfiguration(object, force, ownership(api, call, 'Apply', undefined));
    return { code: 201, object: insert(api, call, plain(applied.object), applied.own) };
  }
  const applied = applyConfiguration(object, force, ownership(api, call, 'Apply', live));
  return { code: 200, object: replace(api, call, live, plain(applied.object), 'Apply', applied.own) };
}
