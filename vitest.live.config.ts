import { defineConfig } from 'vitest/config';

/** Tests that need the package registry, a server of somebody else or a real model: asked for by name, not in CI. */
export default defineConfig({ test: { include: ['test/live/**/*.test.ts'], pool: 'forks', testTimeout: 600_000 } });
