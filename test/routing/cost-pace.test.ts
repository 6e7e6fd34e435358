import { expect, test } from 'vitest';
import { CostPace } from '../../src/routing/cost-pace.ts';
import { sampleEntry } from '../ledger/sample-entry.ts';
import { ManualClock } from '../support/manual-clock.ts';

const USD = 1e9;
const HOUR_MS = 3_600_000;
const MIDNIGHT = Date.parse('2026-03-02T00:00:00Z');

const answer = (tier: string, costNanoUsd: number) => sampleEntry({ route: 'r', tier, costNanoUsd });

/** A day of evenly spread requests, the hardest of which go large as far as the share lets them. @returns dollars spent. */
const spendOfDay = (budgetUsd: number, requests: number, largeUsd: number, smallUsd = 0): number => {
  const clock = new ManualClock(MIDNIGHT);
  const pace = new CostPace(clock, async () => new Map());
  let spent = 0;
  for (let request = 0; request < requests; request++) {
    const difficulty = (request * 0.6180339887) % 1;
    const isLarge = difficulty >= 1 - pace.affordableShare('r', budgetUsd * USD);
    const cost = isLarge ? largeUsd : smallUsd;
    spent += cost;
    pace.observe(answer(isLarge ? 'large' : 'small', cost * USD), 'large');
    clock.advance((24 * HOUR_MS) / requests);
  }
  return spent;
};

test.each([
  [5, 2_000, 0.01, 0],
  [12, 2_000, 0.01, 0],
  [5, 2_000, 0.01, 0.0005],
])('%d dollars last a day of %d requests at %d each, and are spent', (budget, requests, large, small) => {
  const spent = spendOfDay(budget, requests, large, small);
  expect(spent).toBeLessThanOrEqual(budget + large);
  expect(spent).toBeGreaterThan(budget * 0.9);
});

test('more money than a day can cost lets everything go large', () => {
  expect(spendOfDay(100, 1_000, 0.01)).toBeCloseTo(10, 5);
});

test('money that is gone keeps everything small until midnight, and no longer', () => {
  const clock = new ManualClock(MIDNIGHT + 5 * HOUR_MS);
  const pace = new CostPace(clock, async () => new Map());
  expect(pace.affordableShare('r', USD)).toBe(1);
  pace.observe(answer('large', 2 * USD), 'large');
  expect(pace.affordableShare('r', USD)).toBe(0);
  clock.advance(19 * HOUR_MS);
  expect(pace.affordableShare('r', USD)).toBeGreaterThan(0);
});

test('each of several workers keeps to its part of the money, and of what the day has cost before', async () => {
  const clock = new ManualClock(MIDNIGHT + HOUR_MS);
  const pace = new CostPace(clock, async () => new Map([['r', 2 * USD]]), 4);
  await pace.open();
  // A quarter of 6 dollars, of which a quarter of 2 is spent.
  expect(pace.affordableShare('r', 6 * USD)).toBe(1);
  pace.observe(answer('large', 1 * USD), 'large');
  expect(pace.affordableShare('r', 6 * USD)).toBe(0);
});

test('a restart goes on with what the day has cost', async () => {
  const asked: number[] = [];
  const pace = new CostPace(new ManualClock(MIDNIGHT + HOUR_MS), async (sinceMs) => {
    asked.push(sinceMs);
    return new Map([['r', 3 * USD]]);
  });
  await pace.open();
  expect(asked).toEqual([MIDNIGHT]);
  expect(pace.affordableShare('r', 3 * USD)).toBe(0);
  expect(pace.affordableShare('other', 3 * USD)).toBe(1);
});

test('answers from the cache do not make answers look cheap', () => {
  const clock = new ManualClock(MIDNIGHT);
  const pace = new CostPace(clock, async () => new Map());
  pace.affordableShare('r', USD);
  pace.observe(answer('large', 0.01 * USD), 'large');
  const before = pace.affordableShare('r', USD);
  for (let hit = 0; hit < 50; hit++)
    pace.observe(sampleEntry({ route: 'r', tier: 'large', costNanoUsd: 0, cache: 'hit' }), 'large');
  expect(pace.affordableShare('r', USD)).toBeLessThanOrEqual(before);
});
