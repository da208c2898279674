import { defineConfig } from 'vitest/config';

/**
 * The suite of `npm run e2e`: the whole product against a Kubernetes API server, the one that KUBECONFIG names or, without it,
 * the local one. Its pods are processes of this machine either way.
 */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.e2e.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ['default', './test/support/closing-line-reporter.ts'],
  },
});
