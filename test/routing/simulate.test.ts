import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { Simulation, ThresholdCurve } from '../../src/contract/admin/simulate.ts';
import type { LedgerEntry, TokenCounts } from '../../src/contract/ledger-entry.ts';
import { loadClassifier } from '../../src/difficulty/load-classifier.ts';
import { billingOf, costUnder } from '../../src/ledger/price.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { type Candidate, compileRoutingTable } from '../../src/routing/routing-table.ts';
import { simulate } from '../../src/routing/simulate.ts';
import { sampleAttempt, sampleEntry } from '../ledger/sample-entry.ts';
import { CLOSED_URL } from '../support/faulty-upstream.ts';
import { runCli, temporaryDirectory } from '../support/run-cli.ts';
import { ADMIN_KEY, startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

const NOW = Date.now();
const HOUR = 3_600_000;
const SMALL = { tier: 'small', upstream: 'up-small', model: 'small-1' };
const LARGE = { tier: 'large', upstream: 'up-large', model: 'vendor/large-1' };
const routesWith = (route: object) => twoTierRoutes({ small: CLOSED_URL, large: CLOSED_URL }, { route });

/** Requests of difficulty 0.05, 0.15, … served as threshold 0.55 has it: 600 ms small, 2,000 ms large. */
const request = (needs: string[] = []): LedgerEntry['request'] => ({
  promptTokens: 10,
  answerTokens: null,
  needs,
  hasSystem: false,
  language: null,
  native: null,
  wishedRoute: null,
  wishedTier: null,
});
const history = (): LedgerEntry[] =>
  Array.from({ length: 100 }, (_, i) => {
    const difficulty = ((i % 10) + 0.5) / 10;
    const isLarge = difficulty >= 0.55;
    const attempt = sampleAttempt({ ...(isLarge ? LARGE : SMALL), costNanoUsd: isLarge ? 60_250 : 2_200 });
    return sampleEntry({
      id: `req_${i}`,
      at: NOW - HOUR + i,
      team: i % 2 === 0 ? 'red' : 'blue',
      difficulty,
      request: request(),
      attempts: [attempt],
      totalMs: isLarge ? 2_000 : 600,
    });
  });

const run = async (
  entries: LedgerEntry[],
  route: object,
  thresholds: Record<string, number> = {},
): Promise<Simulation> => {
  const directory = temporaryDirectory();
  const file = join(directory, 'routes.yaml');
  writeFileSync(file, JSON.stringify(routesWith(route)));
  const loaded = await loadConfig({ file, environment: {} });
  rmSync(directory, { recursive: true });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return simulate({
    entries,
    isSample: false,
    table: compileRoutingTable(loaded.config),
    classifier: await loadClassifier(),
    thresholds,
    costOf: (tokens: TokenCounts, candidate: Candidate) => costUnder(tokens, billingOf(false, candidate.config.price)),
  });
};

test('the rules that were in force change nothing', async () => {
  const { replayed, leftOut, before, after, byTeam } = await run(history(), {});
  expect([replayed, leftOut]).toEqual([100, {}]);
  expect(before).toMatchObject({ requests: 100, smallShare: 0.5, p50Ms: 600, p95Ms: 2_000, unknownCosts: 0 });
  expect(after).toMatchObject({ smallShare: 0.5, p50Ms: 600, p95Ms: 2_000, expectedQuality: before.expectedQuality });
  expect(byTeam.map(({ team, before: own }) => [team, own.requests])).toEqual([
    ['blue', 50],
    ['red', 50],
  ]);
});

test('a higher threshold costs less, answers sooner and promises less, exactly by its prices', async () => {
  const { before, after } = await run(history(), {}, { default: 0.8 });
  expect(after.smallShare).toBe(0.8);
  // 10 prompt tokens of which 2 cached, and 5 of the answer, at 0.10 and 0.40 or at 1.25, 0.125 and 10 USD a million.
  expect(after.costNanoUsd).toBe(80 * (10 * 100 + 5 * 400) + 20 * (8 * 1_250 + 2 * 125 + 5 * 10_000));
  expect(after.p50Ms).toBe(600);
  expect(after.costNanoUsd).toBeLessThan(before.costNanoUsd);
  expect(after.expectedQuality ?? 1).toBeLessThan(before.expectedQuality ?? 0);
});

test('a share, a fixed tier and an observing route decide as the gateway would', async () => {
  expect((await run(history(), { difficulty: undefined, tier: 'large' })).after.smallShare).toBe(0);
  expect((await run(history(), { difficulty: { largeShare: 0.1 } })).after.smallShare).toBeGreaterThan(0.6);
  expect((await run(history(), { mode: 'observe' })).after.smallShare).toBe(0);
});

test('what cannot be decided again is left out and told', async () => {
  const left = [
    sampleEntry({ id: 'a', cache: 'hit', attempts: [] }),
    sampleEntry({ id: 'b', outcome: 'error', attempts: [sampleAttempt({ outcome: 'error', isShown: false })] }),
    sampleEntry({ id: 'c', request: null }),
    sampleEntry({ id: 'd', difficulty: null, request: request() }),
    sampleEntry({ id: 'e', requestedModel: 'gpt-99', request: request() }),
  ];
  expect((await run(left, {})).leftOut).toEqual({
    'answered from the cache': 1,
    'not answered': 1,
    'facts of the request not stored': 1,
    'difficulty not measured': 1,
    'refused by the new rules: model_not_found': 1,
  });
});

test('escalations are charged at the rate that the tier has shown', async () => {
  const escalated = history().map((entry, i) =>
    entry.tier === 'small' && i % 2 === 0
      ? {
          ...entry,
          attempts: [
            sampleAttempt({ ...SMALL, outcome: 'escalated', isShown: false, costNanoUsd: 3_000 }),
            sampleAttempt({ ...LARGE, costNanoUsd: 60_250 }),
          ],
        }
      : entry,
  );
  const [without, withIt] = await Promise.all([
    run(history(), {}, { default: 0.8 }),
    run(escalated, { escalate: {} }, { default: 0.8 }),
  ]);
  expect(withIt.after.costNanoUsd).toBeGreaterThan(without.after.costNanoUsd);
});

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    routes: routesWith({}),
    ledger: (directory) => SqliteLedgerStore.open({ directory }),
  });
  const store = SqliteLedgerStore.open({ directory: gateway.dataDir });
  await Promise.all(history().map((entry) => store.append(entry)));
  await store.close();
});
afterAll(() => gateway.close());

