import { isObject, type JsonObject, type KubeObject, sameJson } from '../object.ts';
import { type FieldError, fieldError } from '../status.ts';
import { defaultPodSpec, fill, podSpecErrors } from './pod-template.ts';
import type { KindRules } from './resource.ts';
import { defaultClaimSpec } from './volumes.ts';

const specOf = (object: KubeObject): JsonObject => {
  if (!isObject(object.spec)) object.spec = {};
  return object.spec as JsonObject;
};

function defaultTemplate(spec: JsonObject): void {
  fill(spec, 'template', {});
  const template = spec.template as JsonObject;
  fill(template, 'metadata', {});
  fill(template, 'spec', {});
  if (isObject(template.spec)) defaultPodSpec(template.spec);
}

/** The selector must be there and choose the template's pods. */
function templateErrors(spec: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  const wanted = (spec.selector as { matchLabels?: JsonObject } | undefined)?.matchLabels;
  const template = (spec.template ?? {}) as { metadata?: { labels?: JsonObject }; spec?: JsonObject };
  const labels = template.metadata?.labels ?? {};
  if (spec.selector === undefined) errors.push(fieldError.required('spec.selector'));
  if (spec.selector === undefined || Object.entries(wanted ?? {}).some(([key, value]) => labels[key] !== value)) {
    errors.push(
      fieldError.invalid(
        'spec.template.metadata.labels',
        template.metadata?.labels ?? null,
        '`selector` does not match template `labels`',
      ),
    );
  }
  errors.push(...podSpecErrors(template.spec ?? {}, 'spec.template.spec'));
  if (typeof spec.replicas === 'number' && spec.replicas < 0) {
    errors.push(fieldError.invalid('spec.replicas', spec.replicas, 'must be greater than or equal to 0'));
  }
  return errors;
}

const statefulSetUnchangeable = (spec: JsonObject): JsonObject => {
  const rest = { ...spec };
  for (const name of [
    ...['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit'],
    ...['persistentVolumeClaimRetentionPolicy', 'minReadySeconds'],
  ]) {
    delete rest[name];
  }
  return rest;
};

export const statefulSetRules: KindRules = {
  generation: true,
  defaults: (object) => {
    const spec = specOf(object);
    fill(spec, 'replicas', 1);
    fill(spec, 'podManagementPolicy', 'OrderedReady');
    fill(spec, 'updateStrategy', {});
    const strategy = spec.updateStrategy as JsonObject;
    fill(strategy, 'type', 'RollingUpdate');
    if (strategy.type === 'RollingUpdate') {
      fill(strategy, 'rollingUpdate', {});
      if (isObject(strategy.rollingUpdate)) fill(strategy.rollingUpdate, 'partition', 0);
    }
    fill(spec, 'revisionHistoryLimit', 10);
    fill(spec, 'persistentVolumeClaimRetentionPolicy', {});
    const retention = spec.persistentVolumeClaimRetentionPolicy as JsonObject;
    fill(retention, 'whenDeleted', 'Retain');
    fill(retention, 'whenScaled', 'Retain');
    defaultTemplate(spec);
    for (const claim of Array.isArray(spec.volumeClaimTemplates) ? spec.volumeClaimTemplates.filter(isObject) : []) {
      fill(claim, 'apiVersion', 'v1');
      fill(claim, 'kind', 'PersistentVolumeClaim');
      fill(claim, 'spec', {});
      defaultClaimSpec(claim.spec as JsonObject);
      claim.status = { phase: 'Pending' };
    }
    if (!isObject(object.status)) object.status = {};
    fill(object.status as JsonObject, 'replicas', 0);
    fill(object.status as JsonObject, 'availableReplicas', 0);
  },
  prepareCreate: (object) => {
    object.status = { replicas: 0, availableReplicas: 0 };
    return undefined;
  },
  validate: (object) => templateErrors(specOf(object)),
  validateUpdate: (object, old) =>
    sameJson(statefulSetUnchangeable(specOf(object)), statefulSetUnchangeable(specOf(old)))
      ? []
      : [
          fieldError.forbidden(
            'spec',
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
          ),
        ],
};

const selectorUnchanged = (object: KubeObject, old: KubeObject): FieldError[] =>
  sameJson(specOf(object).selector, specOf(old).selector)
    ? []
    : [fieldError.invalid('spec.selector', specOf(object).selector, 'field is immutable')];

const nobodyRuns = 'the local Kubernetes keeps this object, but has no controller that would make pods of it';

export const deploymentRules: KindRules = {
  notice: nobodyRuns,
  generation: true,
  defaults: (object) => {
    const spec = specOf(object);
    fill(spec, 'replicas', 1);
    fill(spec, 'strategy', {});
    const strategy = spec.strategy as JsonObject;
    fill(strategy, 'type', 'RollingUpdate');
    if (strategy.type === 'RollingUpdate') fill(strategy, 'rollingUpdate', { maxSurge: '25%', maxUnavailable: '25%' });
    fill(spec, 'revisionHistoryLimit', 10);
    fill(spec, 'progressDeadlineSeconds', 600);
    defaultTemplate(spec);
    if (!isObject(object.status)) object.status = {};
  },
  prepareCreate: (object) => {
    object.status = {};
    return undefined;
  },
  validate: (object) => templateErrors(specOf(object)),
  validateUpdate: selectorUnchanged,
};

export const replicaSetRules: KindRules = {
  notice: nobodyRuns,
  generation: true,
  defaults: (object) => {
    const spec = specOf(object);
    fill(spec, 'replicas', 1);
    defaultTemplate(spec);
    if (!isObject(object.status)) object.status = {};
    fill(object.status as JsonObject, 'replicas', 0);
  },
  prepareCreate: (object) => {
    object.status = { replicas: 0 };
    return undefined;
  },
  validate: (object) => templateErrors(specOf(object)),
  validateUpdate: selectorUnchanged,
};
