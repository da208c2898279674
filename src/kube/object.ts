import type {
  CoreV1Event,
  EventsV1Event,
  V1ConfigMap,
  V1ControllerRevision,
  V1CustomResourceDefinition,
  V1EndpointSlice,
  V1Endpoints,
  V1Lease,
  V1Namespace,
  V1Node,
  V1ObjectMeta,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V1StatefulSet,
  V1StorageClass,
} from '@kubernetes/client-node';

/**
 * The library's model types as they are on the wire: times are RFC 3339 strings, and everything is read-only, since
 * one object is shared by a store's readers. A builder may give `undefined` for what it leaves out.
 */
export type Plain<Value> = Value extends Date
  ? string
  : Value extends readonly (infer Item)[]
    ? readonly Plain<Item>[]
    : Value extends object
      ? {
          readonly [Key in keyof Value]: string extends Key
            ? Plain<Value[Key]>
            : object extends Pick<Value, Key>
              ? Plain<Value[Key]> | undefined
              : Plain<Value[Key]>;
        }
      : Value;

export type ObjectMeta = Plain<V1ObjectMeta>;

/** What every object has once the API server has seen it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta & { readonly name: string };
}

type Known<Value> = Plain<Omit<Value, 'apiVersion' | 'kind' | 'metadata'>> & KubeObject;

export type ConfigMap = Known<V1ConfigMap>;
export type ControllerRevision = Known<V1ControllerRevision>;
export type CustomResourceDefinition = Known<V1CustomResourceDefinition>;
export type Endpoints = Known<V1Endpoints>;
export type EndpointSlice = Known<V1EndpointSlice>;
export type CoreEvent = Known<CoreV1Event>;
export type KubeEvent = Known<EventsV1Event>;
export type Lease = Known<V1Lease>;
export type Namespace = Known<V1Namespace>;
export type Node = Known<V1Node>;
export type PersistentVolume = Known<V1PersistentVolume>;
export type PersistentVolumeClaim = Known<V1PersistentVolumeClaim>;
export type Pod = Known<V1Pod>;
export type PodDisruptionBudget = Known<V1PodDisruptionBudget>;
export type Secret = Known<V1Secret>;
export type Service = Known<V1Service>;
export type ServiceAccount = Known<V1ServiceAccount>;
export type StatefulSet = Known<V1StatefulSet>;
export type StorageClass = Known<V1StorageClass>;

/** Names one object of a known type; `namespace` is absent for cluster-wide types. */
export type ObjectKey = { readonly namespace?: string | undefined; readonly name: string };

/** `namespace/name`, or `name` for cluster-wide objects: how stores and work queues name an object. */
export function keyText(key: ObjectKey): string {
  return key.namespace === undefined || key.namespace === '' ? key.name : `${key.namespace}/${key.name}`;
}

/** The key of an object, as `keyText` writes it. */
export function keyOf(object: {
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined };
}): string {
  return keyText(object.metadata);
}

/** Undoes `keyText`. */
export function parseKey(text: string): ObjectKey {
  const slash = text.indexOf('/');
  return slash < 0 ? { name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** As `metav1.Time` writes it: whole seconds, UTC. */
export function timeText(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}

/** As `metav1.MicroTime` writes it; it must have exactly six digits after the point. */
export function microTimeText(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 23)}000Z`;
}
