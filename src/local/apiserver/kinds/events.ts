import { isObject, type JsonObject, type KubeObject } from '../object.ts';
import { type FieldError, fieldError } from '../status.ts';
import type { KindRules } from './resource.ts';

/** How the fields of `core/v1` (left), in which events are stored, are called in `events.k8s.io/v1`. */
const names: readonly (readonly [string, string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

function renamed(object: KubeObject, from: 0 | 1, to: 0 | 1, apiVersion: string): KubeObject {
  const result: KubeObject = { ...object, apiVersion };
  for (const pair of names) {
    const value = object[pair[from]];
    delete result[pair[from]];
    if (value !== undefined) result[pair[to]] = value;
  }
  return result;
}

export const eventConversion = {
  toStorage: (object: KubeObject): KubeObject => renamed(object, 1, 0, 'v1'),
  fromStorage: (object: KubeObject): KubeObject => renamed(object, 0, 1, 'events.k8s.io/v1'),
};

/** Of the stored form, whichever group the request came by. */
export const eventRules: KindRules = {
  defaults: (event) => {
    if (!isObject(event.source)) event.source = {};
    event.reportingComponent ??= '';
    event.reportingInstance ??= '';
    for (const name of ['firstTimestamp', 'lastTimestamp', 'eventTime']) event[name] ??= null;
  },
  validate: (event) => {
    const involved = (event.involvedObject ?? {}) as JsonObject;
    const namespace = involved.namespace ?? '';
    const errors: FieldError[] = [];
    const allowed = namespace === '' ? ['default', 'kube-system'] : [namespace];
    if (!allowed.includes(event.metadata.namespace as string)) {
      errors.push(fieldError.invalid('involvedObject.namespace', namespace, 'does not match event.namespace'));
    }
    return errors;
  },
};
