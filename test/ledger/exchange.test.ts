import { describe, expect, it } from 'vitest';
import { packFeatures, unpackFeatures } from '../../src/contract/feature-values.ts';
import type { LedgerEntry, TokenCounts } from '../../src/contract/ledger-entry.ts';
import { Exchange } from '../../src/ledger/exchange.ts';
import { BusyTime } from '../../src/ledger/hardware.ts';
import { MemoryLedgerStore } from '../../src/ledger/memory-ledger-store.ts';
import { billingOf } from '../../src/ledger/price.ts';
import { NO_TOKENS } from '../../src/ledger/tokens.ts';
import { ManualClock } from '../support/manual-clock.ts';

const START = 1_700_000_000_000;
const free = { tier: 'small', upstream: 'local', model: 'nano', billing: billingOf(true, undefined) };
const paid = { tier: 'large', upstream: 'cloud', model: 'big', billing: billingOf(false, { input: 1, output: 10 }) };
const unpriced = { ...paid, model: 'new', billing: billingOf(false, undefined) };
const tokens = (promptTokens: number, completionTokens: number): TokenCounts => ({
  ...NO_TOKENS,
  promptTokens,
  completionTokens,
});

const setUp = () => {
  const clock = new ManualClock(START);
  const store = new MemoryLedgerStore();
  const errors: unknown[] = [];
  const exchange = new Exchange({
    id: 'req_1',
    endpoint: '/v1/chat/completions',
    arrivedAt: clock.now(),
    configVersion: 'c1',
    clock,
    store,
    onError: (error) => errors.push(error),
  });
  const entries = () => store.recent({ sinceMs: 0, limit: 10 });
  const entry = async () => (await entries())[0] as LedgerEntry;
  return { clock, exchange, entries, entry, errors };
};

