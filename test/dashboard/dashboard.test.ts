import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fillLedger } from '../../scripts/dashboard/fill-ledger.ts';
import { sampleTraffic } from '../../scripts/dashboard/sample-traffic.ts';
import { GUARDS } from '../../src/cache/question-facts.ts';
import type { RequestDetail, RequestPage } from '../../src/contract/admin/requests.ts';
import type { Simulation } from '../../src/contract/admin/simulate.ts';
import { type Gateway, startGateway } from '../../src/gateway.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { readSettings } from '../../src/settings.ts';
import { AnyUpstream, type SeenRequest, sendJson } from '../support/any-upstream.ts';
import { launchBrowser } from '../support/browser.ts';
import { chat } from '../support/chat-client.ts';
import { FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { until } from '../support/until.ts';

const ADMIN_KEY = 'rsa-dashboard-test-key';
const DAY_MS = 86_400_000;
const PAGES = ['Overview', 'Requests', 'Routing lab', 'Policies', 'Teams and keys', 'Health', 'Playground'];
const AXE_TAGS: axe.RunOnly = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21aa'] };

let upstream: FaultyUpstream;
let embedder: AnyUpstream;
let gateway: Gateway;
let browser: Browser;
let dataDir: string;
let context: BrowserContext;
let page: Page;
/** What the browser complained of on its console. */
const complaints: string[] = [];

/** To it all questions mean nearly the same. */
const embed = (request: SeenRequest) => {
  const data = (request.json['input'] as string[]).map((text, index) => ({
    object: 'embedding',
    index,
    embedding: [3, (text.length % 7) / 20, 0, 0.1],
  }));
  sendJson(request, { object: 'list', data, usage: { prompt_tokens: 7, total_tokens: 7 } });
};

const routes = (url: string) => `version: 1
upstreams:
  local: { kind: openai-compatible, url: "${url}", free: true }
  openai: { kind: openai-compatible, url: "${url}" }
  vectors: { kind: openai-compatible, url: "${embedder.url}", free: true }
models:
  - { name: sentences, upstream: vectors, model: minilm }
tiers:
  - { name: small, models: [{ upstream: local, model: qwen3-4b-q4 }] }
  - { name: large, models: [{ upstream: openai, model: gpt-5.1, price: { input: 1.25, cachedInput: 0.125, output: 10 } }] }
routes:
  - { name: faq, match: { model: faq }, tier: small, cache: { ttl: 1h, semantic: { embeddings: sentences } } }
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
  embedder = await AnyUpstream.start(embed);
  dataDir = mkdtempSync(join(tmpdir(), 'rightsize-dashboard-'));
  writeFileSync(join(dataDir, 'routes.yaml'), routes(upstream.url));
  const now = Date.now();
  fillLedger(dataDir, sampleTraffic({ count: 600, from: now - 14 * DAY_MS, to: now - 2 * 3_600_000 }));
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
  await embedder?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** One signed-in page for all that need no other; each test opens what it looks at. */
beforeAll(async () => {
  ({ context, page } = await newPage());
  await context.request.post(`${gateway.url}/admin/api/session`, { data: { key: ADMIN_KEY } });
});

const newPage = async () => {
  const fresh = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  fresh.setDefaultTimeout(30_000);
  const opened = await fresh.newPage();
  opened.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('401')) complaints.push(message.text());
  });
  opened.on('pageerror', (error) => complaints.push(error.message));
  return { context: fresh, page: opened };
};

const open = (path: string) => page.goto(`${gateway.url}/dashboard${path}`);

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
const seriousFindings = async (runOnly: axe.RunOnly): Promise<string[]> => {
  if (!(await page.evaluate<boolean>('"axe" in globalThis'))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate(
    (only) => (globalThis as unknown as { axe: typeof axe }).axe.run({ runOnly: only }),
    runOnly,
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
  test('refuses a wrong key in words, takes the admin key out of reach of scripts, and ends with signing out', async () => {
    const other = await newPage();
    await other.page.goto(`${gateway.url}/dashboard/requests`);
    await other.page.getByLabel('Key').fill('rsa-wrong');
    await other.page.getByRole('button', { name: 'Sign in' }).click();
    await other.page.getByRole('alert').waitFor();
    await other.page.getByLabel('Key').fill(ADMIN_KEY);
    await other.page.getByRole('button', { name: 'Sign in' }).click();
    await other.page.getByRole('navigation').waitFor();
    const [cookie] = await other.context.cookies(`${gateway.url}/admin/api`);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
    expect(await other.page.evaluate<string>('document.cookie')).toBe('');
    await other.page.getByRole('button', { name: 'Sign out' }).click();
    await other.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect((await other.context.request.get(`${gateway.url}/admin/api/session`)).status()).toBe(401);
    await other.context.close();
  });

  test('a viewer of one team sees that team alone, and changes nothing; a session that ended asks to sign in', async () => {
    const { secret } = await admin<{ secret: string }>('/keys', { name: 'eve', kind: 'viewer', team: 'support' });
    const eve = await newPage();
    await eve.context.request.post(`${gateway.url}/admin/api/session`, { data: { key: secret } });
    await eve.page.goto(`${gateway.url}/dashboard/requests?range=30d`);
    await eve.page.getByRole('row').nth(2).waitFor();
    expect(await eve.page.getByRole('link', { name: 'Policies' }).count()).toBe(0);
    const teams = await eve.page.locator('tbody tr td:nth-child(3)').allTextContents();
    expect(new Set(teams.filter((team) => team !== ''))).toEqual(new Set(['support']));
    await eve.page.getByRole('link', { name: 'Overview' }).click();
    await eve.page.getByRole('region', { name: 'Requests by team' }).waitFor();
    expect(await eve.page.getByRole('region', { name: 'Requests by team' }).textContent()).not.toContain('research');
    await eve.page.getByRole('link', { name: 'Teams and keys' }).click();
    await eve.page.getByText('team support').first().waitFor();
    expect(await eve.page.getByRole('button', { name: 'New key' }).count()).toBe(0);
    await eve.context.clearCookies();
    await eve.page.getByRole('link', { name: 'Requests' }).click();
    await eve.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await eve.context.close();
  }, 60_000);
});

test('its files come compressed by what the browser can take, and may be kept', async () => {
  const html = await (await fetch(`${gateway.url}/dashboard/requests`)).text();
  const [script = ''] = /\/dashboard\/assets\/index-[\w-]+\.js/.exec(html) ?? [];
  const as = async (encoding: string) => {
    const response = await fetch(`${gateway.url}${script}`, { headers: { 'accept-encoding': encoding } });
    return [response.headers.get('content-encoding'), response.headers.get('cache-control'), await response.text()];
  };
  const plain = await as('identity');
  expect(plain.slice(0, 2)).toEqual([null, 'public, max-age=31536000, immutable']);
  expect(await as('gzip, deflate')).toEqual(['gzip', ...plain.slice(1)]);
  expect(await as('gzip, deflate, br, zstd')).toEqual(['br', ...plain.slice(1)]);
});

test('every page shows its data and keeps to its policy; axe finds nothing serious in either scheme; at 400 % and on a phone nothing is cut off', async () => {
  await admin('/keys', { name: 'a key to list', kind: 'viewer' });
  await open('/?range=30d');
  for (const name of PAGES) {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByRole('link', { name, exact: true }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
    await settled();
    expect(await page.getByRole('alert').allTextContents(), name).toEqual([]);
    expect(await seriousFindings(AXE_TAGS), `${name}, light`).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await seriousFindings({ type: 'rule', values: ['color-contrast'] }), `${name}, dark`).toEqual([]);
    // 1,280 pixels at 400 %, and less than any phone.
    await page.setViewportSize({ width: 320, height: 640 });
    // Charts follow the new width a moment later.
    await until(
      async () => (await page.evaluate<number>('document.documentElement.scrollWidth')) <= 320,
      20_000,
      `${name} in 320 pixels`,
    );
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
  expect(complaints).toEqual([]);
}, 120_000);

test('a request is in the figures and in the log as it happens, and its card says why it went where it did', async () => {
  await open('/?range=1h');
  await page.getByText('No requests in this range').waitFor();
  const ask = () =>
    chat(gateway.url, {
      messages: [{ role: 'user', content: 'What is the capital of France?' }],
      metadata: { app: 'tour' },
    });
  await ask();
  await page.getByText('Saved against the large model').waitFor();
  await page.getByRole('link', { name: 'Requests' }).click();
  await page.locator('tbody tr').first().waitFor();
  await ask();
  await page.locator('tbody tr').nth(1).waitFor();
  await page.locator('tbody tr').first().click();
  await page.getByText('What happened').waitFor();
  const card = (await page.getByRole('dialog').textContent()) ?? '';
  expect(card).toMatch(/difficulty 0\.\d\d < 0\.40?/);
  expect(card).toContain('app=tour');
  expect(card).toContain('from there up, the request would have gone large');
  expect(card).toContain('One call');
});

test('the slider shows what the simulation says', async () => {
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
  expect(await page.locator('pre.secret').textContent()).toContain('+    difficulty: { threshold: 0.62 }');
});

test('an answer to the same question in other words shows the entry, how near it was, and the guards it passed', async () => {
  for (const content of ['What is the capital of France?', "Please tell me France's capital."]) {
    await chat(gateway.url, { model: 'faq', messages: [{ role: 'user', content }] });
  }
  const { rows } = await admin<RequestPage>('/requests?cache=semantic');
  const entry = await admin<RequestDetail>(`/requests/${rows[0]?.id}`);
  await open('/requests?range=1h&cache=semantic');
  await page.locator('tbody tr').first().click();
  await page.getByText('the same question in other words').waitFor();
  const card = (await page.getByRole('dialog').textContent()) ?? '';
  expect(card).toContain(entry.cacheEntry?.similarity?.toFixed(3));
  expect(card).toContain(entry.cacheEntry?.key);
  expect(await page.getByRole('list', { name: 'Guards passed' }).getByRole('listitem').allTextContents()).toEqual(
    GUARDS.map((guard) => `✓ ${guard}`),
  );
});

test('two answers side by side say who gave them, why, and what each cost', async () => {
  await open('/playground');
  await page.getByRole('button', { name: 'Two side by side' }).click();
  await page.getByRole('textbox', { name: 'Message' }).fill('Name a colour.');
  await page.getByRole('combobox', { name: 'Model or route 2' }).fill('large');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('Saved', { exact: true }).nth(1).waitFor();
  const [left = '', right = ''] = await page.locator('.facts').allTextContents();
  expect(left).toMatch(/small \/ local.*difficulty 0\.\d+ < 0\.40.*Cost\$0/);
  expect(right).toMatch(/large \/ openai.*tier large named by the client.*Cost\$0\.0/);
});

test('a rule that is edited, checked and saved is in force', async () => {
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
