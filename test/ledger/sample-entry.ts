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
  tokens: { promptTokens: 10, cachedTokens: 2, completionTokens: 5, reasoningTokens: 1, isEstimated: false },
  costNanoUsd: 1_000,
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
    at: 1_000,
    endpoint: '/v1/chat/completions',
    team: 'default',
    keyId: null,
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
    savedNanoUsd: 0,
    firstTokenMs: 13,
    totalMs: 82,
    overheadMs: 1.75,
    ...overrides,
  };
};
