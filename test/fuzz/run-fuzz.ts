import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Pool } from 'undici';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { startGateway } from '../support/start-gateway.ts';
import { mutate } from './mutate.ts';
import { type Random, randomFrom } from './random.ts';
import { startFuzzUpstream } from './scripted-upstream.ts';
import { SEEDS } from './seeds.ts';

export type Finding = { index: number; path: string; why: string; body: string };
export type FuzzReport = {
  cases: number;
  paths: string[];
  /** How many answers had which status. */
  statuses: Record<string, number>;
  findings: Finding[];
  /** Heap in use after a collection, in bytes: after the first third of the cases, and after the last. */
  heapBytes: [number, number];
};

const AT_A_TIME = 16;
const ANSWER_LIMIT_MS = 60_000;
const MODELS = ['small-1', 'large-1'];

/**
 * Sends `count` mutated bodies to every inference endpoint that the gateway has, some byte by byte, some against an
 * upstream whose streams are spoiled, and reports every answer that is neither proper nor an error in the envelope.
 * The same seed sends the same bodies.
 */
export const runFuzz = async ({ seed, count }: { seed: number; count: number }): Promise<FuzzReport> => {
  const upstream = await startFuzzUpstream(MODELS);
  const entry = (model: string) => ({ upstream: 'fuzzed', model, price: { input: 1, output: 1 } });
  const gateway = await startGateway({
    routes: {
      version: 1,
      upstreams: { fuzzed: { kind: 'openai-compatible', url: upstream.url } },
      tiers: [
        { name: 'small', models: [entry('small-1')] },
        { name: 'large', models: [entry('large-1')] },
      ],
      routes: [{ name: 'default', match: { model: 'auto' }, difficulty: { threshold: 0.5 }, retries: 0 }],
    },
    ledger: (directory) => SqliteLedgerStore.open({ directory }),
    maxBodyBytes: 256 * 1024,
  });
  const pool = new Pool(gateway.url, {
    connections: AT_A_TIME,
    headersTimeout: ANSWER_LIMIT_MS,
    bodyTimeout: ANSWER_LIMIT_MS,
  });
  const report: FuzzReport = { cases: 0, paths: [], statuses: {}, findings: [], heapBytes: [0, 0] };
  try {
    for (const path of Object.keys(SEEDS)) {
      const { statusCode, body } = await pool.request({ path, method: 'POST', body: '{}' });
      if (statusCode !== 404 || !/"not_found"/.test(await body.text())) report.paths.push(path);
      await body.dump().catch(() => {});
    }
    const third = Math.ceil(count / 3);
    for (let from = 0; from < count; from += third) {
      const isSpoiled = from >= 2 * third;
      upstream.spoilWith(isSpoiled ? randomFrom(seed + from) : null);
      let next = from;
      const worker = async () => {
        while (next < Math.min(count, from + third)) {
          const index = next++;
          const random = randomFrom(seed * 1_000_003 + index);
          const path = random.pick(report.paths);
          const valid = random.pick(SEEDS[path]!);
          const body = isSpoiled ? Buffer.from(JSON.stringify(valid)) : mutate(valid, random);
          const headers = isSpoiled ? {} : oddHeaders(random);
          const send = random.chance(0.03)
            ? sendInPieces(gateway.url, path, body, random)
            : sendWhole(pool, path, body, headers);
          const why = await send.then(
            (reply) => judge(reply, isSpoiled, report.statuses),
            (error: unknown) => `no answer: ${error}`,
          );
          report.cases++;
          if (why !== null) report.findings.push({ index, path, why, body: body.toString('latin1').slice(0, 2_000) });
        }
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, worker));
      if (from === 0) report.heapBytes[0] = collectedHeap();
    }
    report.heapBytes[1] = collectedHeap();
    for (const { why, body } of upstream.intruders) report.findings.push({ index: -1, path: 'upstream', why, body });
    return report;
  } finally {
    await pool.destroy();
    await gateway.close();
    await upstream.close();
  }
};

type Reply = { status: number; type: string; text: string; requestId: string };

