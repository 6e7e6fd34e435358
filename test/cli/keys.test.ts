import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import type { CliContext } from '../../src/cli/context.ts';
import {
  type CreateOptions,
  keysCreateCommand,
  keysListCommand,
  keysRevokeCommand,
  keysRotateCommand,
} from '../../src/cli/keys.ts';
import type { KeyView } from '../../src/contract/admin/keys.ts';
import { startGateway } from '../../src/gateway.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { UsageError } from '../../src/lib/usage-error.ts';
import { readSettings, type ServeFlags } from '../../src/settings.ts';
import { CLOSED_URL } from '../support/faulty-upstream.ts';
import { temporaryDirectory } from '../support/run-cli.ts';
import { twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const directory = temporaryDirectory();
const dataDir = join(directory, 'data');
const config = join(directory, 'routes.yaml');
writeFileSync(config, JSON.stringify(twoTierRoutes({ small: CLOSED_URL, large: CLOSED_URL })));
const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
  rmSync(directory, { recursive: true, force: true });
});

const NONE = { route: [], tier: [], model: [], tag: [] };

/** A command as in a terminal: what it printed. */
const inTerminal = async (command: (context: CliContext) => Promise<number>) => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await command({
    environment: {},
    stdin: new PassThrough(),
    stdout,
    stderr,
    clock: systemClock,
    onSignal: () => () => {},
  });
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
};
const create = (name: string, options: Partial<CreateOptions> = {}) =>
  inTerminal((context) => keysCreateCommand(name, { ...NONE, dataDir, ...options }, context));
const list = (options: { all?: boolean; json?: boolean } = {}) =>
  inTerminal((context) => keysListCommand({ dataDir, ...options }, context));
const serve = async (flags: ServeFlags = {}) => {
  const settings = readSettings({ config, dataDir, port: '0', ...flags }, { RIGHTSIZE_LOG_LEVEL: 'silent' });
  const gateway = await startGateway(settings, { environment: {}, clock: systemClock });
  closing.push(() => gateway.close(0));
  return { ...gateway, url: gateway.url.replace('0.0.0.0', '127.0.0.1') };
};
const models = async (url: string, secret?: string) =>
  (await fetch(`${url}/v1/models`, secret === undefined ? {} : { headers: { authorization: `Bearer ${secret}` } }))
    .status;

test('without any key a gateway that others could reach does not start, unless it is told to', async () => {
  const starting = serve({ host: '0.0.0.0' });
  await expect(starting).rejects.toThrow(UsageError);
  await expect(starting).rejects.toThrow('no key is required; make one with `rightsize keys create`');
  const { url } = await serve({ host: '0.0.0.0', insecure: true });
  expect(await models(url)).toBe(200);
});

test('a key made in a terminal is printed once, opens a running gateway, is required from then on, and revoked at once', async () => {
  const { url } = await serve();
  expect(await models(url)).toBe(200);
  const made = await create('Ada', { tier: ['small'], tag: ['project=x=y'], budget: '2.5/week', expires: '30d' });
  const secret = made.stdout.trim();
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^rs-[\w-]{43}\n$/) });
  expect(made.stderr).not.toContain(secret);
  await until(async () => (await models(url)) === 401, 5_000, 'the key to be required');
  expect(await models(url, secret)).toBe(200);

  const [key] = JSON.parse((await list({ json: true })).stdout) as KeyView[];
  expect(key).toMatchObject({
    name: 'Ada',
    permissions: { tiers: ['small'] },
    tags: { project: 'x=y' },
    budget: { usd: 2.5, per: 'week' },
    state: 'active',
  });
  expect(Date.parse(key?.expiresAt as string) - Date.now()).toBeGreaterThan(29.9 * 86_400_000);
  const id = key?.id as string;
  const rotated = await inTerminal((context) => keysRotateCommand(id, { dataDir, overlap: '0m', json: true }, context));
  const next = JSON.parse(rotated.stdout).secret as string;
  expect([await models(url, secret), await models(url, next)]).toEqual([401, 200]);
  expect((await inTerminal((context) => keysRevokeCommand(id, { dataDir }, context))).stderr).toContain('is revoked');
  expect(await models(url, next)).toBe(401);
  expect((await list()).stdout).not.toContain(id);
  expect((await list({ all: true })).stdout).toMatch(new RegExp(`${id}.*revoked`));
});

test('once there was a key a gateway for others starts, and requires one', async () => {
  const { url } = await serve({ host: '0.0.0.0' });
  expect(await models(url)).toBe(401);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('without a configured admin key one is made, for its owner alone, and stays the same', async () => {
  const { url, adminKeyFile } = await serve();
  expect(adminKeyFile).toBe(join(dataDir, 'admin-key'));
  expect(statSync(join(dataDir, 'admin-key')).mode & 0o777).toBe(0o600);
  const key = readFileSync(join(dataDir, 'admin-key'), 'utf8').trim();
  const status = await fetch(`${url}/admin/api/status`, { headers: { authorization: `Bearer ${key}` } });
  expect(status.status).toBe(200);
  const audit = await fetch(`${url}/admin/api/audit`, { headers: { authorization: `Bearer ${key}` } });
  expect(await audit.json()).toMatchObject({ entries: [{ action: 'key.revoke', via: 'cli' }, {}, {}] });
});

describe('what makes no sense is said in one line, and nothing is made', () => {
  const rotate = (id: string, overlap: string) =>
    inTerminal((context) => keysRotateCommand(id, { dataDir, overlap }, context));
  test.each<[string, () => Promise<unknown>, string]>([
    ['an unknown role', () => create('x', { role: 'root' }), '--role must be viewer or admin, not "root"'],
    ['a line break in a name', () => create('a\nb'), 'name: one line without control characters'],
    ['a budget in words', () => create('x', { budget: 'much' }), '--budget must be such as 20/month'],
    ['a tag without a value', () => create('x', { tag: ['novalue'] }), '--tag must be name=value'],
    [
      'a limit that is none',
      () => create('x', { requestsPerMinute: '-1' }),
      '--requests-per-minute must be a whole number',
    ],
    ['an end in words', () => create('x', { expires: 'soon' }), 'is no duration such as 90m'],
    [
      'a viewer with a limit',
      () => create('x', { role: 'viewer', requestsPerMinute: '5' }),
      'for keys of clients alone',
    ],
    ['an overlap beyond the limit', () => rotate('key_x', '31d'), '--overlap is at most 30d'],
    ['an unknown key', () => rotate("' OR 1=1 --", '1h'), 'No key has the id'],
  ])('%s', async (_, run, words) => {
    const before = (await list({ all: true })).stdout;
    const failing = run();
    await expect(failing).rejects.toThrow(UsageError);
    await expect(failing).rejects.toThrow(words);
    expect((await list({ all: true })).stdout).toBe(before);
  });
});
