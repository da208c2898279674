/** One znode as a register with a version: what ZooKeeper promises about create, set, delete and a read after a sync. */
import type { Model, Operation } from './checker.ts';

export type ZnodeInput =
  | { readonly kind: 'create'; readonly value: string }
  /** -1: whatever the version. */
  | { readonly kind: 'set'; readonly value: string; readonly version: number }
  | { readonly kind: 'delete'; readonly version: number }
  | { readonly kind: 'read' };

export type ZnodeOutput =
  | { readonly kind: 'created' }
  | { readonly kind: 'set'; readonly version: number }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'read'; readonly value: string; readonly version: number }
  | { readonly kind: 'noNode' }
  | { readonly kind: 'nodeExists' }
  | { readonly kind: 'badVersion' };

/** Undefined: there is no such znode. */
export type Znode = { readonly value: string; readonly version: number } | 'absent';
export type ZnodeOperation = Operation<ZnodeInput, ZnodeOutput>;

const fits = (expected: number, znode: { readonly version: number }): boolean =>
  expected === -1 || expected === znode.version;

/** What would be answered, and the state after it. */
function apply(znode: Znode, input: ZnodeInput): { readonly after: Znode; readonly output: ZnodeOutput } {
  if (input.kind === 'create') {
    if (znode !== 'absent') return { after: znode, output: { kind: 'nodeExists' } };
    return { after: { value: input.value, version: 0 }, output: { kind: 'created' } };
  }
  if (znode === 'absent') return { after: znode, output: { kind: 'noNode' } };
  if (input.kind === 'read') return { after: znode, output: { kind: 'read', ...znode } };
  if (!fits(input.version, znode)) return { after: znode, output: { kind: 'badVersion' } };
  if (input.kind === 'delete') return { after: 'absent', output: { kind: 'deleted' } };
  const version = znode.version + 1;
  return { after: { value: input.value, version }, output: { kind: 'set', version } };
}

const same = (left: ZnodeOutput, right: ZnodeOutput): boolean =>
  left.kind === right.kind &&
  ('version' in left ? left.version : 0) === ('version' in right ? right.version : 0) &&
  ('value' in left ? left.value : '') === ('value' in right ? right.value : '');

export const znodeModel: Model<Znode, ZnodeInput, ZnodeOutput> = {
  initial: 'absent',
  step(znode, input, output) {
    const { after, output: expected } = apply(znode, input);
    // One of unknown outcome that would change nothing need not be placed.
    if (output === undefined) return after === znode ? undefined : after;
    return same(expected, output) ? after : undefined;
  },
  key: (znode) => (znode === 'absent' ? '' : `${znode.version} ${znode.value}`),
};
