import { mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import type { ConfigSource } from '../../src/config/config-source.ts';
import { createFileConfigSource } from '../../src/config/file-config-source.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';

const withThreshold = (threshold: unknown) => `version: 1
upstreams: { ollama: { kind: ollama }, openai: { kind: openai, apiKeyFile: key.txt } }
tiers: [{ name: small, models: [{ upstream: ollama, model: x }] }]
routes: [{ name: default, difficulty: { threshold: ${threshold} } }]
`;

let directory: string;
let file: string;
let source: ConfigSource | undefined;
let log: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rightsize-reload-'));
  file = join(directory, 'routes.yaml');
  log = [];
  await writeFile(join(directory, 'key.txt'), 'first-secret');
  await writeFile(file, withThreshold(0.5));
});

afterEach(async () => {
  source?.close();
  source = undefined;
  await rm(directory, { recursive: true });
});

const note = (...args: unknown[]) => void log.push(JSON.stringify(args));
const logger = { info: note, warn: note, error: note } as Parameters<typeof createFileConfigSource>[0]['logger'];
const open = async (clock = systemClock) => {
  source = await createFileConfigSource({ file, environment: {}, clock, logger });
  return source;
};
const thresholdOf = (config: ConfigSource) => {
  const { difficulty } = config.current().routes.routes[0]!;
  return difficulty && 'threshold' in difficulty ? difficulty.threshold : undefined;
};

/** Resolves once the condition holds; looks again after each turn of the event loop, for at most ten seconds. */
const until = async (condition: () => boolean, eachTurn = () => {}): Promise<void> => {
  const limit = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`timed out; the log says:\n${log.join('\n')}`);
    eachTurn();
    await new Promise((resolve) => setImmediate(resolve));
  }
};

test('a file that is wrong at start is refused with all its problems', async () => {
  await writeFile(file, withThreshold('high, x: 1'));
  const error: unknown = await open().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as ConfigError).message).toMatch(/routes\.yaml:4:52: .*routes\.yaml:4:58: .*2 problems$/s);
});

test.each([
  ['written in place', () => writeFile(file, withThreshold(0.6))],
  [
    'replaced by rename, as editors do',
    async () => {
      await writeFile(`${file}.new`, withThreshold(0.6));
      await rename(`${file}.new`, file);
    },
  ],
  [
    'removed and written again',
    async () => {
      await unlink(file);
      await writeFile(file, withThreshold(0.6));
    },
  ],
])('a file that is %s is taken over, and listeners are told', async (_name, change) => {
  const config = await open();
  const previousVersion = config.status().version;
  const changes: (string | undefined)[] = [];
  config.onChange((next, previous) => changes.push(previous.version, next.version));
  await change();
  await until(() => changes.length > 0);
  expect(thresholdOf(config)).toBe(0.6);
  expect(changes).toEqual([previousVersion, config.status().version]);
  expect(log.join()).toContain('route `default` changed: difficulty.threshold 0.5 -> 0.6');
});

test('a link that is turned to another file is followed, as mounted configuration does', async () => {
  await rename(file, join(directory, 'one.yaml'));
  await writeFile(join(directory, 'two.yaml'), withThreshold(0.6));
  await symlink('one.yaml', file);
  const config = await open();
  await symlink('two.yaml', `${file}.new`);
  await rename(`${file}.new`, file);
  await until(() => thresholdOf(config) === 0.6);
});

test('a mistake keeps the version in force and shows until it is corrected', async () => {
  const config = await open();
  const { version } = config.status();
  await writeFile(file, withThreshold('high'));
  await until(() => config.status().problems.length > 0);
  expect(config.status()).toMatchObject({ version, problems: [{ path: 'routes[0].difficulty.threshold' }] });
  expect(thresholdOf(config)).toBe(0.5);
  await unlink(file);
  await until(() => config.status().problems[0]?.message.startsWith('there is no such file') ?? false);
  await writeFile(file, withThreshold(0.5));
  await until(() => config.status().problems.length === 0);
  expect(config.status().version).toBe(version);
});

test('a change is found by looking every two seconds, and read when the file has rested', async () => {
  const clock = new ManualClock(1_000);
  const config = await open(clock);
  await writeFile(file, withThreshold(0.6));
  const { loadedAt } = config.status();
  await until(
    () => thresholdOf(config) === 0.6,
    () => clock.advance(1),
  );
  expect(config.status().loadedAt - loadedAt).toBeGreaterThanOrEqual(100);
});

test('a reload on demand takes over new keys of key files, and logs no secret', async () => {
  const config = await open(new ManualClock());
  await writeFile(join(directory, 'key.txt'), 'second-secret');
  await config.reload();
  expect(config.current().routes.upstreams['openai']).toMatchObject({ apiKey: 'second-secret' });
  expect(log.join()).toContain('upstream `openai` changed: apiKey');
  expect(log.join()).not.toContain('-secret');
});

test('reloads do not overlap, and an unchanged file changes nothing', async () => {
  const config = await open(new ManualClock());
  const before = config.current();
  await Promise.all([config.reload(), config.reload(), config.reload()]);
  expect(config.current()).toBe(before);
  expect(log).toEqual([]);
});

test('a listener that throws harms no other', async () => {
  const config = await open(new ManualClock());
  let told = 0;
  config.onChange(() => {
    throw new Error('listener');
  });
  const stop = config.onChange(() => told++);
  await writeFile(file, withThreshold(0.6));
  await config.reload();
  stop();
  await writeFile(file, withThreshold(0.7));
  await config.reload();
  expect(told).toBe(1);
  expect(thresholdOf(config)).toBe(0.7);
});

test('a closed source stays as it is', async () => {
  const config = await open(new ManualClock());
  config.close();
  await writeFile(file, withThreshold(0.6));
  await config.reload();
  expect(thresholdOf(config)).toBe(0.5);
});
