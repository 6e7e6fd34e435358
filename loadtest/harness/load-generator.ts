import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { chatBody } from '../chat-body.ts';
import { percentile, toSorted } from './percentile.ts';
import { API_KEY } from './servers.ts';

/** What one run of the generator prints, as JSON. Times are milliseconds. */
export type LoadReport = {
  requestsPerSecond: number;
  /** Answers other than 200, and requests without an answer. */
  errors: number;
  /** From sending to the last byte. */
  p50: number;
  p99: number;
  /** What the gateway says it took itself (`x-rightsize-overhead-ms`); null where nobody says. */
  overheadP50: number | null;
  overheadP99: number | null;
  /** How late requests left: beyond a few milliseconds the generator was starved and its figures mean little. */
  lagP99: number;
};

type Sample = { sentAt: number; lagMs: number; latencyMs: number; overheadMs: number | null; isOk: boolean };
type Load = { pool: Pool; path: string; samples: Sample[] };

const WARM_UP_MS = 2_000;

/**
 * Sends distinct plain requests of 1 kB, as a process of its own: `--rate` sends so many a second whether or not earlier
 * ones were answered, `--connections` sends the next one on each connection when the one before is answered.
 */
const main = async (): Promise<void> => {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { url: text, rate: text, connections: text, seconds: text } });
  const url = new URL(values.url ?? '');
  const load = { pool: new Pool(url.origin, { connections: 512 }), path: url.pathname, samples: [] };
  const forMs = Number(values.seconds ?? 5) * 1000 + WARM_UP_MS;
  const startedAt = performance.now();
  if (values.rate !== undefined) await sendAtRate(load, Number(values.rate), forMs);
  else await sendInTurn(load, Number(values.connections ?? 64), forMs);
  await load.pool.close();
  process.stdout.write(`${JSON.stringify(reportOf(load.samples, startedAt + WARM_UP_MS))}\n`);
};

const sendAtRate = async (load: Load, rate: number, forMs: number): Promise<void> => {
  const pending: Promise<void>[] = [];
  const total = Math.round((rate * forMs) / 1000);
  const startedAt = performance.now();
  while (pending.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - startedAt) * rate) / 1000));
    while (pending.length < due) pending.push(send(load, startedAt + (pending.length * 1000) / rate));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
};

const sendInTurn = async (load: Load, connections: number, forMs: number): Promise<void> => {
  const until = performance.now() + forMs;
  const one = async () => {
    while (performance.now() < until) await send(load, performance.now());
  };
  await Promise.all(Array.from({ length: connections }, one));
};

const RUN = randomBytes(6).toString('hex');

const send = async ({ pool, path, samples }: Load, dueAt: number): Promise<void> => {
  const id = `${RUN}-${samples.length}-${Math.floor(dueAt * 1000)}`;
  const body = chatBody({ id, isHard: samples.length % 2 === 1 });
  const sentAt = performance.now();
  let isOk = false;
  let overheadMs: number | null = null;
  try {
    const answer = await pool.request({
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` },
      body,
    });
    await answer.body.dump();
    isOk = answer.statusCode === 200;
    const overhead = answer.headers['x-rightsize-overhead-ms'];
    if (overhead !== undefined) overheadMs = Number(overhead);
  } catch {
    // Counted as an error by `isOk`.
  }
  samples.push({ sentAt, lagMs: sentAt - dueAt, latencyMs: performance.now() - sentAt, overheadMs, isOk });
};

const reportOf = (samples: Sample[], from: number): LoadReport => {
  const counted = samples.filter(({ sentAt }) => sentAt >= from);
  const latencies = toSorted(counted.map(({ latencyMs }) => latencyMs));
  const overheads = toSorted(counted.flatMap(({ overheadMs }) => (overheadMs === null ? [] : [overheadMs])));
  const lags = toSorted(counted.map(({ lagMs }) => lagMs));
  const lastMs = counted.reduce((last, { sentAt, latencyMs }) => Math.max(last, sentAt + latencyMs), from);
  return {
    requestsPerSecond: (counted.length * 1000) / (lastMs - from),
    errors: samples.filter(({ isOk }) => !isOk).length,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    overheadP50: overheads.length > 0 ? percentile(overheads, 0.5) : null,
    overheadP99: overheads.length > 0 ? percentile(overheads, 0.99) : null,
    lagP99: percentile(lags, 0.99),
  };
};

await main();
