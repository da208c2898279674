import { isObject, type JsonObject, type KubeObject, sameJson } from '../object.ts';
import { type FieldError, fieldError } from '../status.ts';
import { fill } from './pod-template.ts';
import type { KindRules } from './resource.ts';

const specOf = (object: KubeObject): JsonObject => {
  if (!isObject(object.spec)) object.spec = {};
  return object.spec as JsonObject;
};

export function defaultClaimSpec(spec: JsonObject): void {
  fill(spec, 'volumeMode', 'Filesystem');
}

const defaultClassAnnotation = 'storageclass.kubernetes.io/is-default-class';

export const claimRules: KindRules = {
  defaults: (claim) => {
    defaultClaimSpec(specOf(claim));
    if (!isObject(claim.status)) claim.status = {};
    fill(claim.status as JsonObject, 'phase', 'Pending');
  },
  prepareCreate: (claim, context) => {
    claim.status = { phase: 'Pending' };
    const spec = specOf(claim);
    if (spec.storageClassName !== undefined) return undefined;
    // Of several default classes the newest counts, then the first by name.
    const classes = context
      .list('storageclasses.storage.k8s.io')
      .filter((item) => item.metadata.annotations?.[defaultClassAnnotation] === 'true')
      .sort((a, b) => ((a.metadata.creationTimestamp ?? '') > (b.metadata.creationTimestamp ?? '') ? -1 : 1));
    if (classes[0] !== undefined) spec.storageClassName = classes[0].metadata.name as string;
    return undefined;
  },
  validate: (claim) => {
    const spec = specOf(claim);
    const errors: FieldError[] = [];
    if (!Array.isArray(spec.accessModes) || spec.accessModes.length === 0) {
      errors.push(fieldError.required('spec.accessModes', 'at least 1 access mode is required'));
    }
    const requests = (spec.resources as { requests?: JsonObject } | undefined)?.requests;
    if (requests?.storage === undefined) errors.push(fieldError.required('spec.resources[storage]'));
    return errors;
  },
  validateUpdate: (claim, old) => {
    const fixed = (object: KubeObject): JsonObject => {
      const { resources: _r, volumeName: _v, volumeAttributesClassName: _c, ...rest } = specOf(object);
      if (specOf(old).storageClassName === undefined) delete rest.storageClassName;
      return rest;
    };
    return sameJson(fixed(claim), fixed(old))
      ? []
      : [
          fieldError.forbidden(
            'spec',
            'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
          ),
        ];
  },
};

export const volumeRules: KindRules = {
  defaults: (volume) => {
    const spec = specOf(volume);
    fill(spec, 'persistentVolumeReclaimPolicy', 'Retain');
    fill(spec, 'volumeMode', 'Filesystem');
    if (isObject(spec.hostPath)) fill(spec.hostPath, 'type', '');
    if (!isObject(volume.status)) volume.status = {};
    fill(volume.status as JsonObject, 'phase', 'Pending');
  },
  prepareCreate: (volume) => {
    volume.status = { phase: 'Pending' };
    return undefined;
  },
};

export const storageClassRules: KindRules = {
  defaults: (storageClass) => {
    storageClass.reclaimPolicy ??= 'Delete';
    storageClass.volumeBindingMode ??= 'Immediate';
  },
  validate: (storageClass) => ((storageClass.provisioner ?? '') === '' ? [fieldError.required('provisioner')] : []),
};