const RANGE = { from: new Date(NOW - 2 * HOUR).toISOString(), to: new Date(NOW + HOUR).toISOString() };
const post = (body: object) =>
  fetch(`${gateway.url}/admin/api/simulate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

test('the admin API answers with thresholds, with another routes.yaml, and with a curve', async () => {
  const moved = (await (await post({ ...RANGE, thresholds: { default: 0.8 } })).json()) as Simulation;
  expect(moved).toMatchObject({ replayed: 100, before: { smallShare: 0.5 }, after: { smallShare: 0.8 } });
  const config = JSON.stringify(routesWith({ difficulty: undefined, tier: 'small' }));
  expect((await (await post({ ...RANGE, config })).json()) as Simulation).toMatchObject({ after: { smallShare: 1 } });
  const bad = await post({ ...RANGE, config: 'version: 2' });
  expect([bad.status, await bad.json()]).toMatchObject([400, { error: { param: 'config' } }]);
  const curve = await fetch(
    `${gateway.url}/admin/api/simulate/curve?${new URLSearchParams({ ...RANGE, route: 'default' })}`,
    {
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    },
  );
  const { current, points } = (await curve.json()) as ThresholdCurve;
  expect([current, points.length]).toEqual([0.55, 101]);
  const { figures } = points[80] as (typeof points)[number];
  expect(figures).toEqual(moved.after);
  const shares = points.map((point) => point.figures.smallShare);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
});

test('the command prints the same, with the reasons of what it left out', async () => {
  const file = join(gateway.dataDir, 'new.yaml');
  writeFileSync(file, JSON.stringify(routesWith({ difficulty: { threshold: 0.8 } })));
  const { code, stdout } = await runCli([
    'simulate',
    '--config',
    file,
    '--data-dir',
    gateway.dataDir,
    '--since',
    '3h',
    '--json',
  ]);
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { replayed: 100, after: { smallShare: 0.8 } }]);
});
