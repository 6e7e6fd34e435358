import { beforeEach, expect, test } from 'vitest';
import { GatewayError } from '../../src/contract/errors.ts';
import { CallLimits } from '../../src/upstreams/call-limits.ts';
import { ManualClock } from '../support/manual-clock.ts';

const TIMEOUTS = { connect: 1_000, firstByte: 10_000, idle: 5_000, total: 60_000 };

let clock: ManualClock;
let client: AbortController;
beforeEach(() => {
  clock = new ManualClock();
  client = new AbortController();
});
const limitsOf = (isStream: boolean) =>
  new CallLimits({ timeouts: TIMEOUTS, clock, upstream: 'up', client: client.signal, isStream });
const codeOf = ({ signal }: CallLimits) => (signal.aborted ? (signal.reason as GatewayError).code : null);

test('a stream may think in silence until its first content, and no longer than its first-byte limit', () => {
  const limits = limitsOf(true);
  limits.activity();
  clock.advance(9_999);
  expect(codeOf(limits)).toBeNull();
  clock.advance(1);
  expect(codeOf(limits)).toBe('upstream_first_byte_timeout');
});

test('after its first content only silence and the total are limited', () => {
  const limits = limitsOf(true);
  limits.activity();
  clock.advance(9_000);
  limits.content();
  limits.activity();
  for (let second = 0; second < 10; second++) {
    clock.advance(4_999);
    limits.activity();
  }
  expect(codeOf(limits)).toBeNull();
  clock.advance(0);
  clock.advance(5_000);
  expect(codeOf(limits)).toMatch(/upstream_(idle|total)_timeout/);
});

test('silence counts from the last bytes, to the millisecond', () => {
  const limits = limitsOf(false);
  limits.activity();
  clock.advance(3_000);
  limits.activity();
  clock.advance(4_999);
  expect(codeOf(limits)).toBeNull();
  clock.advance(1);
  expect(codeOf(limits)).toBe('upstream_idle_timeout');
});

test('time in which the client takes no more is not the upstream’s silence', () => {
  const limits = limitsOf(true);
  limits.content();
  limits.activity();
  limits.pause();
  clock.advance(50_000);
  expect(codeOf(limits)).toBeNull();
  limits.activity();
  clock.advance(4_999);
  expect(codeOf(limits)).toBeNull();
  clock.advance(5_000);
  expect(codeOf(limits)).toBe('upstream_idle_timeout');
});

test('a plain answer is limited by its total until its first bytes', () => {
  const limits = limitsOf(false);
  clock.advance(59_999);
  expect(codeOf(limits)).toBeNull();
  clock.advance(1);
  expect(codeOf(limits)).toBe('upstream_total_timeout');
});

test('the client’s leaving ends the call with the client’s reason, even before it began', () => {
  const limits = limitsOf(true);
  const reason = new GatewayError('client_closed_request', 'left');
  client.abort(reason);
  expect(limits.signal.reason).toBe(reason);
  expect(limitsOf(true).signal.reason).toBe(reason);
});

test('nothing happens after release', () => {
  const limits = limitsOf(true);
  limits.activity();
  limits.content();
  limits.activity();
  limits.release();
  clock.advance(1_000_000);
  client.abort(new GatewayError('client_closed_request', 'left'));
  expect(limits.signal.aborted).toBe(false);
});
