import { fieldAt, type JsonObject, type KubeObject } from '../object.ts';
import { customStructure } from '../schema/custom-structure.ts';
import { duplicateErrors } from '../schema/list-keys.ts';
import { customErrors } from '../schema/validate-custom.ts';
import { type FieldError, fieldError } from '../status.ts';
import { customColumns } from '../tables/custom-columns.ts';
import { type DefinitionVersion, specOfDefinition } from './definitions.ts';
import { allVerbs, type Resource, type ScalePaths } from './resource.ts';

/** `.spec.replicas` as a list of names. */
const simplePath = (text: string): string[] => text.replace(/^\./, '').split('.');

function scalePaths(version: DefinitionVersion): { scale?: ScalePaths } {
  const scale = version.subresources?.scale;
  if (scale === undefined) return {};
  return {
    scale: {
      specReplicas: simplePath(scale.specReplicasPath),
      statusReplicas: simplePath(scale.statusReplicasPath),
      ...(scale.labelSelectorPath === undefined ? {} : { selector: simplePath(scale.labelSelectorPath) }),
    },
  };
}

/** What the scale subresource reads must be a whole number from 0. */
function scaleErrors(object: KubeObject, scale: ScalePaths | undefined): FieldError[] {
  if (scale === undefined) return [];
  return [scale.specReplicas, scale.statusReplicas].flatMap((names) => {
    const value = fieldAt(object, names);
    const path = `.${names.join('.')}`;
    if (value === undefined) return [];
    if (typeof value !== 'number') {
      const type = typeof value === 'boolean' ? 'bool' : typeof value;
      const why = `${path} accessor error: ${String(value)} is of the type ${type}, expected int64`;
      return [fieldError.invalid(path, 0, why)];
    }
    return value < 0 ? [fieldError.invalid(path, value, 'should be a non-negative integer')] : [];
  });
}

/** The resources that an established definition serves, one a version. */
export function customResources(definition: KubeObject): Resource[] {
  const spec = specOfDefinition(definition);
  const conditions = (definition.status as { conditions?: { type: string; status: string }[] } | undefined)?.conditions;
  const established = conditions?.some((item) => item.type === 'Established' && item.status === 'True');
  if (established !== true) return [];
  return spec.versions
    .filter((version) => version.served)
    .map((version) => {
      const schema: JsonObject = version.schema?.openAPIV3Schema ?? { type: 'object' };
      const structure = customStructure(schema);
      const { scale } = scalePaths(version);
      return {
        group: spec.group,
        version: version.name,
        apiVersion: `${spec.group}/${version.name}`,
        kind: spec.names.kind,
        listKind: spec.names.listKind ?? `${spec.names.kind}List`,
        plural: spec.names.plural,
        singular: spec.names.singular ?? spec.names.kind.toLowerCase(),
        shortNames: spec.names.shortNames ?? [],
        categories: spec.names.categories ?? [],
        namespaced: spec.scope === 'Namespaced',
        bucket: `${spec.names.plural}.${spec.group}`,
        structure,
        custom: { schema, definitionName: definition.metadata.name as string },
        hasStatus: version.subresources?.status !== undefined,
        ...(scale === undefined ? {} : { scale }),
        subresources: [],
        verbs: allVerbs,
        rules: {
          generation: true,
          validate: (object) => [
            ...customErrors(object, schema),
            ...scaleErrors(object, scale),
            ...duplicateErrors(object, structure),
          ],
        },
        columns: customColumns(version.additionalPrinterColumns),
        selectable: (version.selectableFields ?? []).map((field) => simplePath(field.jsonPath)),
      };
    });
}
