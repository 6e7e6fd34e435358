import type { NanoUsd } from '../lib/money.ts';
import type { ErrorCode } from './errors.ts';
import type { NativeForm } from './native-form.ts';
import type { CacheStatus } from './vocabulary.ts';

/**
 * Tokens of one answer. `promptTokens` includes `cachedTokens`, `cacheWriteTokens` and `audioPromptTokens`;
 * `completionTokens` includes `reasoningTokens` and `audioCompletionTokens`
 * (https://platform.openai.com/docs/api-reference/chat/object, `usage`).
 * `isEstimated`: counted by us because the upstream did not say.
 */
export type TokenCounts = {
  promptTokens: number;
  cachedTokens: number;
  /** Input that the provider put into its cache, billed apart by some. */
  cacheWriteTokens: number;
  audioPromptTokens: number;
  completionTokens: number;
  reasoningTokens: number;
  audioCompletionTokens: number;
  isEstimated: boolean;
};

/** A cost by class of tokens, in nano-USD; the five add up to it exactly. Audio counts in its direction. */
export type CostSplit = {
  inputNanoUsd: NanoUsd;
  cachedInputNanoUsd: NanoUsd;
  cacheWriteNanoUsd: NanoUsd;
  outputNanoUsd: NanoUsd;
  reasoningNanoUsd: NanoUsd;
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
  /** Whether its answer, or the beginning of it, is what the client got. */
  isShown: boolean;
  tokens: TokenCounts;
  costNanoUsd: NanoUsd | null;
  /** Null where the cost is unknown, or told by the provider as one sum. */
  costSplit: CostSplit | null;
  priceVersion: string | null;
  /** The hardware's cost by its share of busy time; 0 where it is not ours, null where routes.yaml does not tell. */
  hardwareNanoUsd: NanoUsd | null;
  energyWh: number | null;
  /** Milliseconds from the request's arrival to the call: what came before it, other attempts included. */
  startedMs: number;
  /** Milliseconds from the call to its first content and to its end. */
  firstTokenMs: number | null;
  totalMs: number;
};

/** What a decision turned on, so that it can be told and weighed again later. */
export type DecisionFacts = {
  /** The difficulty from which the strongest tier answers; null where difficulty did not decide. */
  threshold: number | null;
  /** Line of the route in routes.yaml; null for none. */
  routeLine: number | null;
  /**
   * The features that the classifier measured, packed (see `feature-values.ts`): reasons are worked out from them when
   * somebody asks. Null where difficulty did not decide.
   */
  featureValues: string | null;
};

/** What rules ask about a request; enough to decide it again without its text. */
export type StoredRequestFacts = {
  /** Estimated before any model was asked. */
  promptTokens: number;
  answerTokens: number | null;
  /** `tools`, `images`, `audio`, `json`. */
  needs: string[];
  hasSystem: boolean;
  /** ISO 639-1; null where no rule asked. */
  language: string | null;
  /** The wire format it came in, where that is not chat, and what of it chat cannot say. */
  native: Pick<NativeForm, 'api' | 'need'> | null;
  /** Route and tier that the client named by header. */
  wishedRoute: string | null;
  wishedTier: string | null;
};

/** The stored answer that was served. */
export type CacheFacts = {
  /** Hash of the entry's key. */
  key: string;
  ageMs: number;
  /** 0 to 1, and what else was checked, for answers to requests that mean the same; null for identical ones. */
  similarity: number | null;
  guards: string[] | null;
};

/** The stored row of one exchange: one request with its answer, whatever its end. Holds no prompt and no answer text. */
export type LedgerEntry = {
  /** `req_…`, also sent as `x-request-id`. */
  id: string;
  /** What the client calls it, up to 128 visible ASCII characters; not unique. Null where it gave it no name. */
  clientRequestId: string | null;
  /** Unix milliseconds of arrival. */
  at: number;
  endpoint: string;
  team: string;
  /** Id of the virtual key; null for callers without one. */
  keyId: string | null;
  /** From the virtual key and the request's `metadata`; bounded by `tagsOf`. */
  tags: Record<string, string>;
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
  /** The strongest tier's first priced model, and what the served answer's tokens cost there; null where unknown. */
  baselineUpstream: string | null;
  baselineModel: string | null;
  baselineNanoUsd: NanoUsd | null;
  /** Marginal saving: the baseline's cost less the cost. Null when either is unknown. */
  savedNanoUsd: NanoUsd | null;
  /** Sum over the attempts of what one's own hardware cost; null when any is unknown. */
  hardwareNanoUsd: NanoUsd | null;
  /** Full saving: the marginal one less the hardware's cost. Null when either is unknown. */
  fullSavedNanoUsd: NanoUsd | null;
  energyWh: number | null;
  /** Cost of attempts whose answer nobody was shown; unknown costs are left out. */
  wasteNanoUsd: NanoUsd;
  /** Null where the request ended before it was decided. */
  decision: DecisionFacts | null;
  request: StoredRequestFacts | null;
  cacheEntry: CacheFacts | null;
  firstTokenMs: number | null;
  totalMs: number;
  /** `totalMs` less the time spent waiting for upstreams and for the client. */
  overheadMs: number;
};
