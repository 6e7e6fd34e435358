import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { chooseSocketPath } from '../../src/model-host/socket-path.ts';
import {
  type ModelHost,
  type ModelHostStatus,
  type SuperviseOptions,
  superviseModelHost,
} from '../../src/model-host/supervisor.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { chat, health, until } from './support/test-host.ts';
import { temporaryFolder, untrainedNanoFile } from './support/test-models.ts';

const running: ModelHost[] = [];
afterEach(() => Promise.all(running.splice(0).map((host) => host.close())));

const supervise = (options: Partial<SuperviseOptions> = {}): ModelHost => {
  const folder = temporaryFolder();
  const logger = { info: () => {}, warn: () => {}, error: () => {} };
  const host = superviseModelHost({
    environment: process.env,
    name: 'nano',
    model: 'builtin:nano',
    contextTokens: 1024,
    parallel: 2,
    gpu: 'off',
    threads: 1,
    modelsDir: join(folder, 'models'),
    engineDir: join(folder, 'engine'),
    socketDir: join(folder, 'sockets'),
    clock: systemClock,
    logger,
    ...options,
  });
  running.push(host);
  return host;
};

const reaches = (host: ModelHost, isIt: (status: ModelHostStatus) => boolean): Promise<ModelHostStatus> =>
  new Promise((done) => {
    const look = (status: ModelHostStatus) => isIt(status) && done(status);
    host.onStatus(look);
    look(host.status());
  });
const ready = (host: ModelHost) => reaches(host, ({ state }) => state === 'ready');

/** A program in the model host's place. */
const program = (source: string): string => {
  const path = join(temporaryFolder(), 'model-host.mjs');
  writeFileSync(path, source);
  return path;
};

test('starts at once, is ready soon, and answers only its owner', async () => {
  const host = supervise();
  expect(host.status()).toMatchObject({ state: 'starting', restarts: 0 });
  const { pid, detail } = await ready(host);
  expect(detail).toContain('builtin:nano on CPU, threads: 1');
  expect((await health(host)).pid).toBe(pid);
  expect((await chat(host, {})).status).toBe(200);
  expect(statSync(host.socketPath).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(host.socketPath)).mode & 0o777).toBe(0o700);
});

