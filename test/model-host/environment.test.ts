import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostEnvironment } from '../../src/model-host/environment.ts';
import type { HostStatus } from '../../src/model-host/host-status.ts';
import { spawnHost } from '../../src/model-host/spawn-host.ts';
import { temporaryFolder } from './support/test-models.ts';

const SECRETS = {
  OPENAI_API_KEY: 'sk-1',
  ANTHROPIC_API_KEY: 'sk-2',
  AWS_SECRET_ACCESS_KEY: 'sk-3',
  DATABASE_URL: 'postgres://user:secret@host/db',
  REDIS_URL: 'redis://:secret@host',
  RIGHTSIZE_API_KEY: 'sk-4',
  RIGHTSIZE_ADMIN_KEY_FILE: '/run/secrets/admin',
  RIGHTSIZE_MODEL_HOST_KEY: 'sk-5',
  GITHUB_TOKEN: 'sk-6',
  'npm_config_//registry.example/:_authToken': 'sk-7',
};
const NEEDED = {
  PATH: process.env['PATH']!,
  HOME: '/home/somebody',
  LC_ALL: 'C',
  HF_TOKEN: 'hf_1',
  HF_ENDPOINT: 'http://mirror',
  https_proxy: 'http://proxy',
  CUDA_VISIBLE_DEVICES: '0',
  GGML_VK_VISIBLE_DEVICES: '0',
  LD_LIBRARY_PATH: '/opt/cuda/lib',
  NODE_EXTRA_CA_CERTS: '/etc/ca.pem',
  RIGHTSIZE_ENGINE_INSTALL: 'never',
  npm_config_registry: 'http://registry',
  SystemRoot: 'C:\\Windows',
};

test('a model host sees what it needs and no key of anything else', async () => {
  const mainPath = join(temporaryFolder(), 'main.mjs');
  writeFileSync(
    mainPath,
    "process.send({ state: 'ready', detail: JSON.stringify(process.env) }, () => process.exit(0));",
  );
  const seen = await new Promise<HostStatus>((onStatus, reject) => {
    spawnHost(
      {
        ...{ name: 'x', model: 'x', contextTokens: 256, parallel: 1, gpu: 'off', modelsDir: 'x', socketPath: 'x' },
        ...{ engineDir: join(temporaryFolder(), 'engine'), mainPath, environment: { ...SECRETS, ...NEEDED } },
      },
      { onStatus, onLine: () => {}, onExit: (how) => reject(new Error(how)) },
    );
  });
  const environment = JSON.parse(seen.detail) as Record<string, string>;
  expect(environment).toMatchObject(NEEDED);
  for (const name of Object.keys(SECRETS)) expect(environment).not.toHaveProperty([name]);
  for (const value of Object.values(environment)) expect(value).not.toMatch(/sk-\d|secret/);
});

test('a host that was killed by a signal says what that mostly means', async () => {
  const mainPath = join(temporaryFolder(), 'main.mjs');
  writeFileSync(mainPath, "process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 1000);");
  const how = await new Promise<string>((onExit) => {
    const options = {
      name: 'x',
      model: 'x',
      contextTokens: 256,
      parallel: 1,
      gpu: 'off',
      modelsDir: 'x',
      environment: {},
    };
    spawnHost(
      { ...options, engineDir: join(temporaryFolder(), 'engine'), socketPath: 'x', mainPath },
      { onStatus: () => {}, onLine: () => {}, onExit },
    );
  });
  expect(how).toMatch(/killed by SIGSEGV: the engine crashed in native code/);
});

test('names have no case where the system gives them none', () => {
  expect(hostEnvironment({ Path: 'C:\\', Rightsize_Api_Key: 'x', temp: 'C:\\Temp' })).toEqual({
    Path: 'C:\\',
    temp: 'C:\\Temp',
  });
});
