/**
 * `npm run bench:execution [-- --seconds 15 --rate 200]`: what failing over and holding an answer back cost, and what
 * clients see when one of two upstreams dies under load. The gateway and the upstreams that are killed run as processes
 * of their own; the other upstreams and the clients are this one.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';
import { chatBody } from '../loadtest/chat-body.ts';
import { percentile, toSorted } from '../loadtest/harness/percentile.ts';
import { type RunningServer, startServer, stopOnSignal } from '../loadtest/harness/processes.ts';
import { startUpstream, temporaryDirectory } from '../loadtest/harness/servers.ts';
import { FaultyUpstream, good, type UpstreamCall } from '../test/support/faulty-upstream.ts';

const ROOT = join(import.meta.dirname, '..');
const FAILOVERS = 500;
const CASCADES = 100;
const HELD_TOKENS = 24;
const TOKEN_MS = 8;

const { values: flags } = parseArgs({
  options: { seconds: { type: 'string', default: '15' }, rate: { type: 'string', default: '200' } },
});
const SECONDS = Number(flags.seconds);
const RATE = Number(flags.rate);

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const showLoad = (): string =>
  loadavg()
    .map((load) => load.toFixed(1))
    .join(' ');
const quantiles = (values: number[]): string => {
  const sorted = toSorted(values);
  return `p50 ${percentile(sorted, 0.5).toFixed(2)} ms, p99 ${percentile(sorted, 0.99).toFixed(2)} ms`;
};

const main = async (): Promise<void> => {
  await using started = new AsyncDisposableStack();
  stopOnSignal(started);
  print(`Node ${process.version}, load average ${showLoad()}`);
  await measureFailover();
  await measureCascade();
  await measureKill(started);
  print(`load average ${showLoad()}`);
};

/** A gateway as its own process, with the given routes.yaml and no key. */
const startGateway = (directory: string, routes: object): Promise<RunningServer> => {
  const config = join(directory, 'routes.yaml');
  // JSON is YAML.
  writeFileSync(config, JSON.stringify(routes));
  const files = ['--config', config, '--data-dir', join(directory, 'data')];
  return startServer({
    name: 'The gateway',
    args: [join(ROOT, 'bin/rightsize.js'), 'serve', ...files, '--port', '0'],
    announcement: /listens on (http:\S+)\/v1/,
  });
};

const upstreamAt = (url: string) => ({ kind: 'openai-compatible', url });
const twoTiers = (small: string, large: string, route: object) => ({
  version: 1,
  upstreams: { small: upstreamAt(small), large: upstreamAt(large) },
  tiers: [
    { name: 'small', models: [{ upstream: 'small', model: 'm' }] },
    { name: 'large', models: [{ upstream: 'large', model: 'm' }] },
  ],
  routes: [{ name: 'default', tier: 'small', session: { ttl: '0s' }, ...route }],
});

const clients = new Agent({ connections: 1024 });
const RUN = randomBytes(6).toString('hex');
let sent = 0;
const ask = (url: string, isStream: boolean) =>
  request(`${url}/v1/chat/completions`, {
    method: 'POST',
    dispatcher: clients,
    headers: { 'content-type': 'application/json' },
    body: chatBody({ id: `${RUN}-${sent++}`, isStream }),
  });

/** From the last byte of an error, as its upstream wrote it, to the arrival of the request at the next upstream. */
const measureFailover = async (): Promise<void> => {
  let knownAt = 0;
  const waits: number[] = [];
  // A limit of rate does not open the circuit, so every request fails over.
  const small = await FaultyUpstream.start((call) => {
    call.response.once('finish', () => {
      knownAt = performance.now();
    });
    call.json({ error: { message: 'Slow down.', type: 'requests', param: null, code: null } }, 429);
  });
  const large = await FaultyUpstream.start((call) => {
    waits.push(performance.now() - knownAt);
    return good(call);
  });
  using directory = temporaryDirectory();
  await using gateway = await startGateway(directory.path, twoTiers(small.url, large.url, { retries: 0 }));
  for (let count = 0; count < FAILOVERS; count++) {
    const { statusCode, body } = await ask(gateway.url, count % 2 === 0);
    await body.dump();
    if (statusCode !== 200) throw new Error(`a failover ended with ${statusCode}`);
  }
  // The first requests find neither warm code nor open connections.
  print(`failover: ${quantiles(waits.slice(FAILOVERS / 5))} (${waits.length - FAILOVERS / 5} requests)`);
  await Promise.all([small.close(), large.close()]);
};

/** A sure answer at an even pace, held back for its first tokens. */
const measureCascade = async (): Promise<void> => {
  const leftAt: number[][] = [];
  const speak = async (call: UpstreamCall): Promise<void> => {
    const times: number[] = [];
    leftAt.push(times);
    call.open();
    call.role();
    for (const piece of call.pieces) {
      call.say(piece);
      times.push(performance.now());
      await delay(TOKEN_MS);
    }
    call.finish();
    call.done();
  };
  const pieces = Array.from({ length: HELD_TOKENS + 8 }, (_, index) => `word${index} `);
  const small = await FaultyUpstream.start(speak, { pieces, certainty: 0.95 });
  const large = await FaultyUpstream.start();
  using directory = temporaryDirectory();
  const routes = twoTiers(small.url, large.url, { escalate: { tokens: HELD_TOKENS } });
  await using gateway = await startGateway(directory.path, routes);
  const held: number[] = [];
  const own: number[] = [];
  const added: number[] = [];
  for (let count = 0; count < CASCADES; count++) {
    const { body } = await ask(gateway.url, true);
    let arrivedAt = 0;
    for await (const piece of body as AsyncIterable<Buffer>) {
      if (arrivedAt === 0 && piece.includes('word0')) arrivedAt = performance.now();
    }
    const times = leftAt[count] as number[];
    const [first = 0] = times;
    const last = times[HELD_TOKENS - 1] ?? 0;
    held.push(arrivedAt - first);
    own.push(last - first);
    added.push(arrivedAt - last);
  }
  const steady = (values: number[]) => quantiles(values.slice(CASCADES / 5));
  print(`cascade, first token held: ${steady(held)}`);
  print(`  ${HELD_TOKENS} tokens at the upstream's own pace: ${steady(own)}`);
  print(`  beyond that: ${steady(added)} (${CASCADES - CASCADES / 5} streams)`);
  if (large.calls.length > 0) throw new Error('a sure answer was handed over');
  await Promise.all([small.close(), large.close()]);
};

