import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sampleTraffic } from '../../scripts/dashboard/sample-traffic.ts';
import type { Simulation } from '../../src/contract/admin/simulate.ts';
import { type Gateway, startGateway } from '../../src/gateway.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { readSettings } from '../../src/settings.ts';
import { launchBrowser } from '../support/browser.ts';
import { chat } from '../support/chat-client.ts';
import { FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { until } from '../support/until.ts';

const ADMIN_KEY = 'rsa-dashboard-test-key';
const DAY_MS = 86_400_000;
const PAGES = ['/', '/requests', '/lab', '/policies', '/teams', '/health', '/playground'];

let upstream: FaultyUpstream;
let gateway: Gateway;
let browser: Browser;
let dataDir: string;
let context: BrowserContext;
let page: Page;
/** What the browser complained of on its console. */
let complaints: string[];

const routes = (url: string) => `version: 1
upstreams:
  local: { kind: openai-compatible, url: "${url}", free: true }
  openai: { kind: openai-compatible, url: "${url}" }
tiers:
  - { name: small, models: [{ upstream: local, model: qwen3-4b-q4 }] }
  - { name: large, models: [{ upstream: openai, model: gpt-5.1, price: { input: 1.25, cachedInput: 0.125, output: 10 } }] }
routes:
  - name: default
    match: { model: auto }
    difficulty: { threshold: 0.40 }
teams:
  support: { budget: { usd: 4, per: month }, limits: { requestsPerMinute: 1200 } }
  research: {}
tests:
  - { prompt: "What is the capital of France?", expect: { tier: small } }
`;

beforeAll(async () => {
  execFileSync('vite', ['build', '--config', 'src/dashboard/vite.config.ts', '--logLevel', 'error'], {
    cwd: join(import.meta.dirname, '../..'),
    // The tests' own would build React for development.
    env: { ...process.env, NODE_ENV: 'production' },
  });
  upstream = await FaultyUpstream.start();
  upstream.always(good);
  dataDir = mkdtempSync(join(tmpdir(), 'rightsize-dashboard-'));
  writeFileSync(join(dataDir, 'routes.yaml'), routes(upstream.url));
  const ledger = SqliteLedgerStore.open({ directory: dataDir });
  const now = Date.now();
  await Promise.all(
    [...sampleTraffic({ count: 600, from: now - 14 * DAY_MS, to: now - 60_000 })].map((entry) => ledger.append(entry)),
  );
  await ledger.close();
  const environment = {
    RIGHTSIZE_DATA_DIR: dataDir,
    RIGHTSIZE_ADMIN_KEY: ADMIN_KEY,
    RIGHTSIZE_LOG_LEVEL: 'silent',
  };
  const settings = readSettings({ config: join(dataDir, 'routes.yaml'), port: '0' }, environment);
  gateway = await startGateway(settings, { environment, clock: systemClock });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await gateway?.close(0);
  await upstream?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  context.setDefaultTimeout(30_000);
  page = await context.newPage();
  complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('401')) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
});
afterEach(() => context.close());

const open = (path: string) => page.goto(`${gateway.url}/dashboard${path}`);

const signIn = async (key = ADMIN_KEY) => {
  await open('/');
  await page.getByLabel('Key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation').waitFor();
};

