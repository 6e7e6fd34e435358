import { afterEach, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const gateways: TestGateway[] = [];
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close();
});

const start = async (fields: object): Promise<TestGateway> => {
  const local = { kind: 'llama', model: 'builtin:nano', gpu: 'off', threads: 1, contextTokens: 512, parallel: 1 };
  const gateway = await startGateway({
    routes: {
      version: 1,
      upstreams: { local: { ...local, ...fields } },
      tiers: [{ name: 'small', models: [{ upstream: 'local' }] }],
      routes: [{ name: 'default', match: { model: 'auto' }, tier: 'small' }],
    },
  });
  gateways.push(gateway);
  return gateway;
};

const state = ({ app }: TestGateway) => app.runtime().upstreams.get('local')!.state();
const ask = (gateway: TestGateway, stream: boolean) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'auto', stream, max_tokens: 3, messages: [{ role: 'user', content: 'Hello' }] }),
  });

test('a model on demand is loaded by the first request, which waits, and unloaded when it was idle', async () => {
  const gateway = await start({ load: 'on-demand', keepAlive: '300ms' });
  expect(state(gateway)).toMatchObject({ state: 'ready', detail: expect.stringMatching(/^loads on first use/) });
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
  for (const stream of [false, true]) {
    const answer = await ask(gateway, stream);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain(stream ? '[DONE]' : 'choices');
    await until(() => state(gateway).detail.startsWith('it was not used for a while'), 10_000);
  }
});

test('an eager model is ready without a request and stays', async () => {
  const gateway = await start({});
  expect(state(gateway).state).toBe('starting');
  await until(() => state(gateway).state === 'ready', 20_000);
  expect(state(gateway).detail).toMatch(/about 1\d\d MB of memory/);
});
