import { afterEach, expect, test } from 'vitest';
import { loadEngine } from '../../src/model-host/engine.ts';
import { installEngine } from '../../src/model-host/engine-install.ts';
import { temporaryFolder } from '../model-host/support/test-models.ts';

const registry = process.env['npm_config_registry'];
afterEach(() => {
  if (registry === undefined) delete process.env['npm_config_registry'];
  else process.env['npm_config_registry'] = registry;
});

test('the CPU engine is installed from the registry and loads from its folder', async () => {
  const engineDir = temporaryFolder();
  await installEngine({ engineDir, gpu: 'off', onProgress: () => {} });
  const engine = await loadEngine(engineDir);
  const llama = await engine.getLlama({ gpu: false, build: 'never', maxThreads: 1 });
  expect(llama.gpu).toBe(false);
  await llama.dispose();
}, 120_000);

test('without a network it says so', async () => {
  process.env['npm_config_registry'] = 'http://127.0.0.1:9';
  const install = installEngine({ engineDir: temporaryFolder(), gpu: 'off', onProgress: () => {} });
  await expect(install).rejects.toThrow(/registry cannot be reached. Check the network/);
}, 60_000);
