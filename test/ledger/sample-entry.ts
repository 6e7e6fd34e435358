import type { AttemptRecord, LedgerEntry } from '../../src/contract/ledger-entry.ts';
import { addTokens, NO_TOKENS } from '../../src/ledger/tokens.ts';

/** An attempt that succeeded with 10 + 5 tokens for 1,000 nano-USD, but for what is given. */
export const sampleAttempt = (overrides: Partial<AttemptRecord> = {}): AttemptRecord => ({
  tier: 'large',
  upstream: 'cloud',
  model: 'big',
  outcome: 'ok',
  errorCode: null,
  upstreamStatus: 200,
  isShown: true,
  tokens: { ...NO_TOKENS, promptTokens: 10, cachedTokens: 2, completionTokens: 5, reasoningTokens: 1 },
  costNanoUsd: 1_000,
  costSplit: {
    inputNanoUsd: 400,
    cachedInputNanoUsd: 100,
    cacheWriteNanoUsd: 0,
    outputNanoUsd: 400,
    reasoningNanoUsd: 100,
  },
  hardwareNanoUsd: 0,
  energyWh: null,
  startedMs: 1.5,
  priceVersion: 'abc',
  firstTokenMs: 12.5,
  totalMs: 80.25,
  ...overrides,
});

/** An entry that agrees with its attempts, but for what is given. */
export const sampleEntry = (overrides: Partial<LedgerEntry> = {}): LedgerEntry => {
  const attempts = overrides.attempts ?? [sampleAttempt()];
  const served = attempts.at(-1);
  return {
    id: 'req_1',
    clientRequestId: null,
    at: 1_000,
    endpoint: '/v1/chat/completions',
    team: 'default',
    keyId: null,
    tags: {},
    requestedModel: 'auto',
    route: 'default',
    tier: served?.tier ?? null,
    upstream: served?.upstream ?? null,
    model: served?.model ?? null,
    difficulty: 0.7,
    reason: 'difficulty 0.70 >= 0.55',
    configVersion: 'c1',
    classifierVersion: 'd1',
    isStream: true,
    cache: 'miss',
    outcome: 'ok',
    status: 200,
    errorCode: null,
    attempts,
    tokens: attempts.reduce((sum, { tokens }) => addTokens(sum, tokens), NO_TOKENS),
    costNanoUsd: attempts.some(({ costNanoUsd }) => costNanoUsd === null)
      ? null
      : attempts.reduce((sum, { costNanoUsd }) => sum + (costNanoUsd ?? 0), 0),
    baselineUpstream: 'cloud',
    baselineModel: 'big',
    baselineNanoUsd: 1_000,
    savedNanoUsd: 0,
    hardwareNanoUsd: 0,
    fullSavedNanoUsd: 0,
    energyWh: null,
    wasteNanoUsd: 0,
    decision: { threshold: 0.55, routeLine: 12, featureValues: 'AAAAAA==' },
    request: {
      promptTokens: 9,
      answerTokens: null,
      needs: ['tools'],
      hasSystem: false,
      language: null,
      native: null,
      wishedRoute: null,
      wishedTier: null,
    },
    cacheEntry: null,
    firstTokenMs: 13,
    totalMs: 82,
    overheadMs: 1.75,
    ...overrides,
  };
};
