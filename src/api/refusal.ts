import type { RefusalReason } from './conditions.ts';

/** Something asked for that is not done, and only a change of the resource helps. */
export type Refusal = {
  readonly reason: RefusalReason;
  /** Where in the resource, e.g. `spec.config[broker.id]`. */
  readonly field: string;
  /** What is wrong and the way out, without the field. */
  readonly message: string;
};

export const refusalText = ({ field, message }: Refusal): string => `${field}: ${message}`;
