import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { temporaryFolder } from './support/test-models.ts';

/** A process of its own: what this one has imported of the engine stays as it is. */
const PROGRAM = `
  import childProcess from 'node:child_process';
  import { syncBuiltinESMExports } from 'node:module';
  childProcess.fork = () => { throw new Error('a process was started'); };
  syncBuiltinESMExports();
  const { loadEngine } = await import('${new URL('../../src/model-host/engine.ts', import.meta.url).href}');
  const [folder] = process.argv.slice(1);
  const engine = await loadEngine(folder, 'off');
  const llama = await engine.getLlama({ gpu: false, build: 'never', skipDownload: true, maxThreads: 1 });
  const download = engine.createModelDownloader({ modelUri: 'http://127.0.0.1:9/x.gguf', dirPath: folder });
  const failure = await download.catch((error) => error.message);
  console.log(JSON.stringify({ gpu: llama.gpu, failure }));
  process.exit(0);
`;

test('the engine starts on the CPU without a process to try it in, and without its tools', () => {
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM, temporaryFolder()], {
    encoding: 'utf8',
  });
  expect(JSON.parse(output)).toEqual({
    gpu: false,
    failure: 'A model host neither downloads nor builds the engine.',
  });
});
