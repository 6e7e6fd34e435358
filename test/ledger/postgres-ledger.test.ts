import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PostgresLedger } from '../../src/ledger/postgres-ledger.ts';
import { Shipper } from '../../src/ledger/shipper.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { Postgres } from '../../src/lib/postgres.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { until } from '../support/until.ts';
import { randomEntries } from './random-entries.ts';
import { reportsContract } from './reports-contract.ts';
import { sampleEntry } from './sample-entry.ts';

const logger = createLogger('silent');
const NOW = Date.parse('2026-11-20T10:00:00Z');
let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.close());

const connect = (url: string) => new Postgres({ url, logger, connectTimeoutMs: 1_000, queryTimeoutMs: 10_000 });

reportsContract('reports over Postgres', async (entries) => {
  const postgres = connect(await server.newDatabase());
  const ledger = new PostgresLedger(postgres);
  for (let i = 0; i < entries.length; i += 50) await ledger.take(entries.slice(i, i + 50));
  // A batch whose answer was lost comes again.
  await ledger.take(entries.slice(20, 80));
  return { reports: ledger.reports(), close: () => postgres.close() };
});

describe('the way to Postgres', () => {
  let directory: string;
  let postgres: Postgres;
  let store: SqliteLedgerStore;
  let shipper: Shipper;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'outbox-'));
    postgres = connect(await server.newDatabase());
    store = SqliteLedgerStore.open({ directory, hasOutbox: true });
    shipper = shipperOf(store);
  });
  afterEach(async () => {
    await shipper.stop();
    await store.close();
    await postgres.close();
    rmSync(directory, { recursive: true });
  });

  const shipperOf = ({ outbox }: SqliteLedgerStore) => {
    if (outbox === null) throw new Error('no outbox');
    const ledger = new PostgresLedger(postgres);
    return new Shipper({
      outbox,
      take: (entries) => ledger.take(entries),
      clock: systemClock,
      logger,
      random: () => 0,
    });
  };
  const arrived = async () => {
    const { rows } = await new PostgresLedger(postgres).reports().requests({ limit: 500 });
    return rows.map(({ id }) => id).sort();
  };
  const untilAllIsThere = () => until(() => shipper.state().waiting === 0, 15_000, 'an empty outbox');
  const idsOf = (entries: { id: string }[]) => entries.map(({ id }) => id).sort();

  it('an outage loses nothing, slows nothing and is told', async () => {
    const entries = randomEntries(120, NOW, NOW + 3_600_000);
    shipper.start();
    await Promise.all(entries.slice(0, 40).map((entry) => store.append(entry)));
    await untilAllIsThere();
    await server.kill();
    for (const entry of entries.slice(40)) await store.append(entry);
    await until(() => shipper.state().state === 'down', 10_000, 'the outage to show');
    expect(shipper.state()).toMatchObject({ waiting: 80, detail: expect.stringContaining('80 entries wait') });
    await server.start();
    await untilAllIsThere();
    expect(shipper.state().state).toBe('ready');
    expect(await arrived()).toEqual(idsOf(entries));
  });

  it('what was stored before there was Postgres goes out as well, once', async () => {
    const entries = randomEntries(60, NOW, NOW + 1_000, 2);
    const plain = mkdtempSync(join(tmpdir(), 'outbox-'));
    const before = SqliteLedgerStore.open({ directory: plain });
    await Promise.all(entries.map((entry) => before.append(entry)));
    await before.close();
    for (let start = 0; start < 2; start++) {
      const again = SqliteLedgerStore.open({ directory: plain, hasOutbox: true });
      expect(again.outbox?.lag().waiting).toBe(start === 0 ? 60 : 0);
      const own = shipperOf(again);
      own.start();
      await until(() => own.state().waiting === 0, 10_000, 'an empty outbox');
      await own.stop();
      await again.close();
    }
    // A while without Postgres is made up for when it is back.
    const without = SqliteLedgerStore.open({ directory: plain });
    await without.append(sampleEntry({ id: 'req_between', at: NOW }));
    await without.close();
    const back = SqliteLedgerStore.open({ directory: plain, hasOutbox: true });
    const own = shipperOf(back);
    own.start();
    await until(() => own.state().waiting === 0, 10_000, 'an empty outbox');
    await own.stop();
    await back.close();
    expect(await arrived()).toEqual([...idsOf(entries), 'req_between'].sort());
    const { now } = await new PostgresLedger(postgres).reports().summary({ fromMs: NOW, toMs: NOW + 3_600_000 });
    expect(now.requests).toBe(61);
    rmSync(plain, { recursive: true });
  });

  it('an entry that Postgres refuses is left behind and told, and holds up no other', async () => {
    const good = randomEntries(30, NOW, NOW + 1_000, 3);
    await Promise.all(good.slice(0, 10).map((entry) => store.append(entry)));
    // SQLite's integers are wider than this column of Postgres, and its times go beyond the calendar.
    await store.append(sampleEntry({ id: 'req_poison_1', at: NOW, status: 3_000_000_000 }));
    await store.append(sampleEntry({ id: 'req_poison_2', at: 9e15 }));
    await store.append(sampleEntry({ id: 'req_odd', at: NOW, requestedModel: 'a\0b' }));
    await Promise.all(good.slice(10).map((entry) => store.append(entry)));
    shipper.start();
    await until(() => shipper.state().parked === 2, 15_000, 'the entry to be left behind');
    await until(() => shipper.state().waiting === 2, 15_000, 'the others to arrive');
    expect(shipper.state()).toMatchObject({
      state: 'degraded',
      detail: expect.stringContaining('0 entries on their way to Postgres; 2 that Postgres refused'),
    });
    expect(await arrived()).toEqual([...idsOf(good), 'req_odd'].sort());
  });

  it('several gateways that start at once make the tables once, and their sums are whole', async () => {
    const entries = randomEntries(90, NOW, NOW + 3 * 3_600_000, 4);
    const gateways = Array.from({ length: 3 }, () => new PostgresLedger(postgres));
    await Promise.all(
      gateways.map(async (gateway, i) => {
        // Each has its own entries, and ten that another sends too.
        for (let at = i * 30; at < i * 30 + 40; at += 10) await gateway.take(entries.slice(at % 90, (at % 90) + 10));
      }),
    );
    const { now } = await new PostgresLedger(postgres).reports().summary({ fromMs: NOW, toMs: NOW + 3 * 3_600_000 });
    expect(now.requests).toBe(90);
    expect(now.promptTokens).toBe(entries.reduce((sum, { tokens }) => sum + tokens.promptTokens, 0));
  });

  it('entries are deleted after their time, only once they have arrived; their sums stay', async () => {
    const entries = randomEntries(50, NOW, NOW + 1_000, 5);
    await Promise.all(entries.map((entry) => store.append(entry)));
    expect(store.prune(NOW + 2_000, 100)).toBe(0);
    shipper.start();
    await untilAllIsThere();
    expect([store.prune(NOW + 2_000, 30), store.prune(NOW + 2_000, 30)]).toEqual([30, 20]);
    expect(await store.recent({ sinceMs: 0, limit: 10 })).toEqual([]);
    const ledger = new PostgresLedger(postgres);
    await ledger.prune(NOW + 15 * 86_400_000);
    expect((await arrived()).length).toBe(0);
    const range = { fromMs: NOW, toMs: NOW + 3_600_000 };
    expect((await ledger.reports().summary(range)).now.requests).toBe(50);
  });
});
