import { expect, test } from 'vitest';
import { startShareExchange } from '../../src/routing/redis-share-exchange.ts';
import { ShareThresholds } from '../../src/routing/share-thresholds.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { redisOfSuite } from '../support/redis-of-suite.ts';
import { until } from '../support/until.ts';

const shared = redisOfSuite();

const gateway = (clock = new ManualClock()) => {
  const shares = new ShareThresholds([0.5]);
  return { shares, clock, ...startShareExchange(shared.redis, shares, clock) };
};
type Gateway = ReturnType<typeof gateway>;
/** Difficulties spread evenly over a range. */
const see = ({ shares }: Gateway, count: number, from: number, to: number): void => {
  for (let i = 0; i < count; i++) shares.thresholdFor('chat', 0.2, from + ((to - from) * i) / count);
};
const thresholdOf = ({ shares }: Gateway): number => shares.thresholdFor('chat', 0.2, 0.5);

test('gateways that see different traffic come to one threshold, which holds the share of all of it', async () => {
  const [easy, hard] = [gateway(), gateway()];
  see(easy, 500, 0, 0.5);
  see(hard, 500, 0.5, 1);
  expect(thresholdOf(easy)).toBeCloseTo(0.4, 1);
  expect(thresholdOf(hard)).toBeCloseTo(0.9, 1);
  await easy.exchange();
  await hard.exchange();
  await easy.exchange();
  expect(thresholdOf(easy)).toBeCloseTo(0.8, 1);
  expect(thresholdOf(hard)).toBeCloseTo(0.8, 1);
});

test('it happens by itself every two seconds, until it is stopped', async () => {
  const [one, two] = [gateway(), gateway()];
  see(one, 800, 0.9, 1);
  one.clock.advance(2_000);
  const length = () => shared.server.ask((client) => client.llen(shared.redis.key('share', 'chat')));
  await until(async () => (await length()) === 800);
  two.shares.thresholdFor('chat', 0.2, 0.1);
  two.clock.advance(2_000);
  await until(() => two.shares.thresholdFor('chat', 0.2, 0.1) > 0.9);
  one.stop();
  see(one, 10, 0, 1);
  one.clock.advance(60_000);
  expect(await length()).toBeLessThan(810);
});

test('nothing is told twice, and the list is as long as the window', async () => {
  const one = gateway();
  see(one, 700, 0, 1);
  await one.exchange();
  await one.exchange();
  const length = () => shared.server.ask((client) => client.llen(shared.redis.key('share', 'chat')));
  expect(await length()).toBe(700);
  see(one, 700, 0, 1);
  await one.exchange();
  expect(await length()).toBe(1_000);
});

test('through an outage each goes by what it sees itself, and tells it afterwards', async () => {
  const one = gateway();
  see(one, 300, 0, 0.5);
  await shared.server.kill();
  await until(() => !shared.redis.isUsable);
  see(one, 600, 0.5, 1);
  await one.exchange();
  expect(thresholdOf(one)).toBeGreaterThan(0.75);
  await shared.server.start();
  await until(() => shared.redis.isUsable);
  const two = gateway();
  two.shares.thresholdFor('chat', 0.2, 0.1);
  await one.exchange();
  await two.exchange();
  expect(thresholdOf(two)).toBeGreaterThan(0.75);
});
