import { checkObject, type Verdict } from './checker.ts';
import { type ZnodeInput, type ZnodeOperation, type ZnodeOutput, znodeModel } from './znode-model.ts';

/** What clients saw of one znode path. */
export type Recorded = ZnodeOperation & { readonly path: string };

export type HistoryVerdict = {
  readonly paths: number;
  readonly operations: number;
  readonly violations: readonly {
    readonly path: string;
    readonly verdict: Exclude<Verdict<ZnodeInput, ZnodeOutput>, { kind: 'linearizable' }>;
  }[];
};

/** Each path on its own. */
export function checkHistory(operations: Iterable<Recorded>): HistoryVerdict {
  const byPath = new Map<string, Recorded[]>();
  let count = 0;
  for (const operation of operations) {
    count++;
    const same = byPath.get(operation.path);
    if (same === undefined) byPath.set(operation.path, [operation]);
    else same.push(operation);
  }
  const violations = [];
  for (const [path, recorded] of byPath) {
    const verdict = checkObject(znodeModel, recorded);
    if (verdict.kind !== 'linearizable') violations.push({ path, verdict });
  }
  return { paths: byPath.size, operations: count, violations };
}
