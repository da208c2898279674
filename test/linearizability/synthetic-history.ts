import type { Random } from '../../src/base/index.ts';
import type { Recorded } from './history.ts';
import type { ZnodeInput, ZnodeOutput } from './znode-model.ts';

type Znode = { value: string; version: number } | undefined;

/**
 * A history that is linearizable by construction: clients take turns in random overlap, and each operation takes effect
 * on a real register at a random moment between its call and its return.
 *
 * @param unknownChance  how often a client does not learn the outcome; half of those never took effect
 */
export function syntheticHistory(
  random: Random,
  {
    operations,
    paths,
    clients,
    unknownChance,
  }: { operations: number; paths: number; clients: number; unknownChance: number },
): Recorded[] {
  const znodes: Znode[] = Array.from({ length: paths }, () => undefined);
  const history: Recorded[] = [];
  /** When each client is free again. */
  const freeAt = Array.from({ length: clients }, () => random.next());
  // Effects must take place in the order of their moments: plan them all, then carry them out.
  const planned: {
    readonly callAt: number;
    readonly effectAt: number;
    readonly returnAt: number;
    readonly path: number;
    readonly unknown: boolean;
    readonly lost: boolean;
  }[] = [];
  for (let count = 0; count < operations; count++) {
    const client = count % clients;
    const callAt = (freeAt[client] as number) + random.next();
    const returnAt = callAt + 0.1 + random.next() * 2;
    const effectAt = callAt + random.next() * (returnAt - callAt);
    freeAt[client] = returnAt;
    const unknown = random.next() < unknownChance;
    planned.push({
      callAt,
      effectAt,
      returnAt,
      path: random.below(paths),
      unknown,
      lost: unknown && random.next() < 0.5,
    });
  }
  planned.sort((left, right) => left.effectAt - right.effectAt);
  let serial = 0;
  for (const { callAt, returnAt, path, unknown, lost } of planned) {
    const znode = znodes[path];
    const input = draw(random, znode, `v${serial++}`);
    const { output, after } = carryOut(znode, input);
    if (!lost) znodes[path] = after;
    // A read of unknown outcome says nothing.
    if (unknown && input.kind === 'read') continue;
    history.push({
      path: `/p${path}`,
      callAt,
      returnAt: unknown ? Number.POSITIVE_INFINITY : returnAt,
      input,
      output: unknown ? undefined : output,
    });
  }
  return history;
}

function draw(random: Random, znode: Znode, value: string): ZnodeInput {
  const dice = random.next();
  // What this client believes may be out of date.
  const luck = random.next();
  const present = znode?.version ?? 0;
  const guess = luck < 0.6 ? present : luck < 0.8 && present > 0 ? present - 1 : -1;
  if (znode === undefined) return dice < 0.8 ? { kind: 'create', value } : { kind: 'read' };
  if (dice < 0.45) return { kind: 'read' };
  if (dice < 0.9) return { kind: 'set', value, version: guess };
  return dice < 0.97 ? { kind: 'create', value } : { kind: 'delete', version: guess };
}

function carryOut(znode: Znode, input: ZnodeInput): { readonly output: ZnodeOutput; readonly after: Znode } {
  if (input.kind === 'create') {
    if (znode !== undefined) return { output: { kind: 'nodeExists' }, after: znode };
    return { output: { kind: 'created' }, after: { value: input.value, version: 0 } };
  }
  if (znode === undefined) return { output: { kind: 'noNode' }, after: znode };
  if (input.kind === 'read') return { output: { kind: 'read', ...znode }, after: znode };
  if (input.version !== -1 && input.version !== znode.version) return { output: { kind: 'badVersion' }, after: znode };
  if (input.kind === 'delete') return { output: { kind: 'deleted' }, after: undefined };
  const after = { value: input.value, version: znode.version + 1 };
  return { output: { kind: 'set', version: after.version }, after };
}
