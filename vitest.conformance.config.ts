import { defineConfig } from 'vitest/config';

/** The suite of `npm run conformance`: ours against other people's programs. A missing program fails, it never skips. */
export default defineConfig({
  test: {
    include: ['test/conformance/**/*.conformance.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ['default', './test/support/closing-line-reporter.ts'],
  },
});
