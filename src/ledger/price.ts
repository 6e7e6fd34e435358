import { createHash } from 'node:crypto';
import type { Price } from '../config/price-schema.ts';
import type { CostSplit, TokenCounts } from '../contract/ledger-entry.ts';
import type { NanoUsd } from '../lib/money.ts';

/** Prices as integers: pico-USD (1e-12 USD) for one token. 0.125 USD per million tokens is 125000. */
export type Rates = {
  inputPicoUsd: number;
  cachedInputPicoUsd: number;
  cacheWritePicoUsd: number;
  audioInputPicoUsd: number;
  outputPicoUsd: number;
  audioOutputPicoUsd: number;
};

/** `above`: the rates of the whole request where its prompt has more tokens than that; ascending. */
export type PriceRow = Rates & {
  above: ({ promptTokens: number } & Rates)[];
  /** Rates by the `service_tier` of the answer. What any other costs is unknown, `PLAIN_TIERS` excepted. */
  serviceTiers: Record<string, Rates>;
};

/** How the answers of one model are paid for. `unknown`: a paid model without a price; its cost is never taken as zero. */
export type Billing = { kind: 'free' } | { kind: 'priced'; row: PriceRow; version: string } | { kind: 'unknown' };

/** The billing of a model: with a price it is that; without one it is free or unknown. */
export const billingOf = (isFree: boolean, price: Price | undefined): Billing => {
  if (!price) return { kind: isFree ? 'free' : 'unknown' };
  const row = toPriceRow(price);
  return { kind: 'priced', row, version: priceVersion(row) };
};

/**
 * `{ input: 0.125, output: 10 }`, in USD per million tokens, as integers. Cached, written and audio input cost as input
 * by default, audio output as output.
 * @throws RangeError for a price with more than 6 decimals, which no integer of pico-USD can hold.
 */
export const toPriceRow = ({ above = [], serviceTiers = {}, ...price }: Price): PriceRow => ({
  ...toRates(price),
  above: above
    .map(({ promptTokens, ...rates }) => ({ promptTokens, ...toRates(rates) }))
    .sort((a, b) => a.promptTokens - b.promptTokens),
  serviceTiers: Object.fromEntries(Object.entries(serviceTiers).map(([tier, rates]) => [tier, toRates(rates)])),
});

const toRates = (price: Omit<Price, 'above' | 'serviceTiers'>): Rates => ({
  inputPicoUsd: toPicoUsd(price.input),
  cachedInputPicoUsd: toPicoUsd(price.cachedInput ?? price.input),
  cacheWritePicoUsd: toPicoUsd(price.cacheWrite ?? price.input),
  audioInputPicoUsd: toPicoUsd(price.audioInput ?? price.input),
  outputPicoUsd: toPicoUsd(price.output),
  audioOutputPicoUsd: toPicoUsd(price.audioOutput ?? price.output),
});

/** A name for the row, equal for equal prices: 12 hex digits of SHA-256. */
export const priceVersion = ({ above, serviceTiers, ...rates }: PriceRow): string =>
  createHash('sha256')
    .update([rates, ...above].map((each) => Object.values(each).join('/')).join(' ') + tiersText(serviceTiers))
    .digest('hex')
    .slice(0, 12);

const tiersText = (tiers: PriceRow['serviceTiers']): string =>
  Object.entries(tiers)
    .map(([tier, rates]) => ` ${tier}:${Object.values(rates).join('/')}`)
    .join('');

/** Exact integer nano-USD, rounded half up once, for all tokens together. */
export const costOf = (tokens: TokenCounts, row: PriceRow): NanoUsd => {
  const split = splitOf(tokens, row);
  return Object.values(split).reduce((sum, part) => sum + part, 0);
};

/**
 * The cost by class of tokens. Each class is rounded so that the classes add up to the cost, which is rounded half up
 * once: a class is what the rounded sum grows by when it is added.
 */
