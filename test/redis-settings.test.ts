import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UsageError } from '../src/lib/usage-error.ts';
import { readSettings } from '../src/settings.ts';

test('without REDIS_URL there is no Redis; with it, its limits are 50 ms and its prefix is ours', () => {
  expect(readSettings({}, {}).redis).toBeNull();
  expect(readSettings({}, { REDIS_URL: 'redis://:secret@cache' }).redis).toMatchObject({
    address: { kind: 'server', host: 'cache', password: 'secret' },
    prefix: 'rightsize',
    connectTimeoutMs: 50,
    commandTimeoutMs: 50,
  });
});

test('address and password may come from files, and the limits from the environment', () => {
  const directory = mkdtempSync(join(tmpdir(), 'rightsize-settings-'));
  writeFileSync(join(directory, 'url'), 'rediss://cache\n');
  writeFileSync(join(directory, 'password'), 'from a file\n');
  const { redis } = readSettings(
    {},
    {
      REDIS_URL_FILE: join(directory, 'url'),
      REDIS_PASSWORD_FILE: join(directory, 'password'),
      RIGHTSIZE_REDIS_PREFIX: 'other',
      RIGHTSIZE_REDIS_TIMEOUT_MS: '20',
      RIGHTSIZE_REDIS_CONNECT_TIMEOUT_MS: '200',
    },
  );
  expect(redis).toMatchObject({
    address: { password: 'from a file', tls: {} },
    prefix: 'other',
    commandTimeoutMs: 20,
    connectTimeoutMs: 200,
  });
  rmSync(directory, { recursive: true });
});

test.each([
  { REDIS_URL: 'cache:6379' },
  { REDIS_URL: 'redis://cache', RIGHTSIZE_REDIS_PREFIX: 'a:b' },
  { REDIS_URL: 'redis://cache', RIGHTSIZE_REDIS_TIMEOUT_MS: '50ms' },
])('%j is a mistake of usage', (environment) => {
  expect(() => readSettings({}, environment)).toThrow(UsageError);
});
