/**
 * Pictures of every page of the dashboard, light and dark, into docs/images/: a real gateway with a month of made-up
 * traffic in its ledger, seen by a real Chromium.
 *
 *   npm run screenshots [-- --count 20000 --only overview]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { startGateway } from '../../src/gateway.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { readSettings } from '../../src/settings.ts';
import { launchBrowser } from '../../test/support/browser.ts';
import { sampleTraffic } from './sample-traffic.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '20000' }, only: { type: 'string' }, out: { type: 'string' } },
});
const OUT = values.out ?? join(import.meta.dirname, '../../docs/images');
const ADMIN_KEY = 'rsa-screenshots';
const DAY_MS = 86_400_000;

const PAGES: { name: string; path: string; act?: (page: Page) => Promise<void> }[] = [
  { name: 'overview', path: '/?range=7d' },
  { name: 'requests', path: '/requests?range=7d&live=off' },
  {
    name: 'why-card',
    path: '/requests?range=7d&live=off',
    act: async (page) => {
      await page.getByRole('row').filter({ hasText: 'escalated' }).first().click();
      await page.getByText('What happened').waitFor();
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
    },
  },
  { name: 'policies', path: '/policies', act: (page) => page.locator('.cm-content').waitFor() },
  { name: 'teams', path: '/teams' },
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
const dataDir = mkdtempSync(join(tmpdir(), 'rightsize-screenshots-'));
const environment = {
  SMALL_URL: simulated.url,
  LARGE_URL: simulated.url,
  RIGHTSIZE_DATA_DIR: dataDir,
  RIGHTSIZE_ADMIN_KEY: ADMIN_KEY,
  RIGHTSIZE_LOG_LEVEL: 'silent',
};
const now = Date.now();
const ledger = SqliteLedgerStore.open({ directory: dataDir });
const waiting: Promise<void>[] = [];
for (const entry of sampleTraffic({ count: Number(values.count), from: now - 30 * DAY_MS, to: now })) {
  waiting.push(ledger.append(entry));
  if (waiting.length === 1_000) await Promise.all(waiting.splice(0));
}
await Promise.all(waiting);
await ledger.close();
process.stderr.write(`${values.count} entries made\n`);

const settings = readSettings({ config: join(import.meta.dirname, 'sample-routes.yaml'), port: '0' }, environment);
const gateway = await startGateway(settings, { environment, clock: systemClock });
const clientKey = await createKey({
  name: 'helpdesk bot',
  team: 'support',
  limits: { requestsPerMinute: 600 },
  tags: { app: 'helpdesk' },
});
await createKey({ name: 'notebooks', team: 'research', budget: { usd: 5, per: 'month' } });
await createKey({ name: 'finance', kind: 'viewer' });
const browser = await launchBrowser();
mkdirSync(OUT, { recursive: true });
try {
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({
      colorScheme,
      viewport: { width: 1360, height: 900 },
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') process.stderr.write(`page: ${message.text()}\n`);
    });
    await page.goto(`${gateway.url}/dashboard`);
    if (colorScheme === 'light') await page.screenshot({ path: join(OUT, 'sign-in-light.png') });
    await page.getByLabel('Key').fill(ADMIN_KEY);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation').waitFor();
    for (const { name, path, act } of PAGES) {
      if (values.only !== undefined && values.only !== name) continue;
      await page.goto(`${gateway.url}/dashboard${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await act?.(page);
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      await page.screenshot({ path: join(OUT, `${name}-${colorScheme}.png`) });
      process.stderr.write(`${name} ${colorScheme}\n`);
    }
    await context.close();
  }
} finally {
  await browser.close();
  await gateway.close(0);
  simulated.server.close();
  rmSync(dataDir, { recursive: true, force: true });
}

/** @returns the secret of a new key. */
async function createKey(key: object): Promise<string> {
  const response = await fetch(`${gateway.url}/admin/api/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(key),
  });
  return ((await response.json()) as { secret: string }).secret;
}

/** An upstream that answers anything with the same short text, word by word. */
async function startSimulated(): Promise<{ url: string; server: Server }> {
  const words = 'The capital of France is Paris.'.split(/(?<= )/);
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => {
      const { model } = JSON.parse(body || '{}') as { model?: string };
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
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` };
}
