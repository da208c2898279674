import { z } from 'zod';

/** A size or share as Kubernetes writes it, above zero: `10Gi`, `500m`, `1.5`, `1e3`. */
export const quantityPattern = /^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/;

const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * The number a quantity stands for: bytes for `10Gi`, cores for `500m`.
 *
 * @param text  matches `quantityPattern`
 * Source: apimachinery's resource.Quantity.
 */
export function quantityValue(text: string): number {
  const [, digits = '', , suffix = ''] = quantityPattern.exec(text) ?? [];
  const factor = suffixes[suffix] ?? Number(`1${suffix}`);
  return Number(digits) * factor;
}

/** Whole bytes as the shortest quantity that is exact: 536870912 is `512Mi`, 53687091 is `53687091`. */
export function bytesQuantity(bytes: number): string {
  for (const suffix of ['Gi', 'Mi', 'Ki'] as const) {
    const factor = suffixes[suffix] as number;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${suffix}`;
  }
  return String(bytes);
}

/** Cores as a quantity, rounded up to a thousandth: 0.025 is `25m`, 2 is `2`. */
export function coresQuantity(cores: number): string {
  // The detour over nine digits keeps 0.1 + 0.2 from becoming one thousandth more.
  const thousandths = Math.ceil(Number((cores * 1000).toFixed(6)));
  return thousandths % 1000 === 0 ? String(thousandths / 1000) : `${thousandths}m`;
}

/** A quantity in a resource: text, or a whole number as YAML reads `cpu: 2`. Always text after parsing. */
export const quantity = z
  .union([z.int().positive(), z.string().regex(quantityPattern, 'must be a quantity such as 500m, 2 or 10Gi')])
  .transform(String)
  .refine((text) => quantityValue(text) > 0, 'must be more than zero');
