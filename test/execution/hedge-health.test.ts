import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { chat } from '../support/chat-client.ts';
import { behaviours, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

let small: FaultyUpstream;
let large: FaultyUpstream;
let gateway: TestGateway;
let skippedMs = 0;

/** The system's clock, from which time can be skipped. */
const clock: Clock = { ...systemClock, elapsed: () => systemClock.elapsed() + skippedMs };

beforeEach(async () => {
  small = await FaultyUpstream.start();
  large = await FaultyUpstream.start();
  const route = { difficulty: undefined, tier: 'small', escalate: { hedge: true, maxHold: '20ms' } };
  gateway = await startGateway({ routes: twoTierRoutes({ small: small.url, large: large.url }, { route }), clock });
});
afterEach(async () => {
  await gateway.close();
  await small.close();
  await large.close();
});

const tierOf = async (): Promise<unknown> => (await chat(gateway.url, { stream: true })).headers['x-rightsize-tier'];

test('a model whose probe was overtaken is asked again, and closes its circuit with an answer', async () => {
  small.always(behaviours['envelope 500']);
  for (let count = 0; count < 5; count++) expect(await tierOf()).toBe('large');
  skippedMs += 6_000;
  small.always(behaviours['stall after the role chunk']);
  expect(await tierOf()).toBe('large');
  expect(await small.last.closed).toBe('cut');
  small.always(good);
  // A machine this busy may let even a good answer be overtaken: what counts is that it is asked.
  const before = small.calls.length;
  await tierOf();
  expect(small.calls).toHaveLength(before + 1);
});

test('a model that fails after it was hedged has failed, and was not cancelled', async () => {
  let fail = () => {};
  small.always((call) => {
    fail = () => void behaviours['envelope 500'](call);
  });
  large.always(async (call) => {
    fail();
    await small.last.closed;
    good(call);
  });
  expect(await tierOf()).toBe('large');
  const [entry] = await gateway.untilEntries(1);
  expect(entry?.attempts.map(({ upstream }) => upstream)).toEqual(['up-small', 'up-large']);
  expect(entry?.attempts.map(({ errorCode }) => errorCode)).toEqual(['upstream_error', null]);
});
