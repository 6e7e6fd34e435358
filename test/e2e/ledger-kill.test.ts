import { expect, test } from 'vitest';
import { type KillReport, killRounds } from '../support/kill-rounds.ts';

const expectExact = ({ wrong, sums }: Pick<KillReport, 'wrong' | 'sums'>): void => {
  expect(wrong).toEqual([]);
  expect(sums.day).toEqual(sums.entries);
  expect(sums.hour).toEqual(sums.entries);
};

test('killed again and again under load, the ledger has each complete answer exactly once, and its sums agree', async () => {
  const report = await killRounds({ rounds: 3, answersOf: (round) => 15 + 13 * round });
  expect(report.complete).toBeGreaterThan(60);
  expect(report.cut).toBeGreaterThan(0);
  expectExact(report);
}, 120_000);

test('the same with Postgres killed as well, which has everything once it is back, and nothing twice', async () => {
  const report = await killRounds({ rounds: 2, answersOf: () => 30, store: 'postgres' });
  expect(report.storeKills).toBeGreaterThan(0);
  expectExact(report);
  expect(report.postgres?.wrong).toEqual([]);
  expect(report.postgres?.sums).toEqual(report.sums);
}, 120_000);
