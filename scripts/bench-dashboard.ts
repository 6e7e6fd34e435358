import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { LoadReport } from '../loadtest/harness/load-generator.ts';
import { median, percentile, toSorted } from '../loadtest/harness/percentile.ts';
import { processorMs } from '../loadtest/harness/process-figures.ts';
import { outputOf, type RunningServer, stopOnSignal } from '../loadtest/harness/processes.ts';
import { startGateway, startUpstream, temporaryDirectory } from '../loadtest/harness/servers.ts';
import { launchBrowser } from '../test/support/browser.ts';
import { fillLedger } from './dashboard/fill-ledger.ts';
import { sampleTraffic } from './dashboard/sample-traffic.ts';

const HELP = `What the dashboard costs, over a ledger of a month: a real gateway of its own, a real Chromium.

  npm run bench:dashboard [-- options]

  --entries <n>   entries in the ledger (1000000; some 1.2 GB in the temporary directory)
  --rows <n>      rows of the log to scroll through (100000)
  --idle <s>      seconds of an open overview, and as many without it (30)
  --rounds <n>    pairs of rounds of requests with and without the dashboard's questions (7)
  --seconds <s>   length of each of those rounds (10)
  --rate <n>      requests a second in them (200)
  --help
`;

const number = (fallback: string) => ({ type: 'string', default: fallback }) as const;
const { values } = parseArgs({
  options: {
    entries: number('1000000'),
    rows: number('100000'),
    idle: number('30'),
    rounds: number('7'),
    seconds: number('10'),
    rate: number('200'),
    help: { type: 'boolean', default: false },
  },
});

const ADMIN_KEY = 'rsa-bench-dashboard';
const DAY_MS = 86_400_000;
const VIEWS = 5;
const SETTLE_MS = 5_000;
const LONG_FRAME_MS = 50;

const main = async (): Promise<void> => {
  const [entries, rows, idle, rounds, seconds, rate] = [
    values.entries,
    values.rows,
    values.idle,
    values.rounds,
    values.seconds,
    values.rate,
  ].map(Number) as [number, number, number, number, number, number];
  if (![entries, rows, idle, rounds, seconds, rate].every((value) => value > 0)) {
    throw new Error('options are numbers above 0; see --help');
  }
  await using started = new AsyncDisposableStack();
  stopOnSignal(started);
  const directory = started.use(temporaryDirectory()).path;
  print(`Node ${process.version}, load average ${showLoad()}`);
  const filledAt = performance.now();
  const now = Date.now();
  fillLedger(join(directory, 'data'), sampleTraffic({ count: entries, from: now - 30 * DAY_MS, to: now }));
  print(`${entries} ledger entries of 30 days, made in ${((performance.now() - filledAt) / 1_000).toFixed(0)} s\n`);

  const upstream = started.use(await startUpstream({ chunks: 32, firstDelayMs: 0, chunkDelayMs: 0 }));
  const env = { RIGHTSIZE_ADMIN_KEY: ADMIN_KEY };
  const gateway = started.use(await startGateway({ upstreamUrl: upstream.url, directory, env }));
  const browser = await launchBrowser();
  started.defer(() => browser.close());

  print(`${'figure'.padEnd(58)}${'measured'.padStart(12)}   aim`);
  await measureFirstView(browser, gateway);
  await measureScrolling(browser, gateway, rows);
  await measureIdle(browser, gateway, idle);
  await measureRequestPath(browser, gateway, { rounds, seconds, rate });
  print(`\nload average at the end: ${showLoad()}`);
};

/** From the navigation until the overview's figures stand there, and until all of it does, with nothing in the browser's cache. */
const measureFirstView = async (browser: Browser, gateway: RunningServer): Promise<void> => {
  for (const range of ['24h', '30d']) {
    const views: FirstView[] = [];
    let kilobytes = 0;
    for (let view = 0; view < VIEWS; view++) {
      const context = await signedIn(browser, gateway);
      const page = await context.newPage();
      const loads: Promise<number>[] = [];
      page.on('response', (response) => {
        if (response.url().includes('/dashboard')) {
          loads.push(
            response.body().then(
              (body) => gzipSync(body).length,
              () => 0,
            ),
          );
        }
      });
      await page.goto(`${gateway.url}/dashboard/?range=${range}`, { waitUntil: 'commit' });
      views.push(await page.evaluate<FirstView>(untilFirstView));
      kilobytes = (await Promise.all(loads)).reduce((sum, size) => sum + size, 0) / 1_000;
      await context.close();
    }
    const figuresMs = median(views.map(({ figures }) => figures));
    row(`first view of ${range}, figures, median of ${VIEWS}`, `${figuresMs.toFixed(0)} ms`, '< 1000 ms');
    row('  with all charts and rows', `${median(views.map(({ all }) => all)).toFixed(0)} ms`, '< 1000 ms');
    if (range === '24h') row('its files, gzip', `${kilobytes.toFixed(0)} kB`, '< 350 kB');
  }
};

