import { afterAll, beforeAll, expect, test } from 'vitest';
import { behaviours, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

let small: FaultyUpstream;
let large: FaultyUpstream;
let gateway: TestGateway;
const KEY = { authorization: 'Bearer rs-test' };

beforeAll(async () => {
  small = await FaultyUpstream.start();
  large = await FaultyUpstream.start();
  gateway = await startGateway({
    routes: twoTierRoutes({ small: small.url, large: large.url }),
    keys: [{ secret: 'rs-test', caller: { keyId: 'key_test', team: 'default' } }],
  });
});
afterAll(async () => {
  await gateway.close();
  await small.close();
  await large.close();
});

const ask = () =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: KEY,
    body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'hi' }] }),
  }).then((response) => response.text());

const metrics = async () => (await fetch(`${gateway.url}/metrics`, { headers: KEY })).text();
const readiness = async () => (await (await fetch(`${gateway.url}/readyz`)).json()) as never;

test('the figures of a gateway that asks for keys are not for strangers', async () => {
  expect((await fetch(`${gateway.url}/metrics`)).status).toBe(401);
});

test('a request counts once, with its tokens and its money', async () => {
  small.always(good);
  await ask();
  const text = await metrics();
  expect(text).toContain(
    'rightsize_requests_total{route="default",tier="small",upstream="up-small",outcome="ok",cache="bypass"} 1',
  );
  expect(text).toMatch(
    /rightsize_tokens_total\{route="default",tier="small",upstream="up-small",direction="completion"\} [1-9]/,
  );
  expect(text).toMatch(/rightsize_cost_usd_total\{route="default",tier="small",upstream="up-small"\} \d/);
  expect(text).toContain('rightsize_circuit_open{upstream="up-small",model="small-1"} 0');
});

test('a model that keeps failing is left alone: requests go on, and readiness, metrics and the reason say so', async () => {
  small.always(behaviours['envelope 500']);
  large.always(good);
  for (let i = 0; i < 12; i++) await ask();
  expect(await metrics()).toContain('rightsize_circuit_open{upstream="up-small",model="small-1"} 1');
  expect(await readiness()).toMatchObject({
    status: 'degraded',
    tiers: { small: 'unavailable', large: 'ready' },
    models: { 'up-small/small-1': { circuit: 'open' } },
  });
  const asked = small.calls.length;
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: KEY,
    body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'hi' }] }),
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('x-rightsize-reason')).toMatch(
    /up-small\/small-1: failing, asked again in \d s; answered by large$/,
  );
  await response.text();
  expect(small.calls.length).toBe(asked);
});

test('a request that no model can be asked is refused, and its ledger entry says why of each', async () => {
  small.always(behaviours['envelope 500']);
  large.always(behaviours['envelope 500']);
  for (let i = 0; i < 12; i++) await ask();
  expect((await gateway.entries()).at(-1)).toMatchObject({ errorCode: 'no_upstream_available', attempts: [] });
  expect((await gateway.entries()).at(-1)?.reason).toMatch(
    /up-small\/small-1: failing, asked again in \d s; up-large\/vendor\/large-1: failing, asked again in \d s/,
  );
});
