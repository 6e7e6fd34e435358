import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { loadEngine } from '../../src/model-host/engine.ts';
import { installEngine, installEngineIfAbsent } from '../../src/model-host/engine-install.ts';
import { superviseModelHost } from '../../src/model-host/supervisor.ts';
import { temporaryFolder } from '../model-host/support/test-models.ts';

const registry = process.env['npm_config_registry'];
afterEach(() => {
  if (registry === undefined) delete process.env['npm_config_registry'];
  else process.env['npm_config_registry'] = registry;
});

test('the CPU engine is installed from the registry and loads from its folder', async () => {
  const engineDir = join(temporaryFolder(), 'engine');
  await installEngine({ engineDir, gpu: 'off', environment: process.env, onProgress: () => {} });
  const engine = await loadEngine(engineDir, 'off');
  const llama = await engine.getLlama({ gpu: false, build: 'never', maxThreads: 1 });
  expect(llama.gpu).toBe(false);
  await llama.dispose();
}, 120_000);

test('of two that need it at once, one installs and the other waits; nothing is left beside it', async () => {
  const folder = temporaryFolder();
  const told: string[] = [];
  const options = {
    engineDir: join(folder, 'engine'),
    environment: process.env,
    onProgress: (line: string) => told.push(line),
  };
  await Promise.all([installEngineIfAbsent(options), installEngineIfAbsent(options)]);
  expect(told.filter((line) => line.startsWith('fetching'))).toHaveLength(1);
  expect(told).toContain('another process is installing it');
  expect(readdirSync(folder)).toEqual(['engine']);
}, 120_000);

test('without a network it says so within seconds', async () => {
  process.env['npm_config_registry'] = 'http://127.0.0.1:9';
  const install = installEngine({
    engineDir: join(temporaryFolder(), 'engine'),
    gpu: 'off',
    environment: process.env,
    onProgress: () => {},
  });
  await expect(install).rejects.toThrow(/registry cannot be reached. Check the network/);
}, 15_000);

/** The program with all that it needs but the engine, as an installed package is. */
const copyWithoutEngine = (): string => {
  const folder = temporaryFolder();
  for (const part of ['src', 'models', 'package.json']) cpSync(resolve(part), join(folder, part), { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync('node_modules').filter((entry) => !/llama|^\./.test(entry))) {
    symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name));
  }
  return folder;
};

test('the first local model brings its engine with it', async () => {
  const folder = copyWithoutEngine();
  const told: string[] = [];
  const host = superviseModelHost({
    environment: process.env,
    ...{ name: 'nano', model: 'builtin:nano', contextTokens: 512, parallel: 1, gpu: 'off', threads: 1 },
    ...{ modelsDir: join(folder, 'data/models'), engineDir: join(folder, 'data/engine'), socketDir: folder },
    ...{ clock: systemClock, logger: { info: () => {}, warn: () => {}, error: () => {} } },
    mainPath: join(folder, 'src/model-host/main.ts'),
  });
  await new Promise<void>((done, reject) =>
    host.onStatus(({ state, detail }) => {
      told.push(`${state}: ${detail}`);
      if (state === 'ready') done();
      if (state === 'failed' || state === 'restarting') reject(new Error(detail));
    }),
  );
  expect(told.join('\n')).toMatch(
    /downloading: installing the engine \(85 MB\): fetching[\s\S]*ready: nano is builtin:nano/,
  );
  await host.close();
}, 120_000);