export const splitOf = (tokens: TokenCounts, row: PriceRow, serviceTier: string | null = null): CostSplit => {
  const rates =
    (serviceTier !== null && Object.hasOwn(row.serviceTiers, serviceTier)
      ? row.serviceTiers[serviceTier]
      : undefined) ??
    row.above.findLast(({ promptTokens }) => tokens.promptTokens > promptTokens) ??
    row;
  const { cachedTokens, cacheWriteTokens, audioPromptTokens, reasoningTokens, audioCompletionTokens } = tokens;
  const textInput = tokens.promptTokens - cachedTokens - cacheWriteTokens - audioPromptTokens;
  const textOutput = tokens.completionTokens - reasoningTokens - audioCompletionTokens;
  let exact = 0n;
  let rounded = 0n;
  const add = (picoUsd: bigint): NanoUsd => {
    exact += picoUsd;
    const before = rounded;
    rounded = (exact + 500n) / 1000n;
    return Number(rounded - before);
  };
  return {
    inputNanoUsd: add(price(textInput, rates.inputPicoUsd) + price(audioPromptTokens, rates.audioInputPicoUsd)),
    cachedInputNanoUsd: add(price(cachedTokens, rates.cachedInputPicoUsd)),
    cacheWriteNanoUsd: add(price(cacheWriteTokens, rates.cacheWritePicoUsd)),
    outputNanoUsd: add(price(textOutput, rates.outputPicoUsd) + price(audioCompletionTokens, rates.audioOutputPicoUsd)),
    reasoningNanoUsd: add(price(reasoningTokens, rates.outputPicoUsd)),
  };
};

const price = (tokens: number, picoUsd: number): bigint => BigInt(tokens) * BigInt(picoUsd);

const NOTHING: CostSplit = {
  inputNanoUsd: 0,
  cachedInputNanoUsd: 0,
  cacheWriteNanoUsd: 0,
  outputNanoUsd: 0,
  reasoningNanoUsd: 0,
};

/**
 * What providers call their ordinary service: `default` at OpenAI (`auto` is what may be asked for), `standard` at Anthropic
 * (https://docs.anthropic.com/en/api/service-tiers), `on_demand` at Groq (https://console.groq.com/docs/service-tiers).
 */
const PLAIN_TIERS: ReadonlySet<string> = new Set(['default', 'auto', 'standard', 'on_demand']);

/** Whether the row says what this answer costs: lists have no rates of a service tier for long prompts. */
const isPriced = ({ promptTokens }: TokenCounts, { serviceTiers, above }: PriceRow, tier: string | null): boolean =>
  tier === null ||
  (Object.hasOwn(serviceTiers, tier) ? !above.some((long) => promptTokens > long.promptTokens) : PLAIN_TIERS.has(tier));

/**
 * The cost by class; null when a paid model has no price, or none for the service tier of the answer. No tokens cost
 * nothing at any price, so then it is all 0.
 */
export const splitUnder = (
  tokens: TokenCounts,
  billing: Billing,
  serviceTier: string | null = null,
): CostSplit | null => {
  if (billing.kind === 'free' || tokens.promptTokens + tokens.completionTokens === 0) return NOTHING;
  const isKnown = billing.kind === 'priced' && isPriced(tokens, billing.row, serviceTier);
  return isKnown ? splitOf(tokens, billing.row, serviceTier) : null;
};

/** Integer nano-USD; null when a paid model has no price. */
export const costUnder = (tokens: TokenCounts, billing: Billing): NanoUsd | null => sumOf(splitUnder(tokens, billing));

export const sumOf = (split: CostSplit | null): NanoUsd | null =>
  split && Object.values(split).reduce((sum, part) => sum + part, 0);

/** 1 USD per million tokens is 1e6 pico-USD per token. Division is exactly rounded, so only k / 1e6 passes the check. */
const toPicoUsd = (usdPerMillion: number): number => {
  const picoUsd = Math.round(usdPerMillion * 1e6);
  if (Number.isSafeInteger(picoUsd) && picoUsd >= 0 && picoUsd / 1e6 === usdPerMillion) return picoUsd;
  throw new RangeError(`A price of ${usdPerMillion} USD per million tokens must be >= 0 with at most 6 decimals.`);
};
