import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { request } from 'undici';
import type { LoadReport } from './harness/load-generator.ts';
import { median } from './harness/percentile.ts';
import { processorMs, residentMegabytes } from './harness/process-figures.ts';
import { stopOnSignal } from './harness/processes.ts';
import { startBareProxy, startGateway, startUpstream, temporaryDirectory } from './harness/servers.ts';
import { measureLatency, measureThroughput, throughputTool } from './harness/throughput.ts';
import { DEFAULT_SCRIPT } from './scripted-upstream.ts';

/**
 * What the gateway costs: beside a bare proxy (`bare-proxy.ts`) and no proxy at all, in interleaved rounds against the
 * same scripted upstream; then its start time and idle memory. Prints tables; medians are over rounds.
 * `node loadtest/bench-proxy.ts [--rounds 5] [--seconds 5] [--connections 64] [--rate 500] [--cpu-prof DIRECTORY]`
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
    rate: { type: 'string', default: '500' },
    'cpu-prof': { type: 'string' },
  },
});
const [rounds, seconds, connections, rate] = [values.rounds, values.seconds, values.connections, values.rate].map(
  Number,
);
if (!rounds || !seconds || !connections || !rate) {
  process.stderr.write('bench-proxy: --rounds, --seconds, --connections and --rate are numbers above 0\n');
  process.exit(2);
}

const STARTS = 5;
const IDLE_AFTER_MS = 5_000;
const WARM_UP_REQUESTS = 30_000;
const WARM_UP_RUNS = 8;

type Target = { name: string; url: string; pid: number };
type Round = { requestsPerSecond: number; microsecondsPerRequest: number | null; errors: number };

const main = async (): Promise<void> => {
  await using started = new AsyncDisposableStack();
  stopOnSignal(started);
  const directory = started.use(temporaryDirectory()).path;
  const upstream = started.use(await startUpstream(DEFAULT_SCRIPT));
  print(`${describeMachine()}\n`);

  const start = await measureStart(upstream.url, directory);
  print(`start, spawn to the first 200 of /healthz: median ${start.medianMs.toFixed(0)} ms of ${STARTS}`);
  print(`resident memory ${IDLE_AFTER_MS / 1000} s after the start, idle: ${start.idleMegabytes.toFixed(0)} MB\n`);

  const bare = started.use(await startBareProxy(upstream.url));
  const profile = values['cpu-prof'];
  const nodeArgs = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile];
  const gateway = started.use(await startGateway({ upstreamUrl: upstream.url, directory, nodeArgs }));
  const targets: Target[] = [
    { name: 'no proxy', url: `${upstream.url}/chat/completions`, pid: upstream.pid },
    { name: 'bare proxy', url: `${bare.url}/v1/chat/completions`, pid: bare.pid },
    { name: 'gateway', url: `${gateway.url}/v1/chat/completions`, pid: gateway.pid },
  ];

  for (const target of targets) await warmUp(target, directory);
  await compareThroughput(targets, directory);
  print(`resident memory of the gateway after that: ${(await residentMegabytes(gateway.pid)).toFixed(0)} MB\n`);
  await compareLatency(targets);
  print(`load average at the end: ${showLoad()}`);
};

/** Until the compiler has seen enough: its own time would count as the proxy's, and on a slow machine for long. */
const warmUp = async ({ url }: Target, directory: string): Promise<void> => {
  const runSeconds = 3;
  let requests = 0;
  for (let run = 0; run < WARM_UP_RUNS && requests < WARM_UP_REQUESTS; run++) {
    const { requestsPerSecond } = await measureThroughput({ url, connections, seconds: runSeconds, directory });
    requests += requestsPerSecond * runSeconds;
  }
};

const compareThroughput = async (targets: Target[], directory: string): Promise<void> => {
  print(`throughput: ${connections} connections (${throughputTool()}), ${rounds} rounds of ${seconds} s each, in turn`);
  const results = await inTurn(targets, async ({ url, pid }): Promise<Round> => {
    const before = processorMs(pid);
    const { requestsPerSecond, errors } = await measureThroughput({ url, connections, seconds, directory });
    const after = processorMs(pid);
    const usedMs = before === null || after === null ? null : after - before;
    const microsecondsPerRequest = usedMs === null ? null : (usedMs * 1000) / (requestsPerSecond * seconds);
    return { requestsPerSecond, microsecondsPerRequest, errors };
  });
  const rates = (name: string) => (results.get(name) ?? []).map(({ requestsPerSecond }) => requestsPerSecond);
  for (const [name, all] of results) {
    const processor = median(all.flatMap(({ microsecondsPerRequest }) => microsecondsPerRequest ?? []));
    const errors = all.reduce((sum, round) => sum + round.errors, 0);
    print(
      `  ${name.padEnd(10)} ${median(rates(name)).toFixed(0).padStart(6)} requests/s, ` +
        `processor ${processor.toFixed(0).padStart(4)} us/request, ${errors} errors; ` +
        `rounds ${rates(name)
          .map((value) => value.toFixed(0))
          .join(' ')}`,
    );
  }
  const ratios = rates('gateway').map((value, round) => value / (rates('bare proxy')[round] ?? Number.NaN));
  print(`  gateway / bare proxy, median of the rounds' ratios: ${median(ratios).toFixed(2)}`);
};

