import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CostOptions, costCommand } from '../../src/cli/cost.ts';
import type { LedgerEntry } from '../../src/contract/ledger-entry.ts';
import type { LedgerStore } from '../../src/ledger/ledger-store.ts';
import { MemoryLedgerStore } from '../../src/ledger/memory-ledger-store.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { sampleAttempt, sampleEntry } from './sample-entry.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const HOUR = 3_600_000;

const run = async (options: CostOptions, openLedger: () => LedgerStore | null) => {
  const written = { stdout: '', stderr: '' };
  const to = (name: keyof typeof written) => ({ write: (text: string) => (written[name] += text) });
  const context = { openLedger, stdout: to('stdout'), stderr: to('stderr'), clock: new ManualClock(NOW) };
  return { exitCode: await costCommand(options, context), ...written };
};

const ledgerOf = async (...entries: Partial<LedgerEntry>[]) => {
  const store = new MemoryLedgerStore();
  for (const [i, entry] of entries.entries())
    await store.append(sampleEntry({ id: `req_${i}`, at: NOW - HOUR, ...entry }));
  return () => store;
};

const TWO_TEAMS: Partial<LedgerEntry>[] = [
  { team: 'research', attempts: [sampleAttempt({ costNanoUsd: 1_234_567_890 })], savedNanoUsd: -1 },
  { team: 'web, "beta"\u001b[31m', cache: 'hit', attempts: [], savedNanoUsd: 2_000_000 },
];

describe('rightsize cost', () => {
  it('prints a table that a person can read', async () => {
    const { exitCode, stdout, stderr } = await run({ by: 'team' }, await ledgerOf(...TWO_TEAMS));
    expect(stdout).toBe(`Since 2026-11-15T12:00:00.000Z

team              requests  errors  cache hits  tokens in  tokens out    cost USD     saved USD
research                 1       0           0         10           5  1.23456789  -0.000000001
web, "beta"?[31m         1       0           1          0           0         0.0         0.002
total                    2       0           1         10           5  1.23456789   0.001999999
`);
    expect([exitCode, stderr]).toEqual([0, '']);
  });

  it('shows unknown costs and estimates as such', async () => {
    const attempt = sampleAttempt({ costNanoUsd: null });
    attempt.tokens.isEstimated = true;
    const { stdout } = await run({}, await ledgerOf({ attempts: [attempt], savedNanoUsd: null }));
    expect(stdout).toMatch(/unpriced\ntotal .* 1\n\nunpriced: .*unknown.*\nTokens of 1 requests are estimated\.\n$/);
  });

  it('prints JSON with integers and exact decimals', async () => {
    const { stdout } = await run({ json: true, by: 'team', since: '2026-11-20' }, await ledgerOf(...TWO_TEAMS));
    expect(JSON.parse(stdout)).toMatchObject({
      since: '2026-11-20T00:00:00.000Z',
      until: '2026-11-22T12:00:00.000Z',
      by: 'team',
      total: { group: 'all', requests: 2, costNanoUsd: 1_234_567_890, costUsd: '1.23456789', savedUsd: '0.001999999' },
      rows: [{ group: 'research', savedNanoUsd: -1 }, { savedNanoUsd: 2_000_000 }],
    });
  });

  it('prints CSV with quoted names', async () => {
    const { stdout } = await run({ csv: true, by: 'team' }, await ledgerOf(...TWO_TEAMS));
    const [header, first, second] = stdout.split('\r\n');
    expect(header).toMatch(/^group,requests,.*,costUsd,savedUsd$/);
    expect(first).toMatch(/^research,1,.*,1\.23456789,-0\.000000001$/);
    expect(second).toMatch(/^"web, ""beta""/);
  });

  it.each([
    ['90m', 1],
    ['61m', 1],
    ['60m', 1],
    ['59m', 0],
    ['2026-11-22T11:30:00Z', 0],
    ['2026-11-22', 1],
  ])('since %s finds %d requests of an hour ago', async (since, requests) => {
    const { stdout } = await run({ since, json: true }, await ledgerOf({}));
    expect(JSON.parse(stdout).total.requests).toBe(requests);
  });

  it.each<[CostOptions]>([
    [{ since: 'yesterday' }],
    [{ since: '7' }],
    [{ since: '' }],
    [{ since: '2026-13-45' }],
    [{ by: "team'; DROP TABLE entries" }],
    [{ by: 'constructor' }],
    [{ by: 'tag' }],
    [{ tag: 'app' }],
    [{ json: true, csv: true }],
  ])('%j is wrong usage: exit 2 and one line', async (options) => {
    const { exitCode, stdout, stderr } = await run(options, () => null);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^rightsize cost: [^\n]+\n$/);
  });

  it('works before there is a ledger', async () => {
    const { exitCode, stdout, stderr } = await run({ json: true, by: 'model' }, () => null);
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('no ledger yet')]);
    expect(JSON.parse(stdout)).toMatchObject({ total: { requests: 0, costUsd: '0.0' }, rows: [] });
  });

  it('exits 1 on a ledger that cannot be read, and reads one from a data directory', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ledger-'));
    const open = () => SqliteLedgerStore.openToRead({ directory });
    const store = SqliteLedgerStore.open({ directory });
    await store.append(sampleEntry({ at: NOW - HOUR }));
    expect(JSON.parse((await run({ json: true }, open)).stdout).total.costNanoUsd).toBe(1_000);
    await store.close();
    writeFileSync(join(directory, 'ledger.sqlite'), 'garbage'.repeat(1_000));
    const { exitCode, stderr } = await run({}, open);
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/^rightsize cost: Cannot open the ledger .*\n$/)]);
    rmSync(directory, { recursive: true });
  });
});