type FirstView = { figures: number; all: number };

/** Runs in the page. @returns when, in ms since the navigation, the figures were there, and all of the overview was and was painted. */
const untilFirstView = `new Promise((resolve) => {
  let figures = null;
  const look = () => {
    if (document.querySelectorAll('.stat-value').length >= 8) figures ??= performance.now();
    const isThere = document.querySelectorAll('.stat-value').length >= 8 &&
      document.querySelectorAll('.recharts-surface path, .recharts-surface line').length > 0 &&
      document.querySelectorAll('.chart svg.recharts-surface').length >= 4 &&
      document.querySelectorAll('tbody tr').length > 0 && document.querySelector('.skeleton') === null;
    // A second frame: the first has only been asked for.
    if (isThere) requestAnimationFrame(() => setTimeout(() => resolve({ figures, all: performance.now() }), 0));
    else requestAnimationFrame(look);
  };
  look();
})`;

/** Some fifty rows a frame, waiting for the next page where it has not come yet. */
const measureScrolling = async (browser: Browser, gateway: RunningServer, rows: number): Promise<void> => {
  const context = await signedIn(browser, gateway);
  const page = await context.newPage();
  await page.goto(`${gateway.url}/dashboard/requests?range=30d&live=off`);
  await page.locator('.log tbody tr').nth(5).waitFor();
  const { frames, scrolled } = await page.evaluate<{ frames: number[]; scrolled: number }>(`new Promise((resolve) => {
    const log = document.querySelector('.log');
    const total = () => Number(log.querySelector('table').getAttribute('aria-rowcount'));
    const frames = [];
    let last = performance.now();
    let stuck = 0;
    const step = () => {
      const now = performance.now();
      frames.push(now - last);
      last = now;
      const before = log.scrollTop;
      log.scrollTop += 50 * ${ROW_HEIGHT};
      stuck = log.scrollTop === before ? stuck + 1 : 0;
      const at = Math.floor(log.scrollTop / ${ROW_HEIGHT});
      if (at >= ${rows} || stuck > 600) resolve({ frames: frames.slice(1), scrolled: Math.min(total(), at) });
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  })`);
  const sorted = toSorted(frames);
  const long = frames.filter((ms) => ms > LONG_FRAME_MS).length;
  row(`log scrolled through ${scrolled} rows, median frame`, `${median(frames).toFixed(1)} ms`, '16.7 ms');
  row('  frame p99 / longest', `${percentile(sorted, 0.99).toFixed(0)} / ${(sorted.at(-1) ?? 0).toFixed(0)} ms`, '');
  row(`  frames over ${LONG_FRAME_MS} ms, of ${frames.length}`, `${long}`, 'none');
  await context.close();
};

const ROW_HEIGHT = 37;

const measureIdle = async (browser: Browser, gateway: RunningServer, seconds: number): Promise<void> => {
  await pause(SETTLE_MS);
  const without = await processorShare(gateway, seconds);
  for (const range of ['24h', '30d']) {
    const context = await signedIn(browser, gateway);
    const page = await context.newPage();
    await page.goto(`${gateway.url}/dashboard/?range=${range}`);
    await page.locator('.stat-value').nth(7).waitFor();
    await pause(SETTLE_MS);
    const shown = await processorShare(gateway, seconds);
    await context.close();
    row(`processor of the gateway, overview of ${range} open`, `${(shown - without).toFixed(2)} %`, '< 1 % of a core');
  }
};

/** Percent of a core. */
const processorShare = async ({ pid }: RunningServer, seconds: number): Promise<number> => {
  const before = processorMs(pid) ?? Number.NaN;
  await pause(seconds * 1_000);
  return ((processorMs(pid) ?? Number.NaN) - before) / seconds / 10;
};

type Asked = { atMs: number; path: string };

/**
 * What the page asks for under load is written down once and asked again in the rounds, so that drawing, which is another
 * machine's work, takes no processor from the gateway.
 */
