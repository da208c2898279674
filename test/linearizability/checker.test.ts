import { expect, test } from 'vitest';
import { type Random, seededRandom } from '../../src/base/index.ts';
import { checkObject } from './checker.ts';
import { checkHistory, type Recorded } from './history.ts';
import { syntheticHistory } from './synthetic-history.ts';
import { type ZnodeInput, type ZnodeOperation, type ZnodeOutput, znodeModel } from './znode-model.ts';

const operation = (callAt: number, returnAt: number, input: ZnodeInput, output?: ZnodeOutput): ZnodeOperation => ({
  callAt,
  returnAt: output === undefined ? Number.POSITIVE_INFINITY : returnAt,
  input,
  output,
});
const verdictOf = (operations: readonly ZnodeOperation[]): string => checkObject(znodeModel, operations).kind;
const created = operation(0, 1, { kind: 'create', value: 'a' }, { kind: 'created' });
const set = (callAt: number, returnAt: number, value: string, version: number): ZnodeOperation =>
  operation(callAt, returnAt, { kind: 'set', value, version: -1 }, { kind: 'set', version });
const read = (callAt: number, returnAt: number, value: string, version: number): ZnodeOperation =>
  operation(callAt, returnAt, { kind: 'read' }, { kind: 'read', value, version });

test('operations that overlap may take effect in either order', () => {
  expect(verdictOf([created, set(2, 6, 'b', 1), read(3, 4, 'a', 0), read(4.5, 5, 'b', 1)])).toBe('linearizable');
  expect(verdictOf([created, set(2, 6, 'b', 1), read(3, 4, 'b', 1), read(4.5, 5, 'a', 0)])).toBe('violation');
});

test('a read that comes after a write was acknowledged must show it', () => {
  expect(verdictOf([created, set(2, 3, 'b', 1), read(4, 5, 'a', 0)])).toBe('violation');
});

test('an operation of unknown outcome may have happened, late or never', () => {
  const unknown = operation(2, 0, { kind: 'set', value: 'b', version: -1 });
  expect(verdictOf([created, unknown, read(3, 4, 'a', 0)])).toBe('linearizable');
  expect(verdictOf([created, unknown, read(3, 4, 'b', 1)])).toBe('linearizable');
  expect(verdictOf([created, unknown, read(3, 4, 'a', 0), read(8, 9, 'b', 1)])).toBe('linearizable');
  expect(verdictOf([created, unknown, read(3, 4, 'b', 1), read(8, 9, 'a', 0)])).toBe('violation');
  expect(verdictOf([created, read(0.5, 1.5, 'b', 1), unknown])).toBe('violation');
});

test('two clients cannot both win the same version', () => {
  const win = (callAt: number, value: string): ZnodeOperation =>
    operation(callAt, callAt + 3, { kind: 'set', value, version: 0 }, { kind: 'set', version: 1 });
  expect(verdictOf([created, win(2, 'b'), win(3, 'c')])).toBe('violation');
});

const shape = { operations: 4000, paths: 8, clients: 10, unknownChance: 0.02 };

test('histories of a real register are linearizable, whatever overlaps and whatever is unknown', () => {
  for (let seed = 1; seed <= 25; seed++) {
    const { violations } = checkHistory(syntheticHistory(seededRandom(seed), shape));
    expect(violations).toEqual([]);
  }
});

type Doctored = {
  readonly name: string;
  readonly doctor: (history: Recorded[], random: Random) => Recorded[] | undefined;
};
type Successful = Recorded & { readonly output: ZnodeOutput };

/** One of the operations with this kind of output, from the middle of the history. */
function pick(history: readonly Recorded[], random: Random, kind: ZnodeOutput['kind']): Successful | undefined {
  const all = history.filter((each): each is Successful => each.output?.kind === kind);
  return all[Math.floor(all.length * (0.3 + 0.4 * random.next()))];
}
const swap = (history: Recorded[], from: Recorded, to: Recorded): Recorded[] =>
  history.map((each) => (each === from ? to : each));
const latest = Math.max;

