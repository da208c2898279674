/** Parts that several kinds share. */
import { z } from 'zod';
import { resourcesPresets } from './presets.ts';
import { quantity } from './quantity.ts';

/** Marks a schema as CEL rules for the API server; servers without CEL leave the rule to the operator. */
export type CelRule = {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly fieldPath?: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired';
};
export const celRules = (
  ...rules: readonly CelRule[]
): { readonly 'x-kubernetes-validations': readonly CelRule[] } => ({
  'x-kubernetes-validations': rules,
});

export const quantityField = (description: string) =>
  quantity.meta({ description, 'x-kubernetes-int-or-string': true });

export const resourcesPresetField = z
  .enum(resourcesPresets as [(typeof resourcesPresets)[number], ...typeof resourcesPresets])
  .default('small')
  .meta({
    description:
      'CPU and memory of each replica by name: <family>.<size>, e.g. t1.small (1 CPU, 512Mi) or s1.large (4 CPU, 8Gi); ' +
      'names without a family are older ones: small is t1.small, medium is c1.small.',
  });

export const resourcesField = z
  .strictObject({
    cpu: quantityField('The limit in cores, e.g. 500m or 2; a tenth of it is requested.').optional(),
    memory: quantityField('The limit in bytes, e.g. 512Mi; all of it is requested.').optional(),
  })
  .optional()
  .meta({ description: 'CPU and memory of each replica; what is not named comes from resourcesPreset.' });

/** @param size  the default, as a quantity */
export const storageField = (size: string) =>
  z
    .strictObject({
      size: quantityField("The size of each replica's volume. It may grow and never shrink.").prefault(size),
      storageClass: z
        .string()
        .min(1)
        .max(253)
        .optional()
        .meta({ description: 'The StorageClass of the volumes; without it, the default one. It cannot change later.' }),
      deletionPolicy: z.enum(['Retain', 'Delete']).default('Retain').meta({
        description: 'What becomes of the volumes when this resource is deleted: Retain keeps them and their data.',
      }),
    })
    .prefault({})
    .meta({
      description: 'The volumes, one a replica.',
      ...celRules(
        {
          rule: 'has(self.storageClass) == has(oldSelf.storageClass) && (!has(self.storageClass) || self.storageClass == oldSelf.storageClass)',
          message: 'storageClass cannot change: volumes stay in the class they were made in',
          fieldPath: '.storageClass',
        },
        {
          rule: '!has(self.size) || !has(oldSelf.size) || quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0',
          message: 'size cannot shrink: volumes only grow',
          fieldPath: '.size',
        },
      ),
    });
export type Storage = z.output<ReturnType<typeof storageField>>;

const configValue = z.union([z.string(), z.number(), z.boolean()], 'must be a string, a number or a boolean');

/** Properties as people write them, with the value's canonical text: 604800000 and "604800000" are the same. */
export const configField = (description: string) =>
  z
    .record(z.string().min(1).max(249), configValue)
    .transform((config) =>
      Object.fromEntries(
        Object.entries(config)
          .map(([key, value]) => [key, String(value)] as const)
          .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
      ),
    )
    .default({})
    .meta({ description });
export type Config = Readonly<Record<string, string>>;

/** The name of a resource whose name begins names of Services: a letter first. */
export const serviceNamePattern = '^[a-z]([-a-z0-9]*[a-z0-9])?$';

export const phaseText = (description: string) => z.string().optional().meta({ description });
export const statusCount = (description: string) => z.int().min(0).optional().meta({ description });