describe('one exchange leaves exactly one entry', () => {
  it('when it succeeds', async () => {
    const { clock, exchange, entries } = setUp();
    exchange.note({ team: 'research', keyId: 'key_1', requestedModel: 'auto', route: 'default' });
    exchange.note({ tags: { app: 'chat' }, decision: { threshold: 0.55, routeLine: 7, featureValues: [1, 0.5] } });
    exchange.note({ difficulty: 0.2, reason: 'difficulty 0.20 < 0.55', classifierVersion: 'd1', isStream: true });
    exchange.note({ cache: 'miss', baseline: paid });
    clock.advance(2);
    const attempt = exchange.beginAttempt(free);
    clock.advance(30);
    attempt.firstToken();
    clock.advance(70);
    attempt.firstToken();
    attempt.finish({ outcome: 'ok', upstreamStatus: 200, tokens: tokens(100, 10) });
    attempt.finish({ outcome: 'error', tokens: tokens(1, 1) });
    clock.advance(1);
    await exchange.finish({ outcome: 'ok', status: 200 });
    expect(await entries()).toEqual([
      {
        id: 'req_1',
        clientRequestId: null,
        at: START,
        endpoint: '/v1/chat/completions',
        team: 'research',
        keyId: 'key_1',
        tags: { app: 'chat' },
        requestedModel: 'auto',
        route: 'default',
        tier: 'small',
        upstream: 'local',
        model: 'nano',
        difficulty: 0.2,
        reason: 'difficulty 0.20 < 0.55',
        configVersion: 'c1',
        classifierVersion: 'd1',
        isStream: true,
        cache: 'miss',
        outcome: 'ok',
        status: 200,
        errorCode: null,
        attempts: [
          {
            tier: 'small',
            upstream: 'local',
            model: 'nano',
            outcome: 'ok',
            errorCode: null,
            upstreamStatus: 200,
            isShown: true,
            tokens: tokens(100, 10),
            costNanoUsd: 0,
            costSplit: {
              inputNanoUsd: 0,
              cachedInputNanoUsd: 0,
              cacheWriteNanoUsd: 0,
              outputNanoUsd: 0,
              reasoningNanoUsd: 0,
            },
            priceVersion: null,
            hardwareNanoUsd: 0,
            energyWh: null,
            startedMs: 2,
            firstTokenMs: 30,
            totalMs: 100,
          },
        ],
        tokens: tokens(100, 10),
        costNanoUsd: 0,
        baselineUpstream: 'cloud',
        baselineModel: 'big',
        baselineNanoUsd: 200_000,
        savedNanoUsd: 200_000,
        hardwareNanoUsd: 0,
        fullSavedNanoUsd: 200_000,
        energyWh: null,
        wasteNanoUsd: 0,
        decision: { threshold: 0.55, routeLine: 7, featureValues: packFeatures([1, 0.5]) },
        request: null,
        cacheEntry: null,
        firstTokenMs: 32,
        totalMs: 103,
        overheadMs: 3,
      },
    ] satisfies LedgerEntry[]);
  });

  it('when it is refused before any upstream is asked', async () => {
    const { exchange, entry } = setUp();
    await exchange.finish({ outcome: 'refused', status: 401, errorCode: 'invalid_api_key' });
    expect(await entry()).toMatchObject({
      team: 'default',
      outcome: 'refused',
      status: 401,
      errorCode: 'invalid_api_key',
      attempts: [],
      costNanoUsd: 0,
      savedNanoUsd: 0,
    });
  });

  it('when every upstream fails', async () => {
    const { exchange, entries } = setUp();
    exchange.beginAttempt(free).finish({ outcome: 'error', errorCode: 'upstream_unreachable' });
    exchange.beginAttempt(paid).finish({ outcome: 'error', errorCode: 'upstream_error', upstreamStatus: 500 });
    await exchange.finish({ outcome: 'error', status: 502, errorCode: 'upstream_error' });
    expect(await entries()).toMatchObject([
      { outcome: 'error', tier: 'large', attempts: [{}, { upstreamStatus: 500 }] },
    ]);
  });

  it('when the client leaves: attempts still open are closed as aborted', async () => {
    const { clock, exchange, entries } = setUp();
    const attempt = exchange.beginAttempt(paid);
    clock.advance(5);
    await exchange.finish({ outcome: 'aborted', status: 499, errorCode: 'client_closed_request' });
    attempt.finish({ outcome: 'ok', tokens: tokens(1, 1) });
    expect(await entries()).toMatchObject([
      { outcome: 'aborted', costNanoUsd: 0, overheadMs: 0, attempts: [{ outcome: 'aborted', totalMs: 5 }] },
    ]);
  });

  it('when it is finished twice: the first word stands', async () => {
    const { exchange, entries } = setUp();
    const first = exchange.finish({ outcome: 'ok', status: 200 });
    expect(exchange.finish({ outcome: 'error', status: 500 })).toBe(first);
    await first;
    expect(await entries()).toMatchObject([{ outcome: 'ok', status: 200 }]);
  });
});

it('a store that rejects is told to onError and does not fail the request', async () => {
  const failure = new Error('disk full');
  const told: unknown[] = [];
  const exchange = new Exchange({
    id: 'req_2',
    endpoint: '/v1/chat/completions',
    arrivedAt: START,
    configVersion: 'c1',
    clock: new ManualClock(START),
    store: { append: () => Promise.reject(failure) },
    onError: (error, entry) => told.push(error, entry.id),
  });
  await exchange.finish({ outcome: 'ok', status: 200 });
  expect(told).toEqual([failure, 'req_2']);
});