test('a killed host is back within seconds and says what happened', async () => {
  const host = supervise();
  const { pid } = await ready(host);
  process.kill(pid!, 'SIGKILL');
  const restarting = await reaches(host, ({ state }) => state === 'restarting');
  expect(restarting.detail).toMatch(/^the model host was killed by SIGKILL \(by the system when memory ran out/);
  const again = await ready(host);
  expect(again.restarts).toBe(1);
  expect(again.pid).not.toBe(pid);
  expect((await chat(host, {})).status).toBe(200);
});

test('close ends the process and its socket, and nothing starts again', async () => {
  const host = supervise();
  const { pid } = await ready(host);
  await host.close();
  expect(host.status().state).toBe('stopped');
  expect(() => process.kill(pid!, 0)).toThrow('ESRCH');
  expect(() => statSync(host.socketPath)).toThrow('ENOENT');
});

test('a bad model file fails with words, and a good one in its place heals it', async () => {
  const clock = new ManualClock();
  const model = join(temporaryFolder(), 'model.gguf');
  const host = supervise({ model, clock });
  const failed = await reaches(host, ({ state }) => state === 'failed');
  expect(failed.detail).toMatch(/model\.gguf does not exist/);
  copyFileSync(untrainedNanoFile(), model);
  const healed = ready(host);
  clock.advance(30_000);
  await healed;
  expect((await chat(host, {})).status).toBe(200);
  rmSync(model);
});

/** The code that follows runs in a process that finds no engine beside it, as in an installed package. */
const withoutEngine = `
  import { registerHooks } from 'node:module';
  registerHooks({ resolve: (specifier, context, next) => next(specifier === 'node-llama-cpp' ? 'not-there' : specifier, context) });
  const { ensureEngine } = await import(${JSON.stringify(resolve('src/model-host/ensure-engine.ts'))});
`;
const tellFailure = `(({ message, name }) =>
  process.send({ state: 'failed', detail: name + ': ' + message, isFinal: true }, () => process.exit(1)))`;

test('where installing the engine is forbidden, its absence names the command that installs it', async () => {
  const main = program(`${withoutEngine}
    await ensureEngine(${JSON.stringify(temporaryFolder())}, { RIGHTSIZE_ENGINE_INSTALL: 'never' }, () => {}).catch(${tellFailure});
  `);
  const { detail } = await reaches(supervise({ mainPath: main }), ({ state }) => state === 'failed');
  expect(detail).toMatch(/ModelHostError: .*is not installed.*Install it with: rightsize engine install/);
});

test('an absent engine without a network is told within seconds, with the command', async () => {
  const folder = temporaryFolder();
  const main = program(`${withoutEngine}
    const environment = { ...process.env, npm_config_registry: 'http://127.0.0.1:9', npm_config_cache: ${JSON.stringify(folder)} };
    await ensureEngine(${JSON.stringify(join(folder, 'engine'))}, environment, (status) => process.send(status)).catch(${tellFailure});
  `);
  const states: string[] = [];
  const host = supervise({ mainPath: main });
  host.onStatus(({ state }) => states.push(state));
  const started = performance.now();
  const { detail } = await reaches(host, ({ state }) => state === 'failed');
  expect(detail).toMatch(/registry cannot be reached.*or bring it with: rightsize engine install/);
  expect(performance.now() - started).toBeLessThan(15_000);
  expect(states).toEqual(['loading', 'failed']);
});

describe('a host that cannot stay up', () => {
  test('is started ever later, and after six failures no more', async () => {
    const clock = new ManualClock();
    const host = supervise({ mainPath: program('process.abort()'), clock });
    for (const [failures, delayMs] of [250, 500, 1000, 2000, 4000].entries()) {
      const { detail } = await reaches(host, ({ state, restarts }) => state === 'restarting' && restarts === failures);
      expect(detail).toMatch(/^the model host was killed by SIGABRT: the engine gave up/);
      clock.advance(delayMs - 1);
      expect(host.status().restarts).toBe(failures);
      clock.advance(1);
      expect(host.status().restarts).toBe(failures + 1);
    }
    const { detail, restarts } = await reaches(host, ({ state }) => state === 'failed');
    expect(detail).toMatch(/SIGABRT.*; it failed 6 times in a row.*Try a smaller model/);
    clock.advance(3_600_000);
    expect(host.status().restarts).toBe(restarts);
  });

  test('is ended when it never finishes loading', async () => {
    const clock = new ManualClock();
    const mainPath = program("process.send({ state: 'loading', detail: 'x' }); setInterval(() => {}, 1000)");
    const host = supervise({ mainPath, clock });
    await reaches(host, ({ state }) => state === 'loading');
    clock.advance(120_000);
    const { detail } = await reaches(host, ({ state }) => state === 'restarting');
    expect(detail).toBe('the model host made no progress in loading its model for 120 s and was ended');
  });

  test('has no Node to run it: it says so, and close does not wait for it', async () => {
    const host = supervise({ nodePath: '/nowhere/node', clock: new ManualClock() });
    const { detail } = await reaches(host, ({ state }) => state === 'restarting');
    expect(detail).toMatch(/could not be started: .*ENOENT/);
    const unborn = supervise({ nodePath: '/nowhere/node' });
    await unborn.close();
    expect(unborn.status()).toEqual({ state: 'stopped', detail: 'the model host was stopped', restarts: 0 });
  });

  test('ignores SIGTERM: it is killed', async () => {
    const clock = new ManualClock();
    const mainPath = program(
      "process.on('SIGTERM', () => process.send({ state: 'loading', detail: 'deaf' })); process.send({ state: 'ready', detail: 'x' }); setInterval(() => {}, 1000)",
    );
    const host = supervise({ mainPath, clock });
    const { pid } = await ready(host);
    const closed = host.close();
    clock.advance(5_000);
    await closed;
    expect(() => process.kill(pid!, 0)).toThrow('ESRCH');
  });
});

test('the host ends when its parent dies', async () => {
  const socketDir = temporaryFolder();
  const parent = program(`
    import { superviseModelHost } from ${JSON.stringify(resolve('src/model-host/supervisor.ts'))};
    import { systemClock } from ${JSON.stringify(resolve('src/lib/clock.ts'))};
    const logger = { info() {}, warn() {}, error() {} };
    const host = superviseModelHost({ environment: process.env, name: 'nano', model: 'builtin:nano', contextTokens: 256, parallel: 1, gpu: 'off', threads: 1,
      modelsDir: 'x', engineDir: 'x', socketDir: ${JSON.stringify(socketDir)}, clock: systemClock, logger });
    host.onStatus(({ state, pid }) => state === 'ready' && console.log(pid));
  `);
  const child = spawn(process.execPath, [parent], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  child.kill('SIGKILL');
  await until(() => {
    try {
      return !process.kill(Number(line), 0);
    } catch {
      return true;
    }
  });
});

test('a socket path always fits, and differs by model and by folder', () => {
  const long = `/tmp/${'a-long-folder/'.repeat(12)}`;
  for (const directory of ['data', long]) {
    expect(Buffer.byteLength(chooseSocketPath(directory, 'x'.repeat(300)))).toBeLessThan(104);
  }
  const paths = [chooseSocketPath('a', 'm'), chooseSocketPath('b', 'm'), chooseSocketPath('a', 'n')];
  expect(new Set(paths).size).toBe(3);
});
