import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openToRead } from '../../src/ledger/sqlite-ledger-file.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { createSqliteReports } from '../../src/ledger/sqlite-reports.ts';
import { ThreadReports } from '../../src/ledger/thread-reports.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { randomEntries } from './random-entries.ts';
import { reportsContract } from './reports-contract.ts';
import { sampleEntry } from './sample-entry.ts';

const logger = createLogger('silent');
const newDirectory = () => mkdtempSync(join(tmpdir(), 'reports-'));

reportsContract('reports over SQLite', async (entries) => {
  const directory = newDirectory();
  const store = SqliteLedgerStore.open({ directory });
  await Promise.all(entries.map((entry) => store.append(entry)));
  // An entry that comes again is counted once.
  await Promise.all(entries.slice(0, 50).map((entry) => store.append(entry)));
  const database = openToRead(directory, 1_000);
  if (database === null) throw new Error('no ledger');
  return {
    reports: createSqliteReports(database),
    close: async () => {
      database.close();
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
});

it('a thread of its own answers while entries are stored, and is refused nothing but a crowd', async () => {
  const directory = newDirectory();
  const store = SqliteLedgerStore.open({ directory });
  await store.append(sampleEntry());
  const reports = new ThreadReports({ directory, clock: systemClock, logger });
  const query = { fromMs: 0, toMs: 10_000 };
  const asked = Array.from({ length: 40 }, () => reports.summary(query));
  const ends = await Promise.allSettled(asked);
  expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(8);
  expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'report_unavailable' } });
  await Promise.all(randomEntries(100, 1, 9_000).map((entry) => store.append(entry)));
  expect((await reports.summary(query)).now.requests).toBe(101);
  await expect(reports.requests({ cursor: 'nonsense', limit: 5 })).rejects.toMatchObject({ param: 'cursor' });
  await reports.close();
  await store.close();
  rmSync(directory, { recursive: true });
});

it('a report that takes too long is given up, and the next one is answered', async () => {
  const directory = newDirectory();
  const store = SqliteLedgerStore.open({ directory });
  await store.append(sampleEntry());
  const clock = new ManualClock(0);
  const reports = new ThreadReports({ directory, clock, logger, timeLimitMs: 50 });
  const late = reports.summary({ fromMs: 0, toMs: 10_000 });
  clock.advance(51);
  await expect(late).rejects.toMatchObject({
    code: 'report_unavailable',
    message: expect.stringContaining('shorter range'),
  });
  expect((await reports.summary({ fromMs: 0, toMs: 10_000 })).now.requests).toBe(1);
  await reports.close();
  await store.close();
  rmSync(directory, { recursive: true });
});

it('values of a tag beyond the bound are counted together', async () => {
  const directory = newDirectory();
  const store = SqliteLedgerStore.open({ directory });
  const tagged = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) =>
      sampleEntry({ id: `req_${from + i}`, at: 3_600_000 + i, tags: { user: `u${from + i}` } }),
    );
  await Promise.all(tagged(0, 150).map((entry) => store.append(entry)));
  await store.close();
  // A gateway that was started again knows what was there.
  const again = SqliteLedgerStore.open({ directory });
  await Promise.all(tagged(150, 150).map((entry) => again.append(entry)));
  const database = openToRead(directory, 1_000);
  if (database === null) throw new Error('no ledger');
  const { rows } = await createSqliteReports(database).breakdown({
    fromMs: 0,
    toMs: 86_400_000,
    by: 'tag',
    tag: 'user',
  });
  expect(rows).toHaveLength(201);
  expect(rows.find(({ name }) => name === '(other)')?.totals.requests).toBe(100);
  expect(rows.reduce((sum, { totals }) => sum + totals.requests, 0)).toBe(300);
  database.close();
  await again.close();
  rmSync(directory, { recursive: true });
});
