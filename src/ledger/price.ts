import { createHash } from 'node:crypto';
import type { Price } from '../config/schema.ts';
import type { TokenCounts } from '../contract/ledger-entry.ts';
import type { NanoUsd } from '../lib/money.ts';

/** A price as integers: pico-USD (1e-12 USD) for one token. 0.125 USD per million tokens is 125000. */
export type PriceRow = { inputPicoUsd: number; cachedInputPicoUsd: number; outputPicoUsd: number };

/** How the answers of one model are paid for. `unknown`: a paid model without a price; its cost is never taken as zero. */
export type Billing = { kind: 'free' } | { kind: 'priced'; row: PriceRow; version: string } | { kind: 'unknown' };

/** The billing of a model: what routes.yaml says of its price wins; without a price it is free or unknown. */
export const billingOf = (isFree: boolean, price: Price | undefined): Billing => {
  if (!price) return { kind: isFree ? 'free' : 'unknown' };
  const row = toPriceRow(price);
  return { kind: 'priced', row, version: priceVersion(row) };
};

/**
 * `{ input: 0.125, output: 10 }`, in USD per million tokens, as integers. Cached input costs as input by default.
 * @throws RangeError for a price with more than 6 decimals, which no integer of pico-USD can hold.
 */
export const toPriceRow = (price: Price): PriceRow => ({
  inputPicoUsd: toPicoUsd(price.input),
  cachedInputPicoUsd: toPicoUsd(price.cachedInput ?? price.input),
  outputPicoUsd: toPicoUsd(price.output),
});

/** A name for the row, equal for equal prices: 12 hex digits of SHA-256. */
export const priceVersion = (row: PriceRow): string =>
  createHash('sha256')
    .update(`${row.inputPicoUsd}/${row.cachedInputPicoUsd}/${row.outputPicoUsd}`)
    .digest('hex')
    .slice(0, 12);

/** Exact integer nano-USD, rounded half up once, for all tokens together. Cached input is billed at its own price. */
export const costOf = (tokens: TokenCounts, row: PriceRow): NanoUsd => {
  const picoUsd =
    BigInt(tokens.promptTokens - tokens.cachedTokens) * BigInt(row.inputPicoUsd) +
    BigInt(tokens.cachedTokens) * BigInt(row.cachedInputPicoUsd) +
    BigInt(tokens.completionTokens) * BigInt(row.outputPicoUsd);
  return Number((picoUsd + 500n) / 1000n);
};

/** Integer nano-USD; null when a paid model has no price. No tokens cost nothing at any price, so then it is 0. */
export const costUnder = (tokens: TokenCounts, billing: Billing): NanoUsd | null => {
  if (billing.kind === 'priced') return costOf(tokens, billing.row);
  return billing.kind === 'free' || tokens.promptTokens + tokens.completionTokens === 0 ? 0 : null;
};

/**
 * What `tokens` would have cost at the baseline, less what was paid: negative when we paid more.
 * @returns null when either is unknown.
 */
export const savedAgainst = (tokens: TokenCounts, cost: NanoUsd | null, baseline: Billing): NanoUsd | null => {
  const baselineCost = costUnder(tokens, baseline);
  return cost === null || baselineCost === null ? null : baselineCost - cost;
};

/** 1 USD per million tokens is 1e6 pico-USD per token. Division is exactly rounded, so only k / 1e6 passes the check. */
const toPicoUsd = (usdPerMillion: number): number => {
  const picoUsd = Math.round(usdPerMillion * 1e6);
  if (Number.isSafeInteger(picoUsd) && picoUsd >= 0 && picoUsd / 1e6 === usdPerMillion) return picoUsd;
  throw new RangeError(`A price of ${usdPerMillion} USD per million tokens must be >= 0 with at most 6 decimals.`);
};
