/**
 * Pictures of every page of the dashboard, light and dark, into docs/images/: a real gateway with a month of made-up
 * traffic in its ledger, seen by a real Chromium.
 *
 *   npm run screenshots [-- --count 20000 --only overview --out /tmp/pictures --full]
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import type { Status } from '../../src/contract/admin/status.ts';
import { startGateway } from '../../src/gateway.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { readSettings } from '../../src/settings.ts';
import { launchBrowser } from '../../test/support/browser.ts';
import { until } from '../../test/support/until.ts';
import { fillLedger } from './fill-ledger.ts';
import { sampleTraffic } from './sample-traffic.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    only: { type: 'string' },
    out: { type: 'string' },
    full: { type: 'boolean', default: false },
  },
});
const OUT = values.out ?? join(import.meta.dirname, '../../docs/images');
const ADMIN_KEY = 'rsa-screenshots';
const DAY_MS = 86_400_000;
const asAdmin = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };

const PAGES: { name: string; path: string; act?: (page: Page) => Promise<void> }[] = [
  { name: 'overview', path: '/?range=7d' },
  { name: 'requests', path: '/requests?range=7d&live=off' },
  {
    name: 'why-card',
    path: '/requests?range=7d&live=off&team=support&model=gpt-5.1&outcome=ok',
    act: async (page) => {
      await page.getByRole('row').filter({ hasText: 'escalated' }).first().click();
      await page.getByText('What happened').waitFor();
    },
  },
  {
    name: 'semantic-hit',
    path: '/requests?range=7d&live=off&cache=semantic',
    act: async (page) => {
      await page.getByRole('row').filter({ hasText: 'semantic cache hit' }).first().click();
      await page.getByText('Guards passed').waitFor();
    },
  },
  {
    name: 'lab',
    path: '/lab?range=7d',
    act: async (page) => {
      await page
        .getByRole('textbox', { name: 'Prompt' })
        .fill('Prove that there are infinitely many primes, then discuss two other proofs.');
      await page.getByText('Because').waitFor();
      await page.getByRole('slider').fill('0.55');
    },
  },
  { name: 'policies', path: '/policies', act: (page) => page.locator('.cm-content').waitFor() },
  { name: 'teams', path: '/teams', act: (page) => page.locator('.burn-down').nth(3).waitFor() },
  { name: 'health', path: '/health' },
  {
    name: 'playground',
    path: '/playground',
    act: async (page) => {
      await page.getByRole('button', { name: 'Two side by side' }).click();
      await page.getByRole('textbox', { name: 'Message' }).fill('What is the capital of France?');
      await page.getByRole('combobox', { name: 'Model or route 2' }).fill('large');
      await page.getByLabel('API key').fill(clientKey);
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByText('Saved', { exact: true }).nth(1).waitFor();
    },
  },
];

const simulated = await startSimulated();
const dataDir = mkdtempSync(join(tmpdir(), 'rightsize-'));
const environment = {
  SMALL_URL: simulated.url,
  LARGE_URL: simulated.url,
  VECTORS_URL: simulated.url,
  RIGHTSIZE_DATA_DIR: dataDir,
  RIGHTSIZE_ADMIN_KEY: ADMIN_KEY,
  RIGHTSIZE_LOG_LEVEL: 'silent',
};
const now = Date.now();
fillLedger(dataDir, sampleTraffic({ count: Number(values.count), from: now - 30 * DAY_MS, to: now }));
process.stderr.write(`${values.count} entries made\n`);

copyFileSync(join(import.meta.dirname, 'sample-routes.yaml'), join(dataDir, 'routes.yaml'));
const settings = readSettings({ config: join(dataDir, 'routes.yaml'), port: '0' }, environment);
const gateway = await startGateway(settings, { environment, clock: systemClock });
const clientKey = await createKey({
  name: 'helpdesk bot',
  team: 'support',
  limits: { requestsPerMinute: 600 },
  tags: { app: 'helpdesk' },
});
await createKey({ name: 'notebooks', team: 'research', budget: { usd: 5, per: 'month' } });
await createKey({ name: 'finance', kind: 'viewer' });
await makeHistory();
const browser = await launchBrowser();
mkdirSync(OUT, { recursive: true });
try {
  const shoot = async (
    name: string,
    { isPhone, colorScheme }: { isPhone: boolean; colorScheme: 'light' | 'dark' },
    pages: typeof PAGES,
  ) => {
    const context = await browser.newContext({
      colorScheme,
      viewport: isPhone ? { width: 390, height: 844 } : { width: 1360, height: 900 },
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') process.stderr.write(`page: ${message.text()} ${message.location().url}\n`);
    });
    await page.goto(`${gateway.url}/dashboard`);
    if (name === 'light') await page.screenshot({ path: join(OUT, 'sign-in-light.png') });
    await page.getByLabel('Key').fill(ADMIN_KEY);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation').waitFor();
    for (const { name: what, path, act } of pages) {
      if (values.only !== undefined && values.only !== what) continue;
      await page.goto(`${gateway.url}/dashboard${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await act?.(page);
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      await page.screenshot({ path: join(OUT, `${what}-${name}.png`), fullPage: values.full });
      process.stderr.write(`${what} ${name}\n`);
    }
    await context.close();
  };
  await shoot('light', { isPhone: false, colorScheme: 'light' }, PAGES);
  await shoot('dark', { isPhone: false, colorScheme: 'dark' }, PAGES);
  const onPhone = PAGES.filter(({ name }) => values.full || ['overview', 'why-card'].includes(name));
  await shoot('phone', { isPhone: true, colorScheme: 'light' }, onPhone);
} finally {
  await browser.close();
  await gateway.close(0);
  simulated.server.close();
  rmSync(dataDir, { recursive: true, force: true });
}

/** What a gateway has behind it after a while: a question asked twice, a change of its rules, an upstream that failed. */
async function makeHistory(): Promise<void> {
  for (const content of ['What is the capital of France?', "Please tell me France's capital."]) {
    await chat('faq', content);
  }
  const config = await fetch(`${gateway.url}/admin/api/config`, { headers: asAdmin });
  const { text } = (await config.json()) as { text: string };
  await fetch(`${gateway.url}/admin/api/config`, {
    method: 'PUT',
    headers: { ...asAdmin, 'if-match': config.headers.get('etag') ?? '' },
    body: JSON.stringify({ text: text.replace('usd: 6,', 'usd: 6.5,') }),
  });
  simulated.failing.add('gpt-5.1');
  for (let i = 0; i < 6; i++) await chat('large', 'Is anybody there?');
  const circuit = async () => {
    const status = await fetch(`${gateway.url}/admin/api/status`, { headers: asAdmin });
    return ((await status.json()) as Status).models['openai/gpt-5.1'];
  };
  await until(async () => (await circuit())?.circuit !== 'closed', 30_000, 'a circuit that opens');
  simulated.failing.clear();
  await until(async () => ((await circuit())?.retryInMs ?? 1) === 0, 120_000, 'a circuit that may be tried');
  await chat('large', 'Is anybody there now?');
}

