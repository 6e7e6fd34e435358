import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, expect, test, vi } from 'vitest';
import { loadEngine } from '../../src/model-host/engine.ts';
import { temporaryFolder } from './support/test-models.ts';

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

test('the engine starts on the CPU without a process to try it in, and without its tools', async () => {
  const fork = vi.spyOn(childProcess, 'fork');
  syncBuiltinESMExports();
  const engine = await loadEngine(temporaryFolder(), 'off');
  const options = { gpu: false, build: 'never', skipDownload: true, maxThreads: 1 } as const;
  const llama = await engine.getLlama({ ...options, logLevel: engine.LlamaLogLevel.error });
  expect(llama.gpu).toBe(false);
  expect(fork).not.toHaveBeenCalled();
  const download = engine.createModelDownloader({ modelUri: 'http://127.0.0.1:9/x.gguf', dirPath: temporaryFolder() });
  await expect(download).rejects.toThrow('neither downloads nor builds');
  await llama.dispose();
});
