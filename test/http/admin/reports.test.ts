import { Hono } from 'hono';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TeamScope } from '../../../src/auth/team-scope.ts';
import type { Breakdown, Summary } from '../../../src/contract/admin/report.ts';
import type { RequestDetail, RequestPage } from '../../../src/contract/admin/requests.ts';
import type { GatewayError } from '../../../src/contract/errors.ts';
import type { AdminEnv } from '../../../src/http/admin/admin-env.ts';
import { toCsv } from '../../../src/http/admin/report-csv.ts';
import { reportRoutes, requestRoutes } from '../../../src/http/admin/reports.ts';
import { SqliteLedgerStore } from '../../../src/ledger/sqlite-ledger-store.ts';
import { ThreadReports } from '../../../src/ledger/thread-reports.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import { chat } from '../../support/chat-client.ts';
import { FaultyUpstream } from '../../support/faulty-upstream.ts';
import { ADMIN_KEY, startGateway, type TestGateway, twoTierRoutes } from '../../support/start-gateway.ts';

let upstream: FaultyUpstream;
let gateway: TestGateway;
let reports: ThreadReports;
const RANGE = `from=${new Date(Date.now() - 3_600_000).toISOString()}&to=${new Date(Date.now() + 3_600_000).toISOString()}`;
const FORMULA = '=HYPERLINK("http://x")';

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  gateway = await startGateway({
    routes: twoTierRoutes({ small: upstream.url, large: upstream.url }),
    keys: [
      { secret: 'rs-red', caller: { keyId: 'key_1', team: 'red' } },
      { secret: 'rs-blue', caller: { keyId: 'key_2', team: 'blue' } },
    ],
    ledger: (directory) => SqliteLedgerStore.open({ directory }),
  });
  for (const key of ['rs-red', 'rs-red', 'rs-blue']) {
    await chat(gateway.url, { metadata: { app: FORMULA } }, { authorization: `Bearer ${key}` });
  }
  reports = new ThreadReports({ directory: gateway.dataDir, clock: systemClock, logger: createLogger('silent') });
});
afterAll(async () => {
  await reports.close();
  await gateway.close();
  await upstream.close();
});

const asAdmin = (path: string) =>
  fetch(`${gateway.url}/admin/api${path}`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
const json = async <Value>(path: string) => (await (await asAdmin(path)).json()) as Value;

/** The same routes as one team's viewer sees them. */
const asViewer = async (team: string, path: string) => {
  const app = new Hono<AdminEnv>();
  app.use(async (context, next) => {
    context.set('scope', TeamScope.of({ team }));
    await next();
  });
  app.route('/report', reportRoutes(reports));
  app.route('/requests', requestRoutes(reports, gateway.app.runtime));
  app.onError((error, context) =>
    context.json({ error: (error as GatewayError).code }, (error as GatewayError).status as 400),
  );
  const answer = await app.request(path);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

test('the summary, the breakdown and the log tell of the same requests', async () => {
  const { now } = await json<Summary>(`/report/summary?${RANGE}`);
  expect(now).toMatchObject({ requests: 3, ok: 3, unknownCosts: 0 });
  const { rows } = await json<Breakdown>(`/report/breakdown?${RANGE}&by=team`);
  expect(rows.map(({ name, totals }) => [name, totals.requests])).toEqual([
    ['red', 2],
    ['blue', 1],
  ]);
  const page = await json<RequestPage>('/requests?limit=2');
  expect(page.rows).toHaveLength(2);
  expect((await json<RequestPage>(`/requests?limit=2&cursor=${page.next}`)).rows).toHaveLength(1);
});

test('one request comes with its reasons worked out', async () => {
  const { rows } = await json<RequestPage>('/requests');
  const detail = await json<RequestDetail>(`/requests/${rows[0]?.id}`);
  expect(detail.because).toHaveLength(3);
  expect(detail.alternative).toMatch(/^0\.\d\d is (below|at or above) 0\.55: /);
  expect((await asAdmin('/requests/req_none')).status).toBe(404);
});

test("a viewer of one team sees that team's requests, and is refused another's", async () => {
  const summary = await asViewer('red', `/report/summary?${RANGE}`);
  expect(summary.body).toMatchObject({ now: { requests: 2 } });
  for (const by of ['team', 'key', 'model', 'route', 'tier']) {
    const { rows } = (await asViewer('red', `/report/breakdown?${RANGE}&by=${by}`)).body as unknown as Breakdown;
    expect(rows.reduce((sum, { totals }) => sum + totals.requests, 0)).toBe(2);
  }
  const tags = (await asViewer('red', `/report/breakdown?${RANGE}&by=tag&tag=app`)).body as unknown as Breakdown;
  expect(tags.rows).toMatchObject([{ name: FORMULA, totals: { requests: 2 } }]);
  expect((await asViewer('red', `/report/summary?${RANGE}&team=blue`)).status).toBe(403);
  const log = (await asViewer('blue', '/requests')).body as unknown as RequestPage;
  expect(log.rows.map(({ team }) => team)).toEqual(['blue']);
  const { rows } = await json<RequestPage>('/requests?team=red');
  expect((await asViewer('blue', `/requests/${rows[0]?.id}`)).status).toBe(404);
});

test.each([
  ['/report/summary', 'from'],
  ['/report/summary?from=yesterday&to=now', 'from'],
  [`/report/summary?${RANGE}&team='%20OR%201=1&drop=table`, 'drop'],
  [`/report/breakdown?${RANGE}&by=password`, 'by'],
  [`/report/breakdown?${RANGE}&by=tag`, 'tag'],
  [`/report/breakdown?${RANGE}&by=tag&tag=app&model=x`, 'by'],
  ['/report/summary?from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'from'],
  ['/report/summary?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 'to'],
  ['/requests?limit=100000', 'limit'],
  ["/requests?cursor=' OR 1=1", 'cursor'],
])('%s is a 400 that names %s', async (path, param) => {
  const answer = await asAdmin(path);
  expect([answer.status, await answer.json()]).toMatchObject([400, { error: { param } }]);
});

test('a breakdown as CSV quotes what must be quoted, and is no formula', async () => {
  const answer = await asAdmin(`/report/breakdown?${RANGE}&by=tag&tag=app&format=csv`);
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  const [header, first] = (await answer.text()).split('\r\n');
  expect(header).toMatch(/^tag,requests,/);
  expect(first).toMatch(/^"'=HYPERLINK\(""http:\/\/x""\)",3,/);
  expect(toCsv([{ a: '@x', b: -1, c: null }])).toBe("a,b,c\r\n'@x,-1,\r\n");
});

test('the revision is another after a request, and for a viewer only after one of its team', async () => {
  const of = async (team: string) => (await asViewer(team, '/report/revision')).body;
  const before = [await json('/report/revision'), await of('red'), await of('blue')];
  await chat(gateway.url, {}, { authorization: 'Bearer rs-blue' });
  const after = [await json('/report/revision'), await of('red'), await of('blue')];
  expect(after.map((revision, i) => JSON.stringify(revision) !== JSON.stringify(before[i]))).toEqual([
    true,
    false,
    true,
  ]);
});
