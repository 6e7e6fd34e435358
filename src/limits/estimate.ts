import type { NanoUsd } from '../lib/money.ts';

/** What an answer is taken for where the client sets no limit to it. */
const DEFAULT_ANSWER_TOKENS = 1_024;

/** What a request may use at most, as far as can be told before it is asked. */
export type Estimate = {
  promptTokens: number;
  completionTokens: number;
  /** Whether the client set no limit to its answer. */
  isGuessed: boolean;
};

/** @param answerTokens the client's own limit; null without one. @param choices answers asked for, `n`. */
export const estimateTokens = (promptTokens: number, answerTokens: number | null, choices: number): Estimate => ({
  promptTokens,
  completionTokens: (answerTokens ?? DEFAULT_ANSWER_TOKENS) * choices,
  isGuessed: answerTokens === null,
});

/** Tokens to count against a limit. A guess alone never makes a request larger than the limit. */
export const tokensWithin = (limit: number, { promptTokens, completionTokens, isGuessed }: Estimate): number => {
  const tokens = promptTokens + completionTokens;
  return isGuessed ? Math.max(promptTokens, Math.min(tokens, limit)) : tokens;
};

/**
 * What a plan may cost. Without escalation one model answers, so it is the dearest model that may be reached. With it an
 * unsure answer is paid for and then a stronger tier's as well: the dearest model of each tier, added up. A model that
 * fails halfway costs more than that; it is counted when the request is settled.
 * @param priceOf null for a paid model without a price, which adds nothing.
 */
export const estimateCost = <Model extends { tier: string }>(
  attempts: readonly Model[],
  estimate: Estimate,
  isEscalating: boolean,
  priceOf: (model: Model, estimate: Estimate) => NanoUsd | null,
): NanoUsd => {
  const dearest = new Map<string, NanoUsd>();
  for (const model of attempts) {
    const group = isEscalating ? model.tier : 'any';
    dearest.set(group, Math.max(dearest.get(group) ?? 0, priceOf(model, estimate) ?? 0));
  }
  return [...dearest.values()].reduce((sum, cost) => sum + cost, 0);
};
