import { expect, test } from 'vitest';
import { killRounds } from '../support/kill-rounds.ts';

test('killed again and again under load, the ledger has each complete answer exactly once, and its sums agree', async () => {
  const report = await killRounds(4, (round) => 15 + 13 * round);
  expect(report.complete).toBeGreaterThan(80);
  expect(report.cut).toBeGreaterThan(0);
  expect(report.wrong).toEqual([]);
  expect(report.sums.day).toEqual(report.sums.entries);
  expect(report.sums.hour).toEqual(report.sums.entries);
}, 120_000);