const admin = async <Result>(path: string, body?: object): Promise<Result> => {
  const response = await fetch(`${gateway.url}/admin/api${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  expect(response.ok).toBe(true);
  return (await response.json()) as Result;
};

/** Serious and critical findings of axe on the page as it is. */
const seriousFindings = async (): Promise<string[]> => {
  if (!(await page.evaluate<boolean>('"axe" in globalThis'))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'] }),
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
};

const settled = async () => {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
};

describe('signing in', () => {
  test('refuses a wrong key in words, takes the admin key, and the cookie is out of reach of scripts', async () => {
    await open('/');
    await page.getByLabel('Key').fill('rsa-wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await signIn();
    const [cookie] = await context.cookies(`${gateway.url}/admin/api`);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
    expect(await page.evaluate(() => (globalThis as unknown as { document: { cookie: string } }).document.cookie)).toBe(
      '',
    );
  });

  test('ends with signing out', async () => {
    await signIn();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await open('/requests');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('a viewer looks and changes nothing; one of a team sees that team alone', async () => {
    const { secret } = await admin<{ secret: string }>('/keys', { name: 'eve', kind: 'viewer', team: 'support' });
    await signIn(secret);
    await open('/teams');
    await settled();
    expect(await page.getByRole('button', { name: 'New key' }).count()).toBe(0);
    await open('/requests?range=30d&live=off');
    await page.getByRole('row').nth(2).waitFor();
    const teams = await page.locator('tbody tr td:nth-child(3)').allTextContents();
    expect(new Set(teams.filter((team) => team !== ''))).toEqual(new Set(['support']));
    await open('/?range=30d');
    await settled();
    expect(await page.getByRole('region', { name: 'Requests by team' }).textContent()).not.toContain('research');
  });
});

test('every page shows its data and keeps to its policy; axe finds nothing serious in either scheme; a phone cuts nothing off', async () => {
  await admin('/keys', { name: 'a key to list', kind: 'viewer' });
  await signIn();
  for (const path of PAGES) {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
    await open(`${path}?range=30d&live=off`);
    await settled();
    expect(await page.getByRole('alert').allTextContents(), path).toEqual([]);
    expect(await seriousFindings(), `${path}, light`).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await seriousFindings(), `${path}, dark`).toEqual([]);
    await page.setViewportSize({ width: 360, height: 740 });
    // Charts follow the new width a moment later.
    await until(
      async () => (await page.evaluate<number>('document.documentElement.scrollWidth')) <= 360,
      5_000,
      `a page ${path} of 360 pixels`,
    );
  }
  expect(complaints).toEqual([]);
}, 90_000);

test('a request is in the log within a second or two, and its card says why it went where it did', async () => {
  await signIn();
  await open('/requests');
  await settled();
  await chat(gateway.url, {
    messages: [{ role: 'user', content: 'What is the capital of France?' }],
    metadata: { app: 'tour' },
  });
  const row = page
    .locator('tbody tr')
    .filter({ has: page.locator('td:nth-child(3)', { hasText: /^default$/ }) })
    .first();
  await row.waitFor({ timeout: 5_000 });
  await row.click();
  await page.getByText('What happened').waitFor();
  const card = (await page.getByRole('dialog').textContent()) ?? '';
  expect(card).toMatch(/difficulty 0\.\d\d < 0\.40?/);
  expect(card).toContain('app=tour');
  expect(card).toContain('from there up, the request would have gone large');
  expect(card).toContain('One call');
});

test('the slider shows what the simulation says', async () => {
  await signIn();
  await open('/lab?range=30d');
  const slider = page.getByRole('slider');
  await slider.waitFor();
  await slider.fill('0.62');
  const range = { from: new Date(Date.now() - 30 * DAY_MS).toISOString(), to: new Date().toISOString() };
  const { after } = await admin<Simulation>('/simulate', { ...range, thresholds: { default: 0.62 } });
  const shown = await page.getByText('Answered by the weakest tier').locator('..').textContent();
  expect(shown).toContain(`${(after.smallShare * 100).toFixed(1)} %`);
  const cost = await page.getByText('Cost', { exact: true }).locator('..').textContent();
  expect(cost).toContain(`$${(after.costNanoUsd / 1e9).toFixed(after.costNanoUsd >= 1e9 ? 2 : 3)}`);
});

test('a rule that is edited, checked and saved is in force', async () => {
  await signIn();
  await open('/policies');
  await settled();
  const editor = page.getByRole('textbox', { name: 'routes.yaml' });
  await editor.waitFor();
  expect(await page.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
  await editor.fill(routes(upstream.url).replace('threshold: 0.40', 'thresold: 0.01'));
  await page.getByRole('button', { name: 'Check and run its tests' }).click();
  await page.getByText('did you mean `threshold`?').waitFor();
  expect(await page.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
  await editor.fill(routes(upstream.url).replace('threshold: 0.40', 'threshold: 0.41'));
  await page.getByRole('button', { name: 'Check and run its tests' }).click();
  await page.getByText('Valid; 1 of its tests passed.').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText(/threshold 0\.4 -> 0\.41/).waitFor();
  const { headers } = await chat(gateway.url);
  expect(headers['x-rightsize-reason']).toMatch(/< 0\.41$/);
});

test('a key is made, shown once, and revoked', async () => {
  await signIn();
  await open('/teams');
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByRole('textbox', { name: /Whose key/ }).fill('a program');
  await page.getByRole('button', { name: 'Create' }).click();
  const secret = (await page.locator('code.secret').textContent()) ?? '';
  expect(secret).toMatch(/^rs-/);
  await page.getByRole('button', { name: 'Done' }).click();
  expect(await page.content()).not.toContain(secret);
  await page.getByRole('button', { name: 'Revoke the key of a program' }).click();
  await page.getByRole('button', { name: 'Revoke', exact: true }).click();
  await page.getByRole('row').filter({ hasText: 'a program' }).getByText('revoked').waitFor();
  const { status } = await chat(gateway.url, {}, { authorization: `Bearer ${secret}` });
  expect(status).toBe(401);
});