/** What a broken ensemble would let clients see. */
const doctored: readonly Doctored[] = [
  ...(['set', 'created', 'deleted'] as const).map(
    (kind): Doctored => ({
      name: `an acknowledged operation is lost: ${kind}`,
      doctor: (history, random) => {
        const lost = pick(history, random, kind);
        // Clients saw it succeed, the register forgot it: shown by the same operation succeeding again, later.
        return lost === undefined
          ? undefined
          : [...history, { ...lost, callAt: 1e6, returnAt: 1e6 + 1 }, { ...lost, callAt: 1e6 + 2, returnAt: 1e6 + 3 }];
      },
    }),
  ),
  ...[1, 2, 5].map(
    (back): Doctored => ({
      name: `a read shows a value ${back} versions old`,
      doctor: (history, random) => {
        const seen = pick(history, random, 'read');
        if (seen?.output.kind !== 'read' || seen.output.version < back + 2) return undefined;
        const version = seen.output.version - back;
        const sets = history.filter(
          ({ path, output }) => path === seen.path && output?.kind === 'set' && output.version === version,
        );
        const old = sets.findLast(({ returnAt }) => returnAt < seen.callAt - 30);
        if (old?.input.kind !== 'set') return undefined;
        return swap(history, seen, { ...seen, output: { kind: 'read', value: old.input.value, version } });
      },
    }),
  ),
  ...['never-written', ''].map(
    (value): Doctored => ({
      name: `a read shows "${value}", which nobody wrote`,
      doctor: (history, random) => {
        const seen = pick(history, random, 'read');
        return seen?.output.kind === 'read'
          ? swap(history, seen, { ...seen, output: { ...seen.output, value } })
          : undefined;
      },
    }),
  ),
  ...[-1, 1, 7].map(
    (by): Doctored => ({
      name: `a set answers with a version that is off by ${by}`,
      doctor: (history, random) => {
        const done = pick(history, random, 'set');
        if (done?.output.kind !== 'set') return undefined;
        return swap(history, done, { ...done, output: { kind: 'set', version: done.output.version + by } });
      },
    }),
  ),
  {
    name: 'a set succeeds on a version that is gone',
    doctor: (history, random) => {
      const refused = pick(history, random, 'badVersion');
      if (refused?.input.kind !== 'set') return undefined;
      return swap(history, refused, { ...refused, output: { kind: 'set', version: refused.input.version + 1 } });
    },
  },
  {
    name: 'a set is refused although its version fits',
    doctor: (history, random) => {
      const done = pick(history, random, 'set');
      return done === undefined
        ? undefined
        : swap(history, done, {
            ...done,
            input: { kind: 'set', value: 'x', version: -1 },
            output: { kind: 'badVersion' },
          });
    },
  },
  {
    name: 'a refused set took effect',
    doctor: (history, random) => {
      const refused = pick(history, random, 'badVersion');
      if (refused?.input.kind !== 'set') return undefined;
      const after = latest(...history.map(({ returnAt }) => (Number.isFinite(returnAt) ? returnAt : 0))) + 1;
      return [
        ...history,
        {
          path: refused.path,
          callAt: after,
          returnAt: after + 1,
          input: { kind: 'read' },
          output: { kind: 'read', value: refused.input.value, version: refused.input.version + 1 },
        },
      ];
    },
  },
  {
    name: 'a write takes effect before it was called',
    doctor: (history, random) => {
      const done = pick(history, random, 'set');
      return done === undefined ? undefined : swap(history, done, { ...done, callAt: 1e6, returnAt: 1e6 + 1 });
    },
  },
  {
    name: 'a write takes effect after it has returned',
    doctor: (history, random) => {
      const done = pick(history, random, 'set');
      return done === undefined ? undefined : swap(history, done, { ...done, callAt: -2, returnAt: -1 });
    },
  },
  {
    name: 'an existing znode is not there',
    doctor: (history, random) => {
      const refused = pick(history, random, 'nodeExists');
      return refused === undefined ? undefined : swap(history, refused, { ...refused, output: { kind: 'noNode' } });
    },
  },
  {
    name: 'a create succeeds on an existing znode',
    doctor: (history, random) => {
      const refused = pick(history, random, 'nodeExists');
      return refused === undefined ? undefined : swap(history, refused, { ...refused, output: { kind: 'created' } });
    },
  },
  {
    name: 'a deleted znode is read again',
    doctor: (history, random) => {
      const gone = pick(history, random, 'deleted');
      if (gone === undefined) return undefined;
      // The first operation that knew it was gone saw the old value instead.
      const blind = history.find(
        ({ path, callAt, output }) => path === gone.path && callAt > gone.returnAt && output?.kind === 'noNode',
      );
      return blind === undefined
        ? undefined
        : swap(history, blind, {
            ...blind,
            input: { kind: 'read' },
            output: { kind: 'read', value: 'v0', version: 0 },
          });
    },
  },
  {
    name: 'one operation takes effect twice',
    doctor: (history, random) => {
      const done = pick(history, random, 'set');
      if (done?.output.kind !== 'set') return undefined;
      return [
        ...history,
        { ...done, callAt: done.callAt + 0.01, output: { kind: 'set', version: done.output.version } },
      ];
    },
  },
];

test(`${doctored.length} kinds of violation are found wherever they are put`, () => {
  expect(doctored.length).toBeGreaterThanOrEqual(20);
  for (const { name, doctor } of doctored) {
    let tried = 0;
    for (let seed = 1; tried < 5 && seed < 400; seed++) {
      const random = seededRandom(seed);
      const history = syntheticHistory(random, { ...shape, operations: 1500, paths: 3, unknownChance: 0 });
      const spoilt = doctor(history, random);
      if (spoilt === undefined) continue;
      tried++;
      expect(checkHistory(spoilt).violations.length, `${name} (seed ${seed})`).toBeGreaterThan(0);
    }
    expect(tried, `${name} could be put into a history`).toBe(5);
  }
});

test('200,000 operations with 20 clients are checked well within a minute', () => {
  const history = syntheticHistory(seededRandom(1), {
    operations: 200_000,
    paths: 20,
    clients: 20,
    unknownChance: 0.002,
  });
  const beganMs = performance.now();
  expect(checkHistory(history).violations).toEqual([]);
  expect(performance.now() - beganMs).toBeLessThan(60_000);
}, 120_000);