const compareLatency = async (targets: Target[]): Promise<void> => {
  print(`latency: ${rate} requests/s, open loop, ${rounds} rounds of ${seconds} s each, in turn; milliseconds`);
  const results = await inTurn(targets, ({ url }) => measureLatency({ url, rate, seconds }));
  const middle = (name: string, figure: (report: LoadReport) => number | null) =>
    median((results.get(name) ?? []).flatMap((report) => figure(report) ?? []));
  for (const [name, reports] of results) {
    const errors = reports.reduce((sum, report) => sum + report.errors, 0);
    print(
      `  ${name.padEnd(10)} p50 ${show(middle(name, ({ p50 }) => p50))}, p99 ${show(middle(name, ({ p99 }) => p99))}, ` +
        `sent late by ${show(middle(name, ({ lagP99 }) => lagP99))} (p99), ${errors} errors; ` +
        `p99 of rounds ${reports.map(({ p99 }) => show(p99)).join(' ')}`,
    );
  }
  const added = (figure: (report: LoadReport) => number, name: string) =>
    middle('gateway', figure) - middle(name, figure);
  for (const name of ['no proxy', 'bare proxy']) {
    print(
      `  gateway adds to ${name}: p50 ${show(added(({ p50 }) => p50, name))}, p99 ${show(added(({ p99 }) => p99, name))}`,
    );
  }
  const overhead = [
    middle('gateway', ({ overheadP50 }) => overheadP50),
    middle('gateway', ({ overheadP99 }) => overheadP99),
  ];
  print(`  x-rightsize-overhead-ms says: p50 ${show(overhead[0] ?? 0)}, p99 ${show(overhead[1] ?? 0)}\n`);
};

/** Measures each target in every round, one after the other, so that a busy moment meets all of them. */
const inTurn = async <Result>(
  targets: Target[],
  measure: (target: Target) => Promise<Result>,
): Promise<Map<string, Result[]>> => {
  const results = new Map<string, Result[]>(targets.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) results.get(target.name)?.push(await measure(target));
  }
  return results;
};

const measureStart = async (upstreamUrl: string, directory: string) => {
  const times: number[] = [];
  let idleMegabytes = Number.NaN;
  for (let i = 0; i < STARTS; i++) {
    const port = await freePort();
    const startedAt = performance.now();
    const starting = startGateway({ upstreamUrl, directory, port });
    const healthy = untilHealthy(`http://127.0.0.1:${port}/healthz`);
    await using gateway = await starting;
    await healthy;
    times.push((await healthy) - startedAt);
    if (i < STARTS - 1) continue;
    await new Promise((resolve) => setTimeout(resolve, IDLE_AFTER_MS));
    idleMegabytes = await residentMegabytes(gateway.pid);
  }
  return { medianMs: median(times), idleMegabytes };
};

/** Asks every few milliseconds. @returns `performance.now()` at the first 200. */
const untilHealthy = async (url: string): Promise<number> => {
  const deadline = performance.now() + 20_000;
  while (performance.now() < deadline) {
    try {
      const { statusCode, body } = await request(url);
      await body.dump();
      if (statusCode === 200) return performance.now();
    } catch {
      // It does not listen yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${url} did not answer within 20 s`);
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

const describeMachine = (): string => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
    version: string;
  };
  const processors = cpus();
  return (
    `rightsize ${version}, Node ${process.version}, ${platform()} ${release()}, ` +
    `${processors.length} x ${processors[0]?.model.trim()}, ${(totalmem() / 1e9).toFixed(0)} GB; load average ${showLoad()}`
  );
};

const showLoad = (): string =>
  loadavg()
    .map((load) => load.toFixed(2))
    .join(' ');
const show = (milliseconds: number): string => milliseconds.toFixed(2);
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

try {
  await main();
} catch (error) {
  process.stderr.write(`bench-proxy: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
