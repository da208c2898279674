import { isObject, type JsonObject, type KubeObject, sameJson } from '../object.ts';
import { fieldError } from '../status.ts';
import { fill } from './pod-template.ts';
import type { KindRules } from './resource.ts';

export const namespaceRules: KindRules = {
  name: 'label',
  defaults: (namespace) => {
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      'kubernetes.io/metadata.name': namespace.metadata.name as string,
    };
    if (!isObject(namespace.spec)) namespace.spec = {};
    if (!isObject(namespace.status)) namespace.status = {};
    fill(namespace.status as JsonObject, 'phase', 'Active');
  },
  prepareCreate: (namespace) => {
    namespace.spec = { finalizers: ['kubernetes'] };
    namespace.status = { phase: 'Active' };
    return undefined;
  },
  prepareUpdate: (namespace, old) => {
    // Only the finalize subresource changes these.
    namespace.spec = old.spec;
    return undefined;
  },
};

export const nodeRules: KindRules = {
  defaults: (node) => {
    if (!isObject(node.spec)) node.spec = {};
    if (!isObject(node.status)) node.status = {};
    const status = node.status as JsonObject;
    if (status.capacity !== undefined) fill(status, 'allocatable', status.capacity);
    fill(status, 'daemonEndpoints', { kubeletEndpoint: { Port: 0 } });
    fill(status, 'nodeInfo', {
      ...{ machineID: '', systemUUID: '', bootID: '', kernelVersion: '', osImage: '', containerRuntimeVersion: '' },
      ...{ kubeletVersion: '', kubeProxyVersion: '', operatingSystem: '', architecture: '' },
    });
  },
};

/** Bytes of all values together: 1 MiB, as in the original. */
const dataLimitBytes = 1024 * 1024;
const keyPattern = /^[-._a-zA-Z0-9]+$/;
const keyWhy =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

function dataRules(what: readonly string[]): Pick<KindRules, 'validate' | 'validateUpdate'> {
  const entries = (object: KubeObject): [string, string, unknown][] =>
    what.flatMap((name) =>
      Object.entries((object[name] ?? {}) as JsonObject).map(
        ([key, value]) => [name, key, value] as [string, string, unknown],
      ),
    );
  return {
    validate: (object) => {
      const errors = entries(object).flatMap(([name, key]) =>
        keyPattern.test(key) && key.length <= 253 ? [] : [fieldError.invalid(`${name}[${key}]`, key, keyWhy)],
      );
      const sizeBytes = entries(object).reduce((sum, [, , value]) => sum + Buffer.byteLength(String(value)), 0);
      if (sizeBytes > dataLimitBytes) errors.push(fieldError.tooLong('', dataLimitBytes));
      return errors;
    },
    validateUpdate: (object, old) => {
      if (old.immutable !== true) return [];
      const errors =
        object.immutable === true
          ? []
          : [fieldError.forbidden('immutable', 'field is immutable when `immutable` is set')];
      for (const name of what) {
        if (!sameJson(object[name], old[name])) {
          errors.push(fieldError.forbidden(name, 'field is immutable when `immutable` is set'));
        }
      }
      return errors;
    },
  };
}

export const configMapRules: KindRules = dataRules(['data', 'binaryData']);

const secretData = dataRules(['data']);
export const secretRules: KindRules = {
  ...secretData,
  defaults: (secret) => {
    secret.type ??= 'Opaque';
    if (!isObject(secret.stringData)) return;
    const data: JsonObject = { ...((secret.data ?? {}) as JsonObject) };
    for (const [key, value] of Object.entries(secret.stringData))
      data[key] = Buffer.from(String(value)).toString('base64');
    secret.data = data;
    delete secret.stringData;
  },
  validateUpdate: (secret, old) => [
    ...(secret.type === old.type ? [] : [fieldError.invalid('type', secret.type, 'field is immutable')]),
    ...(secretData.validateUpdate?.(secret, old) ?? []),
  ],
};

const budgetCounts = ['currentHealthy', 'desiredHealthy', 'disruptionsAllowed', 'expectedPods'];

export const budgetRules: KindRules = {
  generation: true,
  defaults: (budget) => {
    if (!isObject(budget.status)) budget.status = {};
    const status = budget.status as JsonObject;
    for (const name of budgetCounts) fill(status, name, 0);
  },
  prepareCreate: (budget) => {
    budget.status = Object.fromEntries(budgetCounts.map((name) => [name, 0]));
    return undefined;
  },
  validate: (budget) => {
    const spec = (budget.spec ?? {}) as JsonObject;
    return spec.minAvailable !== undefined && spec.maxUnavailable !== undefined
      ? [fieldError.invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set')]
      : [];
  },
};

export const leaseRules: KindRules = {
  validate: (lease) => {
    const spec = (lease.spec ?? {}) as JsonObject;
    return ['leaseDurationSeconds', 'leaseTransitions'].flatMap((name) => {
      const value = spec[name];
      const bad = typeof value === 'number' && (name === 'leaseTransitions' ? value < 0 : value <= 0);
      const why = name === 'leaseTransitions' ? 'must be greater than or equal to 0' : 'must be greater than 0';
      return bad ? [fieldError.invalid(`spec.${name}`, value, why)] : [];
    });
  },
};

export const endpointsRules: KindRules = {
  defaults: (endpoints) => {
    for (const subset of Array.isArray(endpoints.subsets) ? endpoints.subsets.filter(isObject) : []) {
      for (const port of Array.isArray(subset.ports) ? subset.ports.filter(isObject) : [])
        fill(port, 'protocol', 'TCP');
    }
  },
};

export const endpointSliceRules: KindRules = {
  defaults: (slice) => {
    for (const port of Array.isArray(slice.ports) ? slice.ports.filter(isObject) : []) {
      fill(port, 'name', '');
      fill(port, 'protocol', 'TCP');
    }
  },
};
