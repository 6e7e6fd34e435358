import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Hundreds of programs are started, each of the same modules; what the compiler made of them need not be made again.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/compiled');

/** Three forks on the two cores this suite is sized for, since many tests wait for programs; every test owns its ports, files and processes. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/live/**'],
    pool: 'forks',
    // Our modules keep no state, so files of a worker can share them: importing them anew for each took a third of the time.
    isolate: false,
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    globalSetup: [],
  },
});
