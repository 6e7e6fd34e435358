/**
 * How long an answer from the exact cache takes, end to end over one connection: kept in memory, and in a redis-server of
 * its own. `npm run bench:cache -- --rounds 20` prints a table; a bare proxy in front of a scripted upstream takes turns
 * with them, 100 requests each, so that a busy machine is busy for all.
 */
import { mkdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'undici';
import { chatBody } from '../loadtest/chat-body.ts';
import { percentile, toSorted } from '../loadtest/harness/percentile.ts';
import { stopOnSignal } from '../loadtest/harness/processes.ts';
import {
  API_KEY,
  startBareProxy,
  startGateway,
  startUpstream,
  temporaryDirectory,
} from '../loadtest/harness/servers.ts';
import { RedisServer } from '../test/support/redis-server.ts';

const { values: flags } = parseArgs({ options: { rounds: { type: 'string', default: '10' } } });
const ROUNDS = Number(flags.rounds);
const REQUESTS = 100;

type Subject = { name: string; client: Client; body: string; expected: string | undefined; times: number[] };

const main = async (): Promise<void> => {
  await using started = new AsyncDisposableStack();
  stopOnSignal(started);
  const directory = started.use(temporaryDirectory()).path;
  const redis = await RedisServer.start();
  started.defer(() => redis.close());
  const upstream = started.use(await startUpstream({ chunks: 32, firstDelayMs: 0, chunkDelayMs: 0 }));
  const proxy = started.use(await startBareProxy(upstream.url));
  const gateway = async (name: string, env: Record<string, string>) => {
    const place = join(directory, name);
    mkdirSync(place);
    return started.use(await startGateway({ upstreamUrl: upstream.url, directory: place, env })).url;
  };
  const inMemory = await gateway('memory', {});
  // On a machine so busy that Redis is beyond its limit, a slow hit is to be seen as one.
  const inRedis = await gateway('redis', { REDIS_URL: redis.url, RIGHTSIZE_REDIS_TIMEOUT_MS: '5000' });
  const subject = (name: string, url: string, isStream: boolean, expected?: string): Subject => {
    const client = new Client(url);
    started.defer(() => client.destroy());
    return { name, client, body: chatBody({ id: `bench-${isStream}`, isStream }), expected, times: [] };
  };
  const subjects = [
    subject('bare proxy, JSON', proxy.url, false),
    subject('hit in memory, JSON', inMemory, false, 'hit'),
    subject('hit in memory, stream', inMemory, true, 'hit'),
    subject('hit in Redis, JSON', inRedis, false, 'hit'),
    subject('hit in Redis, stream', inRedis, true, 'hit'),
  ];
  print(
    `Node ${process.version}, load average ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}`,
  );
  for (const each of subjects) for (let request = 0; request < REQUESTS; request++) await ask(each, request > 0);
  for (const each of subjects) each.times = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const each of subjects) for (let request = 0; request < REQUESTS; request++) await ask(each, true);
  }
  print('\n| what | p50 ms | p99 ms |\n|---|---|---|');
  for (const { name, times } of subjects) {
    const sorted = toSorted(times);
    print(`| ${name} | ${percentile(sorted, 0.5).toFixed(2)} | ${percentile(sorted, 0.99).toFixed(2)} |`);
  }
  print(`\n${ROUNDS * REQUESTS} requests each, load average at the end ${loadavg()[0]?.toFixed(1)}`);
};

/** @throws Error for an answer that did not come from where it should. */
const ask = async ({ client, body, expected, times }: Subject, isWarm: boolean): Promise<void> => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` };
  const begin = performance.now();
  const reply = await client.request({ path: '/v1/chat/completions', method: 'POST', headers, body });
  await reply.body.dump();
  times.push(performance.now() - begin);
  const cache = reply.headers['x-rightsize-cache'];
  if (reply.statusCode !== 200 || (isWarm && cache !== expected)) {
    throw new Error(`status ${reply.statusCode}, cache ${cache}, expected ${expected}`);
  }
};

const print = (text: string): void => void process.stdout.write(`${text}\n`);

await main();