/** @returns the status. */
async function chat(model: string, content: string): Promise<number> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${clientKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content }] }),
  });
  await response.text();
  return response.status;
}

/** @returns the secret of a new key. */
async function createKey(key: object): Promise<string> {
  const response = await fetch(`${gateway.url}/admin/api/keys`, {
    method: 'POST',
    headers: asAdmin,
    body: JSON.stringify(key),
  });
  return ((await response.json()) as { secret: string }).secret;
}

/**
 * An upstream that answers anything with the same short text, word by word, but for models that are `failing`; to it all
 * sentences mean nearly the same.
 */
async function startSimulated(): Promise<{ url: string; server: Server; failing: Set<string> }> {
  const words = 'The capital of France is Paris.'.split(/(?<= )/);
  const failing = new Set<string>();
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => {
      const { model = '', input } = JSON.parse(body || '{}') as { model?: string; input?: string[] };
      if (failing.has(model)) {
        response.writeHead(500, { 'content-type': 'application/json' });
        response.end('{"error":{"message":"out of order","type":"server_error"}}');
        return;
      }
      if (input !== undefined) {
        response.writeHead(200, { 'content-type': 'application/json' });
        const data = input.map((text, index) => ({
          object: 'embedding',
          index,
          embedding: [3, (text.length % 7) / 20, 0, 0.1],
        }));
        response.end(JSON.stringify({ object: 'list', model, data, usage: { prompt_tokens: 7, total_tokens: 7 } }));
        return;
      }
      const chunk = (delta: object, rest: object = {}) =>
        `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta, finish_reason: null }], ...rest })}\n\n`;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ role: 'assistant', content: '' }));
      for (const content of words) response.write(chunk({ content }));
      response.write(
        chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }) +
          `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model, choices: [], usage: { prompt_tokens: 14, completion_tokens: 7, total_tokens: 21 } })}\n\n`,
      );
      response.end('data: [DONE]\n\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, failing, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` };
}
