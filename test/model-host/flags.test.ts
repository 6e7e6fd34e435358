import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseFlags } from '../../src/model-host/flags.ts';
import { defaultThreads } from '../../src/model-host/threads.ts';
import { temporaryFolder } from './support/test-models.ts';

const SOCKET = ['--model', 'builtin:nano', '--socket', '/tmp/a.sock'];

test('what is not given has a default, threads from the environment or the machine', () => {
  expect(parseFlags(SOCKET, {})).toEqual({
    name: 'local',
    model: 'builtin:nano',
    address: { socketPath: '/tmp/a.sock' },
    key: null,
    contextTokens: 8192,
    parallel: 4,
    gpu: 'auto',
    threads: defaultThreads(),
    modelsDir: 'data/models',
    engineDir: 'data/engine',
  });
  expect(parseFlags(SOCKET, { RIGHTSIZE_THREADS: '3', RIGHTSIZE_DATA_DIR: '/var/x' })).toMatchObject({
    threads: 3,
    modelsDir: '/var/x/models',
  });
  expect(defaultThreads()).toBeGreaterThanOrEqual(1);
});

test('a TCP address comes with a key, from the environment or a file', () => {
  const listen = ['--model', 'm.gguf', '--listen', '[::1]:9000'];
  const file = join(temporaryFolder(), 'key');
  writeFileSync(file, 'from a file\n');
  expect(parseFlags(listen, { RIGHTSIZE_MODEL_HOST_KEY: 'k' })).toMatchObject({
    address: { host: '::1', port: 9000 },
    key: 'k',
  });
  expect(parseFlags(listen, { RIGHTSIZE_MODEL_HOST_KEY_FILE: file }).key).toBe('from a file');
  expect(() => parseFlags(listen, {})).toThrow(/RIGHTSIZE_MODEL_HOST_KEY/);
});

test.each([
  [[], /--model is missing/],
  [['--model', 'm'], /one of --socket and --listen/],
  [[...SOCKET, '--gpu', 'fast'], /--gpu must be one of auto, cuda/],
  [[...SOCKET, '--parallel', '0'], /--parallel must be a whole number from 1/],
  [[...SOCKET, '--context-tokens', 'many'], /--context-tokens must be/],
  [['--model', 'm', '--listen', '9000'], /--listen must be host:port/],
  [[...SOCKET, '--unknown'], /unknown/],
])('%j is refused', (args, words) => {
  expect(() => parseFlags(args, { RIGHTSIZE_MODEL_HOST_KEY: 'k' })).toThrow(words);
});
