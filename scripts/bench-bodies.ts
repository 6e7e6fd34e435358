/**
 * What a long body costs: a chat request with one image of 10 MB in a `data:` URL, through the gateway and through a bare
 * proxy, in turns. `npm run bench:bodies -- --megabytes 10 --rounds 20` prints time, processor time and memory for each.
 */
import { mkdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'undici';
import { percentile, toSorted } from '../loadtest/harness/percentile.ts';
import { processorMs, residentMegabytes } from '../loadtest/harness/process-figures.ts';
import { type RunningServer, stopOnSignal } from '../loadtest/harness/processes.ts';
import {
  API_KEY,
  startBareProxy,
  startGateway,
  startUpstream,
  temporaryDirectory,
} from '../loadtest/harness/servers.ts';

const { values: flags } = parseArgs({
  options: { megabytes: { type: 'string', default: '10' }, rounds: { type: 'string', default: '20' } },
});
const ROUNDS = Number(flags.rounds);
const WARM_UP = 3;

const PIXELS = Uint8Array.from(
  { length: Math.round(Number(flags.megabytes) * 750_000) },
  (_, at) => (at * 2654435761) >>> 13,
);
const IMAGE = Buffer.from(PIXELS.buffer).toString('base64');

type Subject = {
  name: string;
  server: RunningServer;
  path: string;
  /** @param id so that no answer is known. */
  body(id: string): string;
  headers?: Record<string, string>;
};
type Measured = Subject & { client: Client; times: number[]; processor: number; most: number };

const main = async (): Promise<void> => {
  await using started = new AsyncDisposableStack();
  stopOnSignal(started);
  const directory = started.use(temporaryDirectory()).path;
  const upstream = started.use(await startUpstream({ chunks: 4, firstDelayMs: 0, chunkDelayMs: 0 }));
  const gateway = async (name: string) => {
    mkdirSync(join(directory, name));
    return started.use(await startGateway({ upstreamUrl: upstream.url, directory: join(directory, name) }));
  };
  const subjects: Subject[] = [
    { name: 'bare proxy', server: started.use(await startBareProxy(upstream.url)), path: CHAT, body: chatBody },
    { name: 'chat, with a look into the cache', server: await gateway('cached'), path: CHAT, body: chatBody },
    { name: 'chat, without', server: await gateway('plain'), path: CHAT, body: chatBody, headers: NO_CACHE },
    { name: 'responses, translated', server: await gateway('responses'), path: '/v1/responses', body: responsesBody },
    { name: 'messages, translated', server: await gateway('messages'), path: '/v1/messages', body: messagesBody },
  ];
  print(`Node ${process.version}, ${(IMAGE.length / 1e6).toFixed(1)} MB of image, load average ${load()}`);
  const measured: Measured[] = subjects.map((subject) => {
    const client = new Client(subject.server.url);
    started.defer(() => client.destroy());
    return { ...subject, client, times: [], processor: 0, most: 0 };
  });
  for (const each of measured) for (let round = 0; round < WARM_UP; round++) await ask(each, `warm ${round}`);
  for (const each of measured) {
    each.times = [];
    each.processor = processorMs(each.server.pid) ?? Number.NaN;
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const each of measured) {
      await ask(each, `round ${round}`);
      each.most = Math.max(each.most, await residentMegabytes(each.server.pid));
    }
  }
  print('\n| what | p50 ms | p95 ms | processor ms each | resident MB, at most |\n|---|---|---|---|---|');
  for (const { name, times, processor, server, most } of measured) {
    const sorted = toSorted(times);
    const spent = ((processorMs(server.pid) ?? Number.NaN) - processor) / ROUNDS;
    print(
      `| ${name} | ${percentile(sorted, 0.5).toFixed(0)} | ${percentile(sorted, 0.95).toFixed(0)} | ${spent.toFixed(0)} | ${most.toFixed(0)} |`,
    );
  }
  print(`\n${ROUNDS} requests each, one at a time; load average at the end ${load()}`);
};

const CHAT = '/v1/chat/completions';
const NO_CACHE = { 'cache-control': 'no-cache, no-store' };

const chatBody = (id: string): string =>
  JSON.stringify({
    model: 'auto',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: `What is this? ${id}` },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${IMAGE}` } },
        ],
      },
    ],
  });
const responsesBody = (id: string): string =>
  JSON.stringify({
    model: 'auto',
    store: false,
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: `What is this? ${id}` },
          { type: 'input_image', image_url: `data:image/png;base64,${IMAGE}` },
        ],
      },
    ],
  });
const messagesBody = (id: string): string =>
  JSON.stringify({
    model: 'auto',
    max_tokens: 100,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: `What is this? ${id}` },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: IMAGE } },
        ],
      },
    ],
  });

const ask = async ({ name, client, path, body, headers, times }: Measured, id: string): Promise<void> => {
  const text = Buffer.from(body(id));
  const begin = performance.now();
  const reply = await client.request({
    path,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}`, ...headers },
    body: text,
  });
  const answer = await reply.body.text();
  times.push(performance.now() - begin);
  if (reply.statusCode !== 200) throw new Error(`${name}: status ${reply.statusCode}: ${answer.slice(0, 300)}`);
};

const load = (): string => (loadavg()[0] ?? 0).toFixed(1);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

await main();
