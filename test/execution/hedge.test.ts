import { afterEach, beforeEach, expect, test } from 'vitest';
import { ANSWER, type Behaviour, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

let small: FaultyUpstream;
let large: FaultyUpstream;
let gateway: TestGateway;

beforeEach(async () => {
  small = await FaultyUpstream.start();
  large = await FaultyUpstream.start();
  gateway = await startGateway({
    routes: twoTierRoutes(
      { small: small.url, large: large.url },
      { route: { escalate: { hedge: true, maxHold: '20ms' } } },
    ),
  });
});
afterEach(async () => {
  await gateway.close();
  await small.close();
  await large.close();
});

const silent: Behaviour = async (call) => {
  call.open();
  call.role();
  await call.closed;
};

const ask = async (stream: boolean) => {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'auto', stream, messages: [{ role: 'user', content: 'hi' }] }),
  });
  return {
    tier: response.headers.get('x-rightsize-tier'),
    reason: response.headers.get('x-rightsize-reason'),
    text: await response.text(),
  };
};

test.each([true, false])('a model that is not done in time is overtaken and cut off (stream: %s)', async (stream) => {
  small.always(silent);
  large.always(good);
  const { tier, reason, text } = await ask(stream);
  expect(tier).toBe('large');
  expect(reason).toContain('hedged: up-small was not done in time');
  if (!stream) expect(JSON.parse(text).choices[0].message.content).toBe(ANSWER);
  expect(await small.last.closed).toBe('cut');
  const [entry] = await gateway.untilEntries(1);
  expect(entry?.attempts.map(({ upstream, outcome }) => [upstream, outcome])).toEqual([
    ['up-small', 'aborted'],
    ['up-large', 'ok'],
  ]);
});

test('a quick answer is never hedged', async () => {
  small.always(good);
  expect((await ask(true)).tier).toBe('small');
  expect(large.calls).toHaveLength(0);
});

test('the stronger model loses when it is slower still, and is cut off', async () => {
  let release = () => {};
  const isAsked = new Promise<void>((resolve) => {
    release = resolve;
  });
  large.always(async (call) => {
    release();
    await silent(call);
  });
  small.always(async (call) => {
    await isAsked;
    await good(call);
  });
  expect((await ask(true)).tier).toBe('small');
  expect(await large.last.closed).toBe('cut');
});

test('when the stronger model fails, the client waits for the first', async () => {
  let release = () => {};
  const hasFailed = new Promise<void>((resolve) => {
    release = resolve;
  });
  large.always((call) => {
    call.json({ error: { message: 'down', type: 'server_error', param: null, code: null } }, 500);
    call.closed.then(release);
  });
  small.always(async (call) => {
    await hasFailed;
    await good(call);
  });
  expect((await ask(true)).tier).toBe('small');
  const [entry] = await gateway.untilEntries(1);
  expect(entry?.attempts.map(({ outcome }) => outcome)).toEqual(['ok', 'error']);
});
