import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { badChanges, badResources, refusalOf } from './bad-resources.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ processes: 'none' });
});
afterAll(() => world?.stop());

describe('the API server refuses, and names the field', () => {
  test.each(badResources.map((bad) => [bad.what, bad] as const))('%s', async (_what, bad) => {
    expect(await refusalOf(bad, world.client)).toContain(bad.names);
  });
  test.each(badChanges.map((bad) => [bad.what, bad] as const))('%s', async (_what, bad) => {
    expect(await refusalOf(bad, world.client)).toContain(bad.names);
  });
});
