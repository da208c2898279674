import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

/** Folders that docs/ARCHITECTURE.md calls pure: nothing outside their arguments may change what they answer. */
const pure = ['placement', 'quorum', 'metadata', 'coordinator'];
/** Works in a thread of its own, which is the one thing that it is there for. */
const excepted = /^placement\/thread\//;

const source = resolve(import.meta.dirname, '../../src');
const impure =
  /\bprocess\.|\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\.|\bset(Timeout|Interval|Immediate)\(|'node:(?!crypto')/;

/** Lines that look at the outside, without comments. */
const looksOutside = (text: string): string[] =>
  text.split('\n').filter((line) => !/^\s*(\/?\*|\/\/)/.test(line) && impure.test(line));

test('pure folders read no environment, clock, chance, disk or network of their own', () => {
  const found = pure.flatMap((folder) =>
    readdirSync(join(source, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name}`)
      .filter((name) => name.endsWith('.ts') && !excepted.test(name))
      .flatMap((name) => looksOutside(readFileSync(join(source, name), 'utf8')).map((line) => `${name}: ${line}`)),
  );
  expect(found).toEqual([]);
});

test('a look at the environment or the clock is found, one in a comment is not', () => {
  expect(
    looksOutside("if (process.env.TRIAL) return;\nconst now = Date.now();\nimport { a } from 'node:fs';"),
  ).toHaveLength(3);
  expect(looksOutside(" * stops the process.\nimport { createHash } from 'node:crypto';")).toEqual([]);
});