describe('money', () => {
  it('sums over attempts, and only the served answer counts for the saving', async () => {
    const { exchange, entry } = setUp();
    exchange.note({ baseline: paid });
    exchange.beginAttempt(paid).finish({ outcome: 'error', tokens: tokens(100, 10) });
    exchange.beginAttempt(free).finish({ outcome: 'ok', tokens: { ...tokens(100, 20), isEstimated: true } });
    expect(exchange.totals).toMatchObject({ attempts: 2, costNanoUsd: 200_000, savedNanoUsd: 100_000 });
    await exchange.finish({ outcome: 'ok', status: 200 });
    expect(await entry()).toMatchObject({
      tier: 'small',
      wasteNanoUsd: 200_000,
      attempts: [{ isShown: false }, { isShown: true }],
      tokens: { promptTokens: 200, completionTokens: 30, isEstimated: true },
      costNanoUsd: 200_000,
      savedNanoUsd: 100_000,
    });
  });

  it('serves from the last attempt that succeeded, though a later one failed', async () => {
    const { exchange, entry } = setUp();
    exchange.beginAttempt(free).finish({ outcome: 'ok', tokens: tokens(10, 1) });
    exchange.beginAttempt(paid).finish({ outcome: 'error' });
    await exchange.finish({ outcome: 'ok', status: 200 });
    expect(await entry()).toMatchObject({ tier: 'small', upstream: 'local', model: 'nano' });
  });

  it('is unknown when an attempt with tokens has no price, and known when it has none', async () => {
    const { exchange } = setUp();
    exchange.beginAttempt(unpriced).finish({ outcome: 'error' });
    expect(exchange.totals.costNanoUsd).toBe(0);
    exchange.beginAttempt(unpriced).finish({ outcome: 'ok', tokens: tokens(1, 1) });
    exchange.beginAttempt(paid).finish({ outcome: 'ok', tokens: tokens(1, 1) });
    expect(exchange.totals).toMatchObject({ costNanoUsd: null, savedNanoUsd: null });
  });

  it('of a cache hit is zero, and its saving the whole answer', async () => {
    const { exchange, entry } = setUp();
    exchange.note({ cache: 'hit', tier: 'large', model: 'big', upstream: 'cloud', baseline: paid });
    exchange.note({ replayedTokens: tokens(100, 10) });
    await exchange.finish({ outcome: 'ok', status: 200 });
    expect(await entry()).toMatchObject({
      model: 'big',
      tokens: NO_TOKENS,
      costNanoUsd: 0,
      savedNanoUsd: 200_000,
      attempts: [],
    });
  });
});

describe("hardware of one's own", () => {
  const watts = { watts: 300, usdPerKwh: 0.4, usdPerHour: 3.6 };

  it('costs by its share of busy time, and lessens the full saving alone', async () => {
    const { clock, exchange, entry } = setUp();
    const hardware = { busy: new BusyTime(), cost: watts };
    exchange.note({ baseline: paid });
    const attempt = exchange.beginAttempt({ ...free, hardware });
    clock.advance(500);
    const other = hardware.busy.begin(clock.elapsed());
    clock.advance(1_000);
    attempt.serve();
    attempt.finish({ outcome: 'ok', tokens: tokens(1_000, 100) });
    expect(other(clock.elapsed())).toBe(500);
    await exchange.finish({ outcome: 'ok', status: 200 });
    // 1 s of 3.60 USD an hour, and 300 W for 1 s at 0.40 USD/kWh.
    const hardwareNanoUsd = 1_000_000 + 33_333;
    expect(await entry()).toMatchObject({
      costNanoUsd: 0,
      savedNanoUsd: 2_000_000,
      hardwareNanoUsd,
      fullSavedNanoUsd: 2_000_000 - hardwareNanoUsd,
      energyWh: 300 / 3_600,
    });
  });

  it('that routes.yaml does not price is unknown, and so is the full saving', async () => {
    const { exchange, entry } = setUp();
    exchange.note({ baseline: paid });
    const attempt = exchange.beginAttempt({ ...free, hardware: { busy: new BusyTime(), cost: null } });
    attempt.finish({ outcome: 'ok', tokens: tokens(100, 10) });
    await exchange.finish({ outcome: 'ok', status: 200 });
    expect(await entry()).toMatchObject({ savedNanoUsd: 200_000, hardwareNanoUsd: null, fullSavedNanoUsd: null });
  });
});

it('features come back as they were packed', () => {
  const values = [0, -1, 1.5, 3.25, 1e-3];
  expect(unpackFeatures(packFeatures(values))).toEqual(values.map(Math.fround));
});

describe('overhead', () => {
  it('leaves out the union of overlapping attempts and of waits for the client', () => {
    const { clock, exchange } = setUp();
    const endBody = exchange.beginWait();
    clock.advance(50);
    endBody();
    endBody();
    clock.advance(1);
    const first = exchange.beginAttempt(free);
    clock.advance(10);
    const second = exchange.beginAttempt(paid);
    clock.advance(10);
    first.finish({ outcome: 'aborted' });
    clock.advance(10);
    second.finish({ outcome: 'ok' });
    clock.advance(2);
    expect(exchange.totals).toMatchObject({ totalMs: 83, overheadMs: 3 });
    exchange.beginAttempt(paid);
    clock.advance(20);
    expect(exchange.totals).toMatchObject({ totalMs: 103, overheadMs: 3 });
  });
});
