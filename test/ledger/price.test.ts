import { describe, expect, it } from 'vitest';
import type { TokenCounts } from '../../src/contract/ledger-entry.ts';
import { billingOf, costOf, costUnder, priceVersion, splitOf, toPriceRow } from '../../src/ledger/price.ts';
import { NO_TOKENS } from '../../src/ledger/tokens.ts';

const tokens = (promptTokens: number, completionTokens = 0, cachedTokens = 0): TokenCounts => ({
  ...NO_TOKENS,
  promptTokens,
  completionTokens,
  cachedTokens,
});

/** mulberry32: the same numbers at every run. */
const randomFrom = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

describe('prices', () => {
  it.each([
    [0.125, 125_000],
    [0, 0],
    [0.000001, 1],
    [1.1, 1_100_000],
    [0.1 + 0.2 - 0.1, 200_000],
    [999_999.999999, 999_999_999_999],
  ])('%d USD per million tokens is %d pico-USD a token', (input, picoUsd) => {
    expect(toPriceRow({ input: Number(input.toFixed(6)), output: 0 }).inputPicoUsd).toBe(picoUsd);
  });

  it.each([0.0000001, 1.1234567, -1, Number.NaN, Number.POSITIVE_INFINITY])('%d is refused', (input) => {
    expect(() => toPriceRow({ input, output: 0 })).toThrow(/at most 6 decimals/);
  });

  it('has a version that changes with the price only', () => {
    const version = (input: number, cachedInput?: number) =>
      priceVersion(toPriceRow({ input, cachedInput, output: 2 }));
    expect(version(1)).toMatch(/^[0-9a-f]{12}$/);
    expect(version(1)).toBe(version(1, 1));
    expect(version(1)).not.toBe(version(1, 0.5));
  });
});

describe('cost', () => {
  it('rounds half up, once for the whole sum', () => {
    const row = toPriceRow({ input: 0.0005, output: 0.0005 });
    expect(row.inputPicoUsd).toBe(500);
    expect(costOf(tokens(1), row)).toBe(1);
    expect(costOf(tokens(1, 1), row)).toBe(1);
    expect(costOf(tokens(1), toPriceRow({ input: 0.000499, output: 0 }))).toBe(0);
    expect(costOf(tokens(3), row)).toBe(2);
  });

  it('bills cached input at its own price, or as input', () => {
    expect(costOf(tokens(1_000, 0, 400), toPriceRow({ input: 1, cachedInput: 0.1, output: 0 }))).toBe(640_000);
    expect(costOf(tokens(1_000, 0, 400), toPriceRow({ input: 1, output: 0 }))).toBe(1_000_000);
  });

  it('splits by class of tokens, each at its own price, to exactly the cost', () => {
    const row = toPriceRow({
      input: 1,
      cachedInput: 0.1,
      cacheWrite: 1.25,
      audioInput: 40,
      output: 8,
      audioOutput: 80,
    });
    const used = {
      ...NO_TOKENS,
      promptTokens: 1_000,
      cachedTokens: 400,
      cacheWriteTokens: 200,
      audioPromptTokens: 100,
      completionTokens: 50,
      reasoningTokens: 30,
      audioCompletionTokens: 5,
    };
    expect(splitOf(used, row)).toEqual({
      inputNanoUsd: 300_000 + 4_000_000,
      cachedInputNanoUsd: 40_000,
      cacheWriteNanoUsd: 250_000,
      outputNanoUsd: 15 * 8_000 + 5 * 80_000,
      reasoningNanoUsd: 240_000,
    });
    // 333 pico-USD a token: no class is a whole nano-USD, and the sum is rounded once all the same.
    const odd = toPriceRow({ input: 0.000333, output: 0.000333 });
    expect(splitOf({ ...NO_TOKENS, promptTokens: 2, cachedTokens: 1, completionTokens: 1 }, odd)).toMatchObject({
      inputNanoUsd: 0,
      cachedInputNanoUsd: 1,
      outputNanoUsd: 0,
    });
    expect(costOf(tokens(2, 1), odd)).toBe(1);
  });

  it('of a long prompt is at the rates for long prompts, all of it', () => {
    const row = toPriceRow({
      input: 1,
      output: 1,
      above: [
        { promptTokens: 500, input: 4, output: 4 },
        { promptTokens: 200, input: 2, output: 3 },
      ],
    });
    expect([200, 201, 500, 501].map((count) => costOf(tokens(count, 1), row))).toEqual([
      201_000, 405_000, 1_003_000, 2_008_000,
    ]);
  });

  it('is at the rates of the service tier that the answer names, where there are any', () => {
    const row = toPriceRow({ input: 1, output: 2, serviceTiers: { flex: { input: 0.5, output: 1 } } });
    const input = (tier: string | null) => splitOf(tokens(10), row, tier).inputNanoUsd;
    expect(['flex', 'default', 'constructor', null].map(input)).toEqual([5_000, 10_000, 10_000, 10_000]);
  });

  it('equals exact decimal arithmetic for random prices and counts', () => {
    const random = randomFrom(42);
    const integer = (below: number) => Math.floor(random() * below);
    for (let i = 0; i < 5_000; i++) {
      const scale = 10 ** integer(7);
      const [input, cachedInput, output] = [integer(2_000_000), integer(2_000_000), integer(2_000_000)].map(
        (digits) => digits / scale,
      ) as [number, number, number];
      const counts = tokens(integer(2_000_000), integer(200_000));
      counts.cachedTokens = integer(counts.promptTokens + 1);
      const nano = costOf(counts, toPriceRow({ input, cachedInput, output }));
      expect(BigInt(nano)).toBe(referenceCost(counts, [input, cachedInput, output]));
    }
  });
});

/** The same sum from the prices' decimal text, in units of 1e-12 USD. */
const referenceCost = (counts: TokenCounts, prices: number[]): bigint => {
  const [input = 0n, cached = 0n, output = 0n] = prices.map((price) => {
    const [whole = '0', fraction = ''] = price.toFixed(6).split('.');
    return BigInt(whole + fraction.padEnd(6, '0'));
  });
  const pico =
    input * BigInt(counts.promptTokens - counts.cachedTokens) +
    cached * BigInt(counts.cachedTokens) +
    output * BigInt(counts.completionTokens);
  return pico / 1000n + (pico % 1000n >= 500n ? 1n : 0n);
};

describe('billing', () => {
  const priced = billingOf(false, { input: 1, output: 1 });
  const unknown = billingOf(false, undefined);
  const free = billingOf(true, undefined);

  it('is zero for free models and unknown, never zero, for paid ones without a price', () => {
    expect(costUnder(tokens(10), free)).toBe(0);
    expect(costUnder(tokens(10), unknown)).toBeNull();
    expect(costUnder(tokens(0), unknown)).toBe(0);
    expect(costUnder(tokens(10), priced)).toBe(10_000);
    expect(billingOf(true, { input: 1, output: 1 }).kind).toBe('priced');
  });
});
