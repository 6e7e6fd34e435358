import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BudgetList } from '../../../src/contract/admin/budgets.ts';
import { chat } from '../../support/chat-client.ts';
import { FaultyUpstream } from '../../support/faulty-upstream.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ADMIN_KEY, startGateway, type TestGateway, twoTierRoutes } from '../../support/start-gateway.ts';

let upstream: FaultyUpstream;
let gateway: TestGateway;
const clock = new ManualClock(Date.UTC(2026, 10, 1));
const admin = { authorization: `Bearer ${ADMIN_KEY}` };

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  gateway = await startGateway({
    clock,
    routes: {
      ...twoTierRoutes(
        { small: upstream.url, large: upstream.url },
        { route: { difficulty: undefined, tier: 'large', limits: { concurrentRequests: 5 } } },
      ),
      teams: {
        research: {
          limits: { requestsPerMinute: 2, tokensPerMinute: 9000 },
          budget: { usd: 0.003, per: 'month', timeZone: 'Europe/Berlin' },
        },
        other: { budget: { usd: 7, per: 'total', onExceeded: 'small' } },
      },
    },
    keys: [{ secret: 'rs-research', caller: { keyId: 'key_1', team: 'research' } }],
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const list = async (headers: Record<string, string> = admin): Promise<BudgetList> =>
  (await (await fetch(`${gateway.url}/admin/api/budgets`, { headers })).json()) as BudgetList;

test('the use of limits and budgets is listed, with where each budget is heading', async () => {
  const reply = await chat(gateway.url, { max_tokens: 100 }, { authorization: 'Bearer rs-research' });
  expect(reply.headers).toMatchObject({
    'x-ratelimit-limit-requests': '2',
    'x-ratelimit-remaining-requests': '1',
    'x-ratelimit-reset-requests': '1m0.1s',
    'x-ratelimit-limit-tokens': '9000',
  });
  const spent = Math.round(Number(reply.headers['x-rightsize-cost-usd']) * 1e9);
  clock.advance(10_000);
  const { rows, limits } = await list();
  const [research, other] = rows;
  expect(research).toMatchObject({
    subject: { kind: 'team', name: 'research' },
    per: 'month',
    timeZone: 'Europe/Berlin',
    limitNanoUsd: 3_000_000,
    spentNanoUsd: spent,
    reservedNanoUsd: 0,
    onExceeded: 'reject',
    periodStart: '2026-10-31T23:00:00.000Z',
    periodEnd: '2026-11-30T23:00:00.000Z',
  });
  const elapsed = clock.now() - Date.parse('2026-10-31T23:00:00Z');
  expect(research?.forecastNanoUsd).toBe(Math.round((spent * 30 * 86_400_000) / elapsed));
  expect(Date.parse(research?.exhaustedAt ?? '')).toBeLessThan(Date.parse('2026-11-30T23:00:00Z'));
  expect(other).toMatchObject({
    spentNanoUsd: 0,
    periodStart: null,
    periodEnd: null,
    forecastNanoUsd: null,
    exhaustedAt: null,
  });
  expect(limits).toMatchObject([
    { subject: { kind: 'team', name: 'research' }, requestsPerMinute: { limit: 2, used: 1 }, concurrent: null },
    { subject: { kind: 'route', name: 'default' }, concurrent: { limit: 5, used: 0 } },
  ]);
  expect(limits[0]?.tokensPerMinute?.used).toBeGreaterThan(0);
});

test('refusals and the spent share of budgets are in the metrics', async () => {
  const ask = () => chat(gateway.url, { max_tokens: 5 }, { authorization: 'Bearer rs-research' });
  const replies = await Promise.all([ask(), ask(), ask()]);
  const [refused] = replies.filter(({ status }) => status === 429);
  expect(refused?.headers).toMatchObject({ 'x-ratelimit-remaining-requests': '0' });
  expect(Number(refused?.headers['retry-after-ms'])).toBeLessThanOrEqual(30_000);
  expect(refused?.text).toMatch(/Please try again in [\d.]+m?s\./);
  const metrics = await (
    await fetch(`${gateway.url}/metrics`, { headers: { authorization: 'Bearer rs-research' } })
  ).text();
  expect(metrics).toMatch(/rightsize_limited_requests_total\{limit="requests",of="team"\} [12]/);
  expect(Number(/rightsize_budget_used_ratio\{of="team",name="research"\} (\S+)/.exec(metrics)?.[1])).toBeGreaterThan(
    0,
  );
});

test('nobody without an admin key sees it', async () => {
  expect((await fetch(`${gateway.url}/admin/api/budgets`)).status).toBe(401);
});
