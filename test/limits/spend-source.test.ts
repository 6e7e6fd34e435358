import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { ThreadReports } from '../../src/ledger/thread-reports.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/logger.ts';
import type { BudgetAccount, Subject } from '../../src/limits/account.ts';
import { Calendar } from '../../src/limits/period.ts';
import { ledgerSpend } from '../../src/limits/spend-source.ts';
import { sampleAttempt, sampleEntry } from '../ledger/sample-entry.ts';

const NOW = Date.UTC(2026, 10, 22, 12, 30);
const directory = mkdtempSync(join(tmpdir(), 'rightsize-spend-'));
const logger = createLogger('silent');
let ledger: SqliteLedgerStore;
let reports: ThreadReports;

beforeAll(async () => {
  ledger = SqliteLedgerStore.open({ directory });
  reports = new ThreadReports({ directory, clock: systemClock, logger });
  // Midnight in Kathmandu is at a quarter past six in the evening in UTC.
  const moments = [
    '2026-11-21T18:14:59.999Z',
    '2026-11-21T18:15:00.000Z',
    '2026-11-22T12:00:00.000Z',
    '2026-11-22T18:15:00.000Z',
  ];
  for (const [index, moment] of moments.entries()) {
    for (const team of ['a', 'b']) {
      const attempts = [sampleAttempt({ costNanoUsd: 10 ** index }), sampleAttempt({ costNanoUsd: null })];
      const id = `req_${team}${index}`;
      await ledger.append(
        sampleEntry({ id, at: Date.parse(moment), team, keyId: `key_${team}`, route: 'r', attempts }),
      );
    }
  }
});
afterAll(async () => {
  await reports.close();
  await ledger.close();
  rmSync(directory, { recursive: true, force: true });
});

const account = (subject: Subject, per: 'day' | 'total'): BudgetAccount => {
  const config = { usd: 1, per, timeZone: 'Asia/Kathmandu', onExceeded: 'reject', unknownPrice: 'allow' } as const;
  return { meter: 'budget', subject, limit: 1e9, period: new Calendar().periodAt(config, NOW), config };
};

test.each(['roll-ups', 'entries'])('what a budget has spent in its period is summed exactly, from %s', async (from) => {
  const spend = ledgerSpend({ ledger, reports: from === 'roll-ups' ? reports : null, logger });
  const spent = (subject: Subject, per: 'day' | 'total' = 'day') => spend.spent(account(subject, per));
  expect(await spent({ kind: 'team', name: 'a' })).toBe(110);
  expect(await spent({ kind: 'key', name: 'key_b' })).toBe(110);
  expect(await spent({ kind: 'route', name: 'r' })).toBe(220);
  expect(await spent({ kind: 'team', name: 'a' }, 'total')).toBe(1_111);
  expect(await spent({ kind: 'team', name: 'nobody' })).toBe(0);
});

test('reports that fail do not make a budget begin anew', async () => {
  const closed = new ThreadReports({ directory: join(directory, 'nothing'), clock: systemClock, logger });
  const spend = ledgerSpend({ ledger, reports: closed, logger });
  expect(await spend.spent(account({ kind: 'team', name: 'a' }, 'day'))).toBe(110);
  await closed.close();
});
