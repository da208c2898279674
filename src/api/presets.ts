import { bytesQuantity, coresQuantity, quantityValue } from './quantity.ts';

/** CPU per size, the same in all families. */
const sizes = {
  nano: '250m',
  micro: '500m',
  small: '1',
  medium: '2',
  large: '4',
  xlarge: '8',
  '2xlarge': '16',
  '4xlarge': '32',
} as const;
type Size = keyof typeof sizes;
const sizeNames = Object.keys(sizes) as Size[];

/** Memory of `nano` in MiB per family; each size has the double of the one before. */
const families = { t1: 128, c1: 256, s1: 512, u1: 1024, m1: 2048 } as const;
type Family = keyof typeof families;

/** Names from before there were families, and what they stand for. */
const legacy = {
  nano: 't1.nano',
  micro: 't1.micro',
  small: 't1.small',
  medium: 'c1.small',
  large: 'c1.medium',
  xlarge: 'c1.large',
  '2xlarge': 'c1.xlarge',
} as const satisfies Record<string, `${Family}.${Size}`>;

export type ResourcesPreset = `${Family}.${Size}` | keyof typeof legacy;

export const resourcesPresets: readonly ResourcesPreset[] = [
  ...(Object.keys(legacy) as (keyof typeof legacy)[]),
  ...(Object.keys(families) as Family[]).flatMap((family) => sizeNames.map((size) => `${family}.${size}` as const)),
];

/** What each replica may use, as quantities. */
export type Limits = { readonly cpu: string; readonly memory: string; readonly 'ephemeral-storage': string };

const ephemeralStorage = '2Gi';

/** A limit divided by its ratio is what is requested, so that nodes can be filled beyond the sum of limits. */
export const requestRatios = { cpu: 10, memory: 1, 'ephemeral-storage': 40 } as const;

function presetLimits(preset: ResourcesPreset): Limits {
  const [family, size] = (preset in legacy ? legacy[preset as keyof typeof legacy] : preset).split('.') as [
    Family,
    Size,
  ];
  const memoryMebibytes = families[family] * 2 ** sizeNames.indexOf(size);
  return { cpu: sizes[size], memory: bytesQuantity(memoryMebibytes * 2 ** 20), 'ephemeral-storage': ephemeralStorage };
}

/**
 * A container's limits and requests: the preset's, with what `resources` names put over them key by key.
 *
 * Source: `_resourcepresets.tpl` and `_resources.tpl` of Cozystack's cozy-lib.
 */
export function resourceRequirements(
  preset: ResourcesPreset,
  resources: { readonly cpu?: string | undefined; readonly memory?: string | undefined } = {},
): { readonly limits: Limits; readonly requests: Limits } {
  const base = presetLimits(preset);
  const limits: Limits = { ...base, cpu: resources.cpu ?? base.cpu, memory: resources.memory ?? base.memory };
  return {
    limits,
    requests: {
      cpu: coresQuantity(quantityValue(limits.cpu) / requestRatios.cpu),
      memory: limits.memory,
      'ephemeral-storage': bytesQuantity(
        Math.floor(quantityValue(limits['ephemeral-storage']) / requestRatios['ephemeral-storage']),
      ),
    },
  };
}
