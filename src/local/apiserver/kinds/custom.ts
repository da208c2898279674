import { fieldAt, type JsonObject, type KubeObject } from '../object.ts';
import { customStructure } from '../schema/custom-structure.ts';
import { duplicateErrors } from '../schema/list-keys.ts';
import { hasRules, ruleErrors } from '../schema/rules.ts';
import type { Structure } from '../schema/structure.ts';
import { customErrors } from '../schema/validate-custom.ts';
import { type FieldError, fieldError } from '../status.ts';
import { customColumns } from '../tables/custom-columns.ts';
import { type DefinitionVersion, specOfDefinition } from './definitions.ts';
import { allVerbs, type KindRules, type Resource, type ScalePaths } from './resource.ts';

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

/** Errors after which the original does not evaluate rules: they could stumble over what is wrong. */
const blocking = new Set<FieldError['type']>(['NotSupported', 'Required', 'TooLong', 'TooMany', 'TypeInvalid']);
const rulesNotChecked = fieldError.invalid(
  '<nil>',
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);

function customRules(schema: JsonObject, structure: Structure, scale: ScalePaths | undefined): KindRules {
  return {
    generation: true,
    validate: (object, old) => {
      const errors = [
        ...customErrors(object, schema),
        ...scaleErrors(object, scale),
        ...duplicateErrors(object, structure),
      ];
      if (!hasRules(schema)) return errors;
      if (errors.some((error) => blocking.has(error.type))) return [...errors, rulesNotChecked];
      return [...errors, ...ruleErrors(object, old, schema)];
    },
  };
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
        rules: customRules(schema, structure, scale),
        columns: customColumns(version.additionalPrinterColumns),
        selectable: (version.selectableFields ?? []).map((field) => simplePath(field.jsonPath)),
      };
    });
}
