import type { JsonObject, KubeObject } from '../object.ts';
import type { NameRule } from '../schema/names.ts';
import type { Structure } from '../schema/structure.ts';
import type { FieldError, Subject } from '../status.ts';

/** What a kind's rules may ask of the server. */
export interface RuleContext {
  readonly nowMs: number;
  /** All objects of a built-in resource, by its bucket's name: `services`, `storageclasses.storage.k8s.io`. */
  list(bucket: string): readonly KubeObject[];
  /** A free address of the range for Services, or why there is none. */
  serviceAddress(wanted: string | undefined): { readonly address: string } | { readonly problem: string };
}

/** What differs between kinds, beyond their structure. All functions may change the object they are given first. */
export interface KindRules {
  readonly name?: NameRule;
  /** Values that the server fills in for absent fields, on every write. */
  readonly defaults?: (object: KubeObject) => void;
  /** Before a new object is checked: first status, admission. */
  readonly prepareCreate?: (object: KubeObject, context: RuleContext) => readonly FieldError[] | undefined;
  readonly prepareUpdate?: (
    object: KubeObject,
    old: KubeObject,
    context: RuleContext,
  ) => readonly FieldError[] | undefined;
  /** `old` is there for updates only. */
  readonly validate?: (object: KubeObject, old?: KubeObject) => FieldError[];
  readonly validateUpdate?: (object: KubeObject, old: KubeObject) => FieldError[];
  /** Told to who creates one: what this cluster does not do with it. */
  readonly notice?: string;
  /** metadata.generation counts the changes of spec. */
  readonly generation?: boolean;
}

/** A column of a table; `priority` 1 shows with `-o wide` only. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly cell: (object: KubeObject, nowMs: number) => string | number | boolean | null;
}

/** Where a scale subresource finds its numbers: paths of field names. */
export interface ScalePaths {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  readonly selector?: readonly string[];
}

/** A version of a custom resource as its definition describes it. */
export interface CustomSchema {
  /** OpenAPI v3 schema of the whole object, as written in the definition. */
  readonly schema: JsonObject;
  readonly definitionName: string;
}

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export interface Resource extends Subject {
  readonly version: string;
  /** `v1`, `apps/v1`. */
  readonly apiVersion: string;
  readonly listKind: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** The store's bucket; several versions of one resource share it. */
  readonly bucket: string;
  readonly structure: Structure;
  /** Of a built-in kind: its type's short name. */
  readonly typeName?: string;
  readonly custom?: CustomSchema;
  readonly hasStatus: boolean;
  readonly scale?: ScalePaths;
  /** Other subresources, by name. */
  readonly subresources: readonly Subresource[];
  readonly verbs: readonly Verb[];
  readonly rules: KindRules;
  readonly columns: readonly Column[];
  /** Where the stored form differs from the served one by more than its apiVersion. */
  readonly conversion?: Conversion;
  /** Paths that a field selector may name, besides the name and namespace. */
  readonly selectable: readonly (readonly string[])[];
}

/** Between the form that a version serves and the one that is stored. */
export interface Conversion {
  readonly toStorage: (object: KubeObject) => KubeObject;
  readonly fromStorage: (object: KubeObject) => KubeObject;
}

/** A subresource as discovery shows it; what it does is in `verbs/subresources.ts`. */
export interface Subresource {
  readonly name: string;
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly Verb[];
}

export const allVerbs: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];
