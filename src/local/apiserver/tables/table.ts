import type { Resource } from '../kinds/resource.ts';
import type { JsonObject, KubeObject } from '../object.ts';

/** How a client wants objects: as they are, as rows of a table, or their metadata alone. */
export type Form = 'object' | 'table' | 'metadata';
export type IncludeObject = 'Metadata' | 'Object' | 'None';

export const partialObject = (object: KubeObject): KubeObject => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata: object.metadata,
});

const columnDefinitions = (resource: Resource): JsonObject[] =>
  resource.columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format: format ?? '',
    description: description ?? '',
    priority: priority ?? 0,
  }));

function row(resource: Resource, object: KubeObject, nowMs: number, include: IncludeObject): JsonObject {
  return {
    cells: resource.columns.map((column) => column.cell(object, nowMs)),
    ...(include === 'None' ? {} : { object: (include === 'Object' ? object : partialObject(object)) as JsonObject }),
  };
}

/** @param withColumns  false for the later events of a watch, which need not repeat them */
export function table(
  resource: Resource,
  objects: readonly KubeObject[],
  metadata: JsonObject,
  options: { readonly nowMs: number; readonly include: IncludeObject; readonly withColumns: boolean },
): JsonObject {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: options.withColumns ? columnDefinitions(resource) : [],
    rows: objects.map((object) => row(resource, object, options.nowMs, options.include)),
  };
}
