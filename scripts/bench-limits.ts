import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteLedgerStore } from '../src/ledger/sqlite-ledger-store.ts';
import { systemClock } from '../src/lib/clock.ts';
import { createLogger } from '../src/lib/logger.ts';
import { parseRedisUrl } from '../src/lib/redis-address.ts';
import { RedisConnection } from '../src/lib/redis-connection.ts';
import { admit } from '../src/limits/admit.ts';
import { afford } from '../src/limits/afford.ts';
import { Counters } from '../src/limits/counters.ts';
import { MemoryCounterStore } from '../src/limits/memory-counter-store.ts';
import { Calendar } from '../src/limits/period.ts';
import { RedisCounterStore } from '../src/limits/redis-counter-store.ts';
import { ledgerSpend } from '../src/limits/spend-source.ts';
import type { Limited } from '../src/limits/subjects.ts';
import type { Candidate } from '../src/routing/routing-table.ts';
import { sampleEntry } from '../test/ledger/sample-entry.ts';

/**
 * What limits and the ledger add to one request that comes alone: a key, a team and a route with three limits and a budget
 * each, then its entry in SQLite, then the settlement. `REDIS_URL=… npm run bench:limits` measures with Redis as well.
 */
const REQUESTS = 3_000;
const WARM_UP = 500;

const limits = { requestsPerMinute: 1_000_000, tokensPerMinute: 1_000_000_000, concurrentRequests: 10_000 };
const limited: Limited[] = (['key', 'team', 'route'] as const).map((kind) => ({
  subject: { kind, name: `bench-${kind}-${process.pid}` },
  limits,
  budget: { usd: 1_000_000, per: 'day', timeZone: 'Europe/Berlin', onExceeded: 'reject', unknownPrice: 'reject' },
}));
const candidate = { tier: 'large', upstream: 'up', model: 'm' } as Candidate;
const logger = createLogger('warn');
const clock = systemClock;

const measure = async (
  name: string,
  store: ConstructorParameters<typeof Counters>[0]['store'],
  ledger: SqliteLedgerStore,
) => {
  const counters = new Counters({ store, spend: ledgerSpend({ ledger, reports: null, logger }), clock, logger });
  const calendar = new Calendar();
  const times = { limits: [] as number[], ledger: [] as number[], both: [] as number[] };
  for (let number = 0; number < WARM_UP + REQUESTS; number++) {
    const requestId = `req_${name}_${process.pid}_${number}`;
    const start = performance.now();
    const admitted = await admit(requestId, limited, counters);
    const afforded = await afford({
      requestId,
      limited,
      estimate: { promptTokens: 250, completionTokens: 500, isGuessed: false },
      isEscalating: false,
      tiers: [{ name: 'large' }],
      decide: () => ({ attempts: [candidate] }),
      priceOf: () => 1_000_000,
      counters,
      calendar,
      clock,
    });
    if (!admitted.isAdmitted || !afforded.isAdmitted) throw new Error('a request was refused');
    const reserved = performance.now();
    await ledger.append({ ...sampleEntry(), id: requestId, at: clock.now() });
    const stored = performance.now();
    const used = { tokens: 700, costNanoUsd: 900_000 };
    await Promise.all([admitted.hold.settle(used), afforded.hold.settle(used)]);
    const end = performance.now();
    if (number < WARM_UP) continue;
    times.limits.push(reserved - start + (end - stored));
    times.ledger.push(stored - reserved);
    times.both.push(end - start);
  }
  await counters.close();
  for (const [part, values] of Object.entries(times)) {
    values.sort((a, b) => a - b);
    const at = (share: number) => (values[Math.floor(values.length * share)] as number).toFixed(3);
    process.stdout.write(`${name.padEnd(7)} ${part.padEnd(7)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms\n`);
  }
};

const directory = mkdtempSync(join(tmpdir(), 'rightsize-bench-limits-'));
const ledger = SqliteLedgerStore.open({ directory: join(directory, 'data') });
process.stdout.write(`node ${process.version}, ${cpus()[0]?.model}, ${REQUESTS} requests one after the other\n`);
await measure('memory', new MemoryCounterStore(clock), ledger);
const { REDIS_URL } = process.env;
if (REDIS_URL !== undefined) {
  const redis = new RedisConnection({
    address: parseRedisUrl(REDIS_URL),
    prefix: `bench-${process.pid}`,
    connectTimeoutMs: 2_000,
    commandTimeoutMs: 2_000,
    clock,
    logger,
  });
  if (!(await redis.settled(2_000))) throw new Error(redis.state().detail);
  await measure('redis', new RedisCounterStore({ redis, clock, ledgerId: 'bench' }), ledger);
  await redis.close();
}
await ledger.close();
rmSync(directory, { recursive: true, force: true });
