/** A quantity as Kubernetes writes it: `1`, `500m`, `10Gi`, `1e3`. */
export const quantityPattern = /^[+-]?(\d+|\d+\.\d*|\.\d+)([eE][+-]?\d+|[KMGTPE]i|[numkMGTPE]|)$/;

const binary: Record<string, bigint> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
const decimal: Record<string, number> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
/** Values are kept in billionths; what is smaller is rounded away. */
const scale = 9;
const exponentLimit = 64;
const digitsLimit = 100;

/** An exact number for comparing; not for arithmetic beyond that. */
export class Quantity {
  readonly #billionths: bigint;

  /** @throws for a text that is no quantity */
  constructor(text: string) {
    const match = /^([+-]?)(\d*)\.?(\d*)(.*)$/.exec(text);
    if (!quantityPattern.test(text) || match === null || text.length > digitsLimit) {
      throw new Error(`"${text.slice(0, digitsLimit)}" is not a quantity`);
    }
    const [, sign, whole = '', fraction = '', suffix = ''] = match;
    const shift = suffix === '' ? 0 : (decimal[suffix] ?? (/^[eE]/.test(suffix) ? Number(suffix.slice(1)) : 0));
    if (Math.abs(shift) > exponentLimit) throw new Error(`"${text}" is too large or too small a quantity`);
    const digits = BigInt(`${whole}${fraction}`) << (binary[suffix] ?? 0n);
    const exponent = scale + shift - fraction.length;
    const value = exponent >= 0 ? digits * 10n ** BigInt(exponent) : digits / 10n ** BigInt(-exponent);
    this.#billionths = sign === '-' ? -value : value;
  }

  /** -1, 0 or 1. */
  compareTo(other: Quantity): bigint {
    if (this.#billionths === other.#billionths) return 0n;
    return this.#billionths < other.#billionths ? -1n : 1n;
  }

  /** The value, if it is a whole number. */
  integer(): bigint | undefined {
    const unit = 10n ** BigInt(scale);
    return this.#billionths % unit === 0n ? this.#billionths / unit : undefined;
  }
}
