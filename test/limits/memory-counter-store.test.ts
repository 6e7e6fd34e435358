import { beforeEach, describe, expect, test } from 'vitest';
import type { Reservation } from '../../src/limits/counter-store.ts';
import { MemoryCounterStore } from '../../src/limits/memory-counter-store.ts';
import { ManualClock } from '../support/manual-clock.ts';

let clock: ManualClock;
let counters: MemoryCounterStore;
beforeEach(() => {
  clock = new ManualClock(1_700_000_000_000);
  counters = new MemoryCounterStore(clock);
});

const reservation = (overrides: Partial<Reservation> = {}): Reservation => ({
  subject: 'team:a',
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
  tokens: 10,
  ...overrides,
});

describe('requests per minute', () => {
  const limited = reservation({ requestsPerMinute: 3 });

  test('concurrent requests cannot pass the limit together', async () => {
    const results = await Promise.all(Array.from({ length: 50 }, () => counters.reserve(limited)));
    expect(results.filter(({ isAdmitted }) => isAdmitted)).toHaveLength(3);
  });

  test('the window slides: each request frees its place a minute after its own admission', async () => {
    for (let request = 0; request < 3; request++) {
      expect(await counters.reserve(limited)).toMatchObject({ isAdmitted: true });
      clock.advance(10_000);
    }
    // Admitted at 0, 10 and 20 s; now it is 30 s.
    expect(await counters.reserve(limited)).toEqual({
      isAdmitted: false,
      exceeded: 'requests',
      limit: 3,
      retryAfterMs: 30_000,
    });
    clock.advance(29_999);
    expect(await counters.reserve(limited)).toMatchObject({ isAdmitted: false, retryAfterMs: 1 });
    clock.advance(1);
    expect(await counters.reserve(limited)).toMatchObject({ isAdmitted: true });
    expect(await counters.reserve(limited)).toMatchObject({ isAdmitted: false, retryAfterMs: 10_000 });
  });

  test('in no minute, wherever it begins, are more admitted than allowed', async () => {
    const admittedAt: number[] = [];
    for (let tick = 0; tick < 600; tick++) {
      if ((await counters.reserve(limited)).isAdmitted) admittedAt.push(clock.elapsed());
      clock.advance(700);
    }
    for (const start of admittedAt) {
      expect(admittedAt.filter((at) => at >= start && at < start + 60_000).length).toBeLessThanOrEqual(3);
    }
    expect(admittedAt.length).toBeGreaterThanOrEqual(3 * 6);
  });

  test('waiting as long as it said is enough', async () => {
    for (let request = 0; request < 20; request++) {
      const result = await counters.reserve(limited);
      if (!result.isAdmitted) {
        clock.advance(result.retryAfterMs);
        expect(await counters.reserve(limited)).toMatchObject({ isAdmitted: true });
      }
      clock.advance(7_000);
    }
  });

  test('subjects do not touch each other', async () => {
    for (let request = 0; request < 3; request++) await counters.reserve(limited);
    expect(await counters.reserve({ ...limited, subject: 'team:b' })).toMatchObject({ isAdmitted: true });
  });
});

describe('tokens per minute', () => {
  const limited = (tokens: number) => reservation({ tokensPerMinute: 100, tokens });

  test('estimates count until they are settled by the truth', async () => {
    const first = await counters.reserve(limited(90));
    expect(await counters.reserve(limited(20))).toMatchObject({ isAdmitted: false, exceeded: 'tokens', limit: 100 });
    if (first.isAdmitted) await counters.settle(limited(90), first.reservationId, 40);
    expect(await counters.reserve(limited(60))).toMatchObject({ isAdmitted: true });
    expect(await counters.reserve(limited(1))).toMatchObject({ isAdmitted: false });
  });

  test('a request that used more than its estimate leaves less for the next', async () => {
    const first = await counters.reserve(limited(10));
    if (first.isAdmitted) await counters.settle(limited(10), first.reservationId, 100);
    expect(await counters.reserve(limited(1))).toMatchObject({ isAdmitted: false, retryAfterMs: 60_000 });
  });

  test('a settlement of zero gives everything back', async () => {
    const first = await counters.reserve(limited(100));
    if (first.isAdmitted) await counters.settle(limited(100), first.reservationId, 0);
    expect(await counters.reserve(limited(100))).toMatchObject({ isAdmitted: true });
  });

  test('a settlement after its minute changes nothing', async () => {
    const first = await counters.reserve(limited(50));
    clock.advance(60_000);
    await counters.reserve(limited(50));
    if (first.isAdmitted) await counters.settle(limited(50), first.reservationId, 0);
    expect(await counters.reserve(limited(51))).toMatchObject({ isAdmitted: false });
    expect(await counters.reserve(limited(50))).toMatchObject({ isAdmitted: true });
  });

  test('says to wait until enough tokens are freed, not just some', async () => {
    for (const tokens of [10, 60, 30]) {
      await counters.reserve(limited(tokens));
      clock.advance(1_000);
    }
    // 10 leave at 60 s, 60 more at 61 s; 50 fit only then. Now it is 3 s.
    expect(await counters.reserve(limited(50))).toMatchObject({ isAdmitted: false, retryAfterMs: 58_000 });
  });

  test('concurrent requests cannot pass the limit together', async () => {
    const results = await Promise.all(Array.from({ length: 50 }, () => counters.reserve(limited(30))));
    expect(results.filter(({ isAdmitted }) => isAdmitted)).toHaveLength(3);
  });

  test('a request that was refused counts nothing', async () => {
    for (let request = 0; request < 5; request++) await counters.reserve(limited(101));
    expect(await counters.reserve(limited(100))).toMatchObject({ isAdmitted: true });
  });
});