const measureRequestPath = async (
  browser: Browser,
  gateway: RunningServer,
  { rounds, seconds, rate }: { rounds: number; seconds: number; rate: number },
): Promise<void> => {
  const runLoad = async (): Promise<LoadReport> =>
    JSON.parse(
      await outputOf(process.execPath, [
        join(import.meta.dirname, '../loadtest/harness/load-generator.ts'),
        ...['--url', `${gateway.url}/v1/chat/completions`, '--rate', `${rate}`, '--seconds', `${seconds}`],
      ]),
    ) as LoadReport;
  const asked = await recordQuestions(browser, gateway, runLoad);
  const plain: LoadReport[] = [];
  const watched: LoadReport[] = [];
  for (let round = 0; round < rounds; round++) {
    // Taking turns at going first, so that what gets slower with time is slower for both.
    for (const isWatched of round % 2 === 0 ? [false, true] : [true, false]) {
      if (!isWatched) plain.push(await runLoad());
      else {
        const stop = new AbortController();
        const asking = askAgain(gateway, asked, stop.signal);
        watched.push(await runLoad());
        stop.abort();
        await asking;
      }
    }
  }
  const middle = (reports: LoadReport[], of: (report: LoadReport) => number | null) =>
    median(reports.map((report) => of(report) ?? Number.NaN));
  for (const [name, of, aim] of [
    ['p50', ({ p50 }: LoadReport) => p50, ''],
    ['p99', ({ p99 }: LoadReport) => p99, '<= 5 %'],
    ["p99 of the gateway's own time", ({ overheadP99 }: LoadReport) => overheadP99, ''],
  ] as const) {
    const [off, on] = [middle(plain, of), middle(watched, of)];
    row(
      `${rate} requests/s, ${name} without / with the dashboard`,
      `${off.toFixed(2)} / ${on.toFixed(2)} ms`,
      `${aim} (${((on / off - 1) * 100).toFixed(1)} %)`,
    );
  }
  const errors = [...plain, ...watched].reduce((sum, report) => sum + report.errors, 0);
  row(`  medians of ${rounds} rounds of ${seconds} s; errors`, `${errors}`, 'none');
  row(
    '  how late the generator was, p99',
    `${middle([...plain, ...watched], ({ lagP99 }) => lagP99).toFixed(1)} ms`,
    '',
  );
};

const recordQuestions = async (browser: Browser, gateway: RunningServer, runLoad: () => Promise<unknown>) => {
  const context = await signedIn(browser, gateway);
  const page: Page = await context.newPage();
  const asked: Asked[] = [];
  const began = performance.now();
  page.on('request', (request) => {
    const { pathname, search } = new URL(request.url());
    if (pathname.startsWith('/admin/api/')) {
      asked.push({ atMs: performance.now() - began, path: pathname + search });
    }
  });
  await page.goto(`${gateway.url}/dashboard/?range=24h`);
  await runLoad();
  await context.close();
  row('questions that an open overview asked under load', `${asked.length}`, '');
  return asked;
};

/** The written-down questions at their moments, over and over until told to stop. */
const askAgain = async ({ url }: RunningServer, asked: readonly Asked[], signal: AbortSignal): Promise<void> => {
  const lastMs = (asked.at(-1)?.atMs ?? 0) + 1_000;
  const pending: Promise<unknown>[] = [];
  while (!signal.aborted) {
    const began = performance.now();
    for (const { atMs, path } of asked) {
      const waitMs = began + atMs - performance.now();
      if (waitMs > 0) await pause(waitMs);
      if (signal.aborted) break;
      const headers = { authorization: `Bearer ${ADMIN_KEY}` };
      pending.push(fetch(`${url}${path}`, { headers }).then((response) => response.arrayBuffer()));
    }
    if (!signal.aborted) await pause(Math.max(0, began + lastMs - performance.now()));
  }
  await Promise.all(pending);
};

const signedIn = async (browser: Browser, { url }: RunningServer): Promise<BrowserContext> => {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 } });
  const response = await context.request.post(`${url}/admin/api/session`, { data: { key: ADMIN_KEY } });
  if (!response.ok()) throw new Error(`signing in failed: ${await response.text()}`);
  return context;
};

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const showLoad = () =>
  loadavg()
    .map((load) => load.toFixed(1))
    .join(' ');
const print = (line: string) => process.stdout.write(`${line}\n`);
const row = (figure: string, measured: string, aim: string) =>
  print(`${figure.padEnd(58)}${measured.padStart(12)}   ${aim}`);

if (values.help) process.stdout.write(HELP);
else await main();
