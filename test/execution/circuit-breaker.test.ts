import { expect, test } from 'vitest';
import { GatewayError } from '../../src/contract/errors.ts';
import { CircuitBreaker } from '../../src/execution/circuit-breaker.ts';
import { ModelHealth } from '../../src/execution/model-health.ts';
import { ManualClock } from '../support/manual-clock.ts';

const openBreaker = (clock: ManualClock): CircuitBreaker => {
  const breaker = new CircuitBreaker(clock);
  for (let i = 0; i < 5; i++) breaker.failed();
  return breaker;
};

test('a few failures among successes leave the circuit closed', () => {
  const breaker = new CircuitBreaker(new ManualClock());
  for (let i = 0; i < 20; i++) i % 3 === 0 ? breaker.failed() : breaker.succeeded();
  expect(breaker.state).toBe('closed');
});

test('four failures are too few to judge by; the fifth opens the circuit', () => {
  const breaker = new CircuitBreaker(new ManualClock());
  for (let i = 0; i < 4; i++) breaker.failed();
  expect(breaker.state).toBe('closed');
  breaker.failed();
  expect(breaker.state).toBe('open');
  expect(breaker.tryAcquire()).toBe(false);
});

test('after the pause exactly one probe may go, and its success closes the circuit', () => {
  const clock = new ManualClock();
  const breaker = openBreaker(clock);
  clock.advance(4_999);
  expect(breaker.state).toBe('open');
  clock.advance(1);
  expect(breaker.state).toBe('half-open');
  expect([breaker.tryAcquire(), breaker.tryAcquire()]).toEqual([true, false]);
  breaker.succeeded();
  expect(breaker.state).toBe('closed');
  breaker.failed();
  expect(breaker.state).toBe('closed');
});

test('each failed probe doubles the pause, up to a minute', () => {
  const clock = new ManualClock();
  const breaker = openBreaker(clock);
  const pauses: number[] = [];
  for (let i = 0; i < 6; i++) {
    clock.advance(breaker.probeInMs);
    expect(breaker.tryAcquire()).toBe(true);
    breaker.failed();
    pauses.push(breaker.probeInMs);
  }
  expect(pauses).toEqual([10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
});

test('a probe whose client leaves gives its place to the next', () => {
  const clock = new ManualClock();
  const breaker = openBreaker(clock);
  clock.advance(5_000);
  expect(breaker.tryAcquire()).toBe(true);
  breaker.released();
  expect(breaker.tryAcquire()).toBe(true);
});

test('a rate limit cools a model down without opening its circuit; a wrong request says nothing of it', () => {
  const clock = new ManualClock();
  const health = new ModelHealth(clock);
  const key = { upstream: 'a', model: 'm' };
  const limited = new GatewayError('upstream_rate_limited', 'slow down', { isRetryable: true, retryAfterSeconds: 7 });
  const refused = new GatewayError('upstream_refused', 'no', { isRetryable: false });
  for (let i = 0; i < 10; i++) {
    health.ended(key, limited);
    health.ended(key, refused);
  }
  expect(health.stateOf(key)).toMatchObject({ circuit: 'closed', retryInMs: 7_000 });
  clock.advance(7_000);
  expect(health.stateOf(key).retryInMs).toBe(0);
});

test('a server that is full and says when to come again is no failing one; without that word it is', () => {
  const health = new ModelHealth(new ManualClock());
  const fail = (retry: object, upstream: string) =>
    health.ended(
      { upstream, model: 'm' },
      new GatewayError('upstream_error', '503', { isRetryable: true, upstreamStatus: 503, ...retry }),
    );
  for (let i = 0; i < 10; i++) {
    fail({ retryAfterSeconds: 2 }, 'full');
    fail({}, 'failing');
  }
  expect(health.stateOf({ upstream: 'full', model: 'm' })).toMatchObject({ circuit: 'closed', retryInMs: 2_000 });
  expect(health.stateOf({ upstream: 'failing', model: 'm' }).circuit).toBe('open');
});
