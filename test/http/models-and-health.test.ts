import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLOSED_URL, FaultyUpstream } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

let upstream: FaultyUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  gateway = await startGateway({ routes: twoTierRoutes({ small: upstream.url, large: upstream.url }) });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const get = async (path: string, from = gateway) => {
  const reply = await fetch(from.url + path);
  return { status: reply.status, headers: reply.headers, body: (await reply.json()) as never };
};

test('the list of models has auto, every route, tier and model once, in the shape of OpenAI', async () => {
  const { status, body } = await get('/v1/models');
  expect(status).toBe(200);
  const { object, data } = body as {
    object: string;
    data: { id: string; object: string; created: number; owned_by: string }[];
  };
  expect(object).toBe('list');
  expect(data.map(({ id }) => id)).toEqual(['auto', 'default', 'small', 'large', 'small-1', 'vendor/large-1']);
  for (const entry of data) {
    expect(entry.object).toBe('model');
    expect(Number.isInteger(entry.created)).toBe(true);
    expect(entry.created).toBeGreaterThan(1_500_000_000);
    expect(typeof entry.owned_by).toBe('string');
  }
});

test('what is known of a model stands beside: its tier, context, price for one token, and abilities', async () => {
  const [routes, named] = [
    twoTierRoutes({ small: upstream.url, large: upstream.url }),
    { upstream: 'up-large', model: 'vendor/embed-1', price: { input: 0.02 }, contextTokens: 8192 },
  ];
  (routes.tiers[1]!.models[0] as object as { contextTokens: number }).contextTokens = 200_000;
  const knowing = await startGateway({ routes: { ...routes, models: [named] } });
  try {
    const found = async (id: string) => (await get(`/v1/models/${encodeURIComponent(id)}`, knowing)).body;
    expect(await found('vendor/large-1')).toMatchObject({
      kind: 'model',
      tier: 'large',
      context_length: 200_000,
      pricing: { prompt: '0.00000125', completion: '0.00001' },
      capabilities: ['audio', 'images', 'json', 'tools'],
    });
    expect(await found('vendor/embed-1')).toMatchObject({
      kind: 'named',
      owned_by: 'up-large',
      context_length: 8192,
      pricing: { prompt: '0.00000002', completion: '0' },
    });
    expect(await found('auto')).toMatchObject({ kind: 'auto', context_length: 200_000 });
    expect(await found('auto')).not.toHaveProperty('pricing');
    expect(await found('small-1')).not.toHaveProperty('context_length');
  } finally {
    await knowing.close();
  }
});

test.each(['/v1/models/vendor%2Flarge-1', '/v1/models/vendor/large-1', '/models/vendor%2Flarge-1'])(
  'a model whose id has a slash is found at %s',
  async (path) => {
    const { status, body } = await get(path);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: 'vendor/large-1', object: 'model', owned_by: 'up-large' });
  },
);

test.each(['nope', '%25', '%', '%E0%A4%A', '%2525'])(
  'an unknown or odd model id (%s) is a 404 in the envelope',
  async (id) => {
    const { status, headers, body } = await get(`/v1/models/${id}`);
    expect(status).toBe(404);
    expect(headers.get('x-request-id')).toMatch(/^req_/);
    expect(body).toMatchObject({ error: { code: 'model_not_found', param: 'model', type: 'invalid_request_error' } });
  },
);

test('/healthz is alive, /readyz is ready, and the schema of routes.yaml is served', async () => {
  expect(await get('/healthz')).toMatchObject({ status: 200, body: { status: 'alive' } });
  expect(await get('/readyz')).toMatchObject({
    status: 200,
    body: { status: 'ready', tiers: { small: 'ready', large: 'ready' }, config: { problems: [] } },
  });
  const schema = await fetch(`${gateway.url}/schema/routes.json`);
  expect(schema.headers.get('content-type')).toContain('application/schema+json');
  expect(await schema.json()).toMatchObject({ $id: 'urn:rightsize:routes:1' });
});

test('an upstream without its key makes /readyz degraded, its tier unavailable, and no request fail', async () => {
  const routes = twoTierRoutes({ small: upstream.url, large: CLOSED_URL });
  const withoutKey = await startGateway({
    routes: {
      ...routes,
      upstreams: { ...routes.upstreams, 'up-large': { kind: 'openai', apiKey: ['$', '{NO_SUCH_KEY}'].join('') } },
      routes: [{ name: 'default', tier: 'large' }],
    },
  });
  try {
    expect(await get('/readyz', withoutKey)).toMatchObject({
      status: 200,
      body: {
        status: 'degraded',
        tiers: { small: 'ready', large: 'unavailable' },
        upstreams: { 'up-large': { state: 'disabled' } },
      },
    });
    const reply = await fetch(`${withoutKey.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'hi' }] }),
    });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('x-rightsize-reason')).toBe(
      'route default uses tier large; up-large: no key, NO_SUCH_KEY is not set; answered by small',
    );
    expect(reply.headers.get('x-rightsize-tier')).toBe('small');
  } finally {
    await withoutKey.close();
  }
});

test('a reload changes the next answer and keeps a request under way on the rules and the connection it began with', async () => {
  const second = await FaultyUpstream.start();
  const routes = twoTierRoutes(
    { small: upstream.url, large: second.url },
    { route: { difficulty: undefined, tier: 'small' } },
  );
  const reloaded = await startGateway({ routes });
  try {
    let goOn = () => {};
    upstream.always((call) => {
      call.open();
      call.role();
      call.say('first ');
      goOn = () => {
        call.say('second');
        call.finish();
        call.done();
      };
    });
    const body = JSON.stringify({ model: 'auto', stream: true, messages: [{ role: 'user', content: 'hi' }] });
    const ask = () => fetch(`${reloaded.url}/v1/chat/completions`, { method: 'POST', body });
    const running = await ask();
    const version = running.headers.get('x-rightsize-config');

    // The upstream of the running request is gone from the new file altogether.
    const next = {
      ...routes,
      upstreams: { 'up-large': routes.upstreams['up-large'] },
      tiers: [routes.tiers[1]],
      routes: [{ name: 'default', tier: 'large' }],
    };
    writeFileSync(reloaded.configFile, JSON.stringify(next));
    await until(() => reloaded.app.runtime().config.version !== version, 5_000, 'the reload');
    const after = await ask();
    expect(after.headers.get('x-rightsize-upstream')).toBe('up-large');
    expect(after.headers.get('x-rightsize-config')).not.toBe(version);
    expect(await after.text()).toContain('[DONE]');

    goOn();
    expect(await running.text()).toMatch(/first [\s\S]*second[\s\S]*\[DONE\]/);

    writeFileSync(reloaded.configFile, 'version: 1\nroutes: oops\n');
    await until(
      async () => ((await get('/readyz', reloaded)).body as { status: string }).status === 'degraded',
      5_000,
      '/readyz',
    );
    const { body: readiness } = await get('/readyz', reloaded);
    expect((readiness as { config: { problems: string[] } }).config.problems[0]).toMatch(/routes\.yaml:\d+:\d+: /);
    expect((await ask()).headers.get('x-rightsize-upstream')).toBe('up-large');
  } finally {
    await reloaded.close();
    await second.close();
  }
});