type Outcome = {
  sentAt: number;
  endedAt: number;
  /** Whose answer had begun to arrive, and when. */
  upstream: string | null;
  begunAt: number | null;
  isStream: boolean;
  isWhole: boolean;
  /** The gateway knew, without asking, that a model is failing. */
  knewIt: boolean;
};

/** Two upstreams of one tier under a steady rate of requests, half of them streams; midway one is killed. */
const measureKill = async (started: AsyncDisposableStack): Promise<void> => {
  const script = { chunks: 10, firstDelayMs: 20, chunkDelayMs: 20 };
  const doomed = started.use(await startUpstream(script));
  const survivor = started.use(await startUpstream(script));
  using directory = temporaryDirectory();
  const model = (upstream: string) => ({ upstream, model: 'm' });
  await using gateway = await startGateway(directory.path, {
    version: 1,
    upstreams: { doomed: upstreamAt(doomed.url), survivor: upstreamAt(survivor.url) },
    tiers: [{ name: 'small', models: [model('doomed'), model('survivor')] }],
    routes: [{ name: 'default', tier: 'small' }],
  });
  const outcomes: Outcome[] = [];
  const running = new Set<Promise<void>>();
  const startedAt = performance.now();
  let killedAt = Number.POSITIVE_INFINITY;
  for (let count = 0; count < RATE * SECONDS; count++) {
    const dueAt = startedAt + (count * 1000) / RATE;
    if (dueAt > performance.now()) await delay(dueAt - performance.now());
    if (killedAt === Number.POSITIVE_INFINITY && performance.now() - startedAt > SECONDS * 500) {
      process.kill(doomed.pid, 'SIGKILL');
      killedAt = performance.now();
    }
    const one = watch(gateway.url, count % 2 === 0, outcomes).finally(() => running.delete(one));
    running.add(one);
  }
  await Promise.all(running);
  report(outcomes, killedAt);
};

const watch = async (url: string, isStream: boolean, outcomes: Outcome[]): Promise<void> => {
  const sentAt = performance.now();
  const outcome: Outcome = {
    sentAt,
    endedAt: 0,
    upstream: null,
    begunAt: null,
    isStream,
    isWhole: false,
    knewIt: false,
  };
  outcomes.push(outcome);
  try {
    const { statusCode, headers, body } = await ask(url, isStream);
    outcome.begunAt = performance.now();
    outcome.upstream = String(headers['x-rightsize-upstream']);
    outcome.knewIt = /failing|circuit open/.test(String(headers['x-rightsize-reason']));
    const text = await body.text();
    outcome.isWhole = statusCode === 200 && (isStream ? /data: \[DONE\]\s*$/.test(text) : text.includes('"choices"'));
  } catch {
    // Counted as failed by `isWhole`.
  }
  outcome.endedAt = performance.now();
};

const report = (outcomes: Outcome[], killedAt: number): void => {
  const failed = outcomes.filter(({ isWhole }) => !isWhole);
  const inFlight = outcomes.filter(
    ({ isStream, upstream, begunAt, endedAt }) =>
      isStream && upstream === 'doomed' && (begunAt ?? Number.POSITIVE_INFINITY) <= killedAt && endedAt >= killedAt,
  );
  const firstKnown = outcomes.find(({ sentAt, knewIt }) => sentAt >= killedAt && knewIt);
  const openedAt = firstKnown?.sentAt ?? Number.POSITIVE_INFINITY;
  const count = (from: number, to: number) => failed.filter(({ sentAt }) => sentAt >= from && sentAt < to).length;
  const latencies = (from: number, to: number) =>
    quantiles(
      outcomes
        .filter(({ sentAt, isStream }) => !isStream && sentAt >= from && sentAt < to)
        .map(({ sentAt, endedAt }) => endedAt - sentAt),
    );
  print(`kill: ${outcomes.length} requests at ${RATE}/s, one of two upstreams killed after ${SECONDS / 2} s`);
  print(
    `  streams of it under way at that moment: ${inFlight.length}; failed of these: ${inFlight.filter(({ isWhole }) => !isWhole).length}`,
  );
  print(`  failed, sent before the kill: ${count(0, killedAt)}`);
  print(
    `  failed, sent between the kill and the open circuit (${(openedAt - killedAt).toFixed(0)} ms): ${count(killedAt, openedAt)}`,
  );
  print(
    `  failed, sent after the circuit opened: ${count(openedAt, Number.POSITIVE_INFINITY)} of ${outcomes.filter(({ sentAt }) => sentAt >= openedAt).length}`,
  );
  print(`  plain requests before the kill: ${latencies(0, killedAt)}`);
  print(`  plain requests after it: ${latencies(killedAt, Number.POSITIVE_INFINITY)}`);
};

try {
  await main();
} finally {
  await clients.destroy();
}