const sendWhole = async (pool: Pool, path: string, body: Buffer, headers: Record<string, string>): Promise<Reply> => {
  const reply = await pool.request({
    path,
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const header = (name: string) => String(reply.headers[name] ?? '');
  return {
    status: reply.statusCode,
    type: header('content-type'),
    requestId: header('x-request-id'),
    text: await reply.body.text(),
  };
};

/** A request whose bytes come in pieces of any size, over a connection of its own. */
const sendInPieces = (url: string, path: string, body: Buffer, random: Random): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`;
    let rest = Buffer.concat([Buffer.from(head), body]);
    const writeMore = () => {
      const length = 1 + random.below(random.pick([3, 100, 10_000]));
      const piece = rest.subarray(0, length);
      rest = rest.subarray(length);
      socket.write(piece, () => (rest.length > 0 ? setImmediate(writeMore) : undefined));
    };
    const pieces: Buffer[] = [];
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy(new Error('no answer in time')));
    socket
      .on('connect', writeMore)
      .on('data', (piece) => pieces.push(piece))
      // Who was refused before all of it was sent may not send the rest, and still has its answer.
      .on('error', (error) => {
        if (pieces.length === 0) reject(error);
      });
    socket.on('close', () => {
      const text = Buffer.concat(pieces).toString('utf8');
      const end = text.indexOf('\r\n\r\n');
      const headers = text.slice(0, end).toLowerCase();
      const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(headers)?.[1]?.trim() ?? '';
      const raw = text.slice(end + 4);
      resolve({
        status: Number(/^http\/1\.1 (\d+)/.exec(headers)?.[1] ?? 0),
        type: header('content-type'),
        requestId: header('x-request-id'),
        text: header('transfer-encoding') === 'chunked' ? raw.replace(/(^|\r\n)[0-9a-f]+\r\n/g, '') : raw,
      });
    });
  });

const oddHeaders = (random: Random): Record<string, string> => {
  if (!random.chance(0.15)) return {};
  const names = [
    'content-type',
    'accept',
    'cache-control',
    'x-rightsize-tier',
    'x-rightsize-route',
    'x-rightsize-session',
    'x-request-id',
    'authorization',
    'idempotency-key',
    'origin',
    'content-encoding',
    'anthropic-version',
    'x-stainless-retry-count',
  ];
  const values = [
    '',
    ' ',
    'null',
    '*/*',
    'text/plain',
    'gzip',
    'large',
    'Bearer',
    'Bearer  x',
    'a'.repeat(3_000),
    '__proto__',
    '-1',
    'no-store',
    'only-if-cached',
    'max-age=x',
    'é',
  ];
  return { [random.pick(names)]: random.pick(values) };
};

/** What is wrong with a reply; null for nothing. */
const judge = (
  { status, type, text, requestId }: Reply,
  isSpoiled: boolean,
  statuses: Record<string, number>,
): string | null => {
  statuses[status] = (statuses[status] ?? 0) + 1;
  if (requestId === '') return `status ${status} without x-request-id`;
  if (status === 200) return judgeAnswer(type, text);
  const most = isSpoiled ? 599 : 499;
  const isCacheRule = status === 504 && text.includes('"not_cached"');
  if (status < 400 || (status > most && !isCacheRule)) return `status ${status}: ${text.slice(0, 300)}`;
  if (!type.startsWith('application/json')) return `an error of type ${type}`;
  return isEnvelope(text) ? null : `no envelope: ${text.slice(0, 300)}`;
};

const isEnvelope = (text: string): boolean => {
  try {
    const body = JSON.parse(text);
    if (body.type === 'error') return typeof body.error.message === 'string' && typeof body.error.type === 'string';
    const keys = Object.keys(body.error).sort().join();
    return (
      Object.keys(body).join() === 'error' && keys === 'code,message,param,type' && body.error.code !== 'internal_error'
    );
  } catch {
    return false;
  }
};

const judgeAnswer = (type: string, text: string): string | null => {
  if (type.startsWith('application/json')) {
    try {
      return typeof JSON.parse(text) === 'object' ? null : 'an answer that is no object';
    } catch {
      return `an answer that is not JSON: ${text.slice(0, 200)}`;
    }
  }
  if (!type.startsWith('text/event-stream')) return `an answer of type ${type}`;
  // Not by a regular expression's idea of a line, which ends at U+2028 too.
  const events = text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice('data: '.length)] : []));
  const last = events.at(-1) ?? '';
  for (const event of events.slice(0, -1)) {
    try {
      JSON.parse(event);
    } catch {
      return `an event that is not JSON: ${event.slice(0, 200)}`;
    }
  }
  const isOver = last === '[DONE]' || /"error"|"message_stop"|"response\.(completed|failed|incomplete)"/.test(last);
  return isOver ? null : `a stream that just ends: ${last.slice(0, 200)}`;
};

/** The heap in use after everything that can go has gone. */
const collectedHeap = (): number => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
};
