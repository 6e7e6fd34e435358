import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Two forks on the two cores this suite is sized for; every test owns its ports, files and processes. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/live/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    globalSetup: [],
    // The gateways and model hosts that tests start compile each module once in all.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compile', import.meta.url)) },
  },
});
