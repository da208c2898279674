/** Why a batch was not taken. The log is as it was before. */
export type AppendProblem =
  /** Bytes that are not one batch, or that break a rule for producers. `code`: the wire's error code. */
  | {
      readonly kind: 'invalidBatch';
      readonly code: number;
      readonly detail: string;
      readonly recordIndexes?: readonly number[];
    }
  | { readonly kind: 'invalidProducerEpoch'; readonly expected: number; readonly received: number }
  | { readonly kind: 'outOfOrderSequence'; readonly expected: number; readonly received: number }
  | { readonly kind: 'invalidTransactionState' }
  | StorageProblem;

/** The device refused or lied: the log takes nothing more until it was loaded again. */
export type StorageProblem = { readonly kind: 'storage'; readonly detail: string; readonly code: string };

/** Bytes in a log's files that are not what was written there. */
export class LogDamage extends Error {
  override readonly name = 'LogDamage';
}

export function storageProblem(error: unknown, attempt: string): StorageProblem {
  const { code, message } = error as NodeJS.ErrnoException;
  return { kind: 'storage', code: code ?? 'EIO', detail: `${attempt}: ${message}` };
}
