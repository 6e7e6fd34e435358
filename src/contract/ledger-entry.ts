import type { NanoUsd } from '../lib/money.ts';
import type { ErrorCode } from './errors.ts';
import type { CacheStatus } from './vocabulary.ts';

/**
 * Tokens of one answer. `promptTokens` includes `cachedTokens`; `completionTokens` includes `reasoningTokens`
 * (https://platform.openai.com/docs/api-reference/chat/object, `usage`).
 * `isEstimated`: counted by us because the upstream did not say.
 */
export type TokenCounts = {
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
  reasoningTokens: number;
  isEstimated: boolean;
};

/** How an attempt or an exchange ended. `aborted`: the client left. `refused`: by us, before any upstream was asked. */
export type Outcome = 'ok' | 'error' | 'aborted' | 'refused';

/** One call to one upstream made because of a decision. `costNanoUsd` null: the price of a paid model is unknown. */
export type AttemptRecord = {
  tier: string;
  upstream: string;
  model: string;
  /** `escalated`: broken off because the model was not sure enough, and a stronger one was asked. */
  outcome: Exclude<Outcome, 'refused'> | 'escalated';
  errorCode: ErrorCode | null;
  /** HTTP status of the upstream's answer; null when there was none. */
  upstreamStatus: number | null;
  tokens: TokenCounts;
  costNanoUsd: NanoUsd | null;
  priceVersion: string | null;
  /** Milliseconds from the call to its first content and to its end. */
  firstTokenMs: number | null;
  totalMs: number;
};

/** The stored row of one exchange: one request with its answer, whatever its end. Holds no prompt and no answer text. */
export type LedgerEntry = {
  /** `req_…`, also sent as `x-request-id`. */
  id: string;
  /** Unix milliseconds of arrival. */
  at: number;
  endpoint: string;
  team: string;
  /** Id of the virtual key; null for callers without one. */
  keyId: string | null;
  requestedModel: string | null;
  route: string | null;
  tier: string | null;
  upstream: string | null;
  model: string | null;
  difficulty: number | null;
  /** The `x-rightsize-reason` text. */
  reason: string;
  configVersion: string;
  classifierVersion: string | null;
  isStream: boolean;
  cache: CacheStatus;
  outcome: Outcome;
  /** HTTP status sent, or that would have been sent had the client stayed. */
  status: number;
  errorCode: ErrorCode | null;
  attempts: AttemptRecord[];
  /** Sum over the attempts. Zero on a cache hit. */
  tokens: TokenCounts;
  costNanoUsd: NanoUsd | null;
  /** Cost of the same tokens at the strongest tier's first priced model, less the cost. Null when either is unknown. */
  savedNanoUsd: NanoUsd | null;
  firstTokenMs: number | null;
  totalMs: number;
  /** `totalMs` less the time spent waiting for upstreams and for the client. */
  overheadMs: number;
};
