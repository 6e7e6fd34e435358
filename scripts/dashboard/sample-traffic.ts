import { packFeatures } from '../../src/contract/feature-values.ts';
import type { AttemptRecord, CostSplit, LedgerEntry } from '../../src/contract/ledger-entry.ts';
import { extractFeatures } from '../../src/difficulty/features.ts';
import { seededRandom } from '../../src/difficulty/seeded-random.ts';
import { addTokens, NO_TOKENS } from '../../src/ledger/tokens.ts';
import { newId } from '../../src/lib/id.ts';

/** Teams with how much of the traffic they send, and how demanding it is. */
const TEAMS = [
  { team: 'support', share: 0.46, lean: -0.14, tags: { app: 'helpdesk' } },
  { team: 'research', share: 0.22, lean: 0.12, tags: { app: 'notebooks' } },
  { team: 'platform', share: 0.2, lean: 0.05, tags: { app: 'ci-review' } },
  { team: 'marketing', share: 0.12, lean: -0.06, tags: { app: 'drafts' } },
];
const SMALL = { tier: 'small', upstream: 'local', model: 'qwen3-4b-q4' };
const LARGE = { tier: 'large', upstream: 'openai', model: 'gpt-5.1' };
/** Nano-USD per token, as of the list price of gpt-5.1 (1.25, 0.125 and 10 USD per million). */
const PRICE = { input: 1_250, cached: 125, output: 10_000 };
const THRESHOLD = 0.4;
const PROMPTS = [
  'What time does the store open on Sundays?',
  'Summarise this ticket in one sentence.',
  'Rewrite this email so that it sounds friendlier.',
  'Compare these two architectures and argue for one of them, with the trade-offs.',
  'Derive the closed form of this recurrence and prove it by induction.',
];

export type SampleOptions = { count: number; from: number; to: number; seed?: number };

/**
 * Ledger entries as a company of four teams would make them: busier by day and on workdays, an outage of the large
 * model in the middle, a cache that warms up. For screenshots and tests only; the same seed gives the same entries.
 */
export function* sampleTraffic({ count, from, to, seed = 7 }: SampleOptions): Generator<LedgerEntry> {
  const random = seededRandom(seed);
  const features = PROMPTS.map((text) =>
    packFeatures(
      extractFeatures({
        turns: [{ role: 'user', text }],
        toolCount: 0,
        imageCount: 0,
        wantsJson: false,
        reasoningEffort: null,
      }),
    ),
  );
  for (const at of arrivals(count, from, to, random)) {
    yield sampleRequest(at, (at - from) / (to - from), features, random);
  }
}

/** Moments that follow the hours of work, rising. */
const arrivals = (count: number, from: number, to: number, random: () => number): number[] => {
  const moments: number[] = [];
  while (moments.length < count) {
    const at = from + random() * (to - from);
    const date = new Date(at);
    const hour = date.getUTCHours() + date.getUTCMinutes() / 60;
    const byDay = Math.exp(-(((hour - 14) / 4.5) ** 2)) * 0.85 + 0.15;
    const isWeekend = [0, 6].includes(date.getUTCDay());
    if (random() < byDay * (isWeekend ? 0.35 : 1)) moments.push(Math.floor(at));
  }
  return moments.sort((a, b) => a - b);
};

const sampleRequest = (at: number, progress: number, features: string[], random: () => number): LedgerEntry => {
  const { team, lean, tags } = teamOf(random());
  const spread = (random() + random() + random()) / 3;
  const difficulty = Math.min(0.98, Math.max(0.02, 0.34 + lean + (spread - 0.5) * 0.9));
  const isHard = difficulty >= THRESHOLD;
  const isHit = random() < 0.04 + 0.14 * progress && !isHard;
  const isOutage = progress > 0.52 && progress < 0.55;
  const isUnsure = !isHard && !isHit && random() < 0.07;
  const promptTokens = Math.round(60 + random() ** 3 * 2_400);
  const completionTokens = Math.round(30 + random() ** 2 * 620);
  const cachedTokens = random() < 0.4 ? Math.floor(promptTokens * 0.6) : 0;
  const usage = { ...NO_TOKENS, promptTokens, cachedTokens, completionTokens };
  const attempts: AttemptRecord[] = [];
  if (!isHit) {
    if (!isHard) attempts.push(callOf(SMALL, isUnsure ? { ...usage, completionTokens: 24 } : usage, 0, random));
    if (isUnsure) Object.assign(attempts[0] as AttemptRecord, { outcome: 'escalated', isShown: false });
    if (isHard && isOutage) attempts.push(failedCall(random));
    if (isHard ? !isOutage : isUnsure) attempts.push(callOf(LARGE, usage, attempts.length > 0 ? 420 : 0, random));
    if (isHard && isOutage && random() < 0.9) attempts.push(callOf(SMALL, usage, 90, random));
  }
  const served = isHit ? SMALL : attempts.at(-1);
  const hasFailed = !isHit && attempts.at(-1)?.outcome === 'error';
  const costNanoUsd = sum(attempts.map((attempt) => attempt.costNanoUsd ?? 0));
  const hardwareNanoUsd = sum(attempts.map((attempt) => attempt.hardwareNanoUsd ?? 0));
  const baselineNanoUsd = hasFailed ? 0 : sum(Object.values(splitOf(usage)));
  const score = difficulty.toFixed(2);
  const totalMs = isHit ? 2 + random() : sum(attempts.map((attempt) => attempt.totalMs)) + 2;
  return {
    id: newId('req', at),
    clientRequestId: null,
    at,
    endpoint: '/v1/chat/completions',
    team,
    keyId: `key_${team}`,
    tags,
    requestedModel: 'auto',
    route: 'default',
    tier: served?.tier ?? null,
    upstream: served?.upstream ?? null,
    model: served?.model ?? null,
    difficulty: isHit ? null : difficulty,
    reason: isHit ? 'cache hit' : reasonOf(score, isHard, isUnsure, isOutage),
    configVersion: 'b41f0c2a97de',
    classifierVersion: isHit ? null : 'kinds-2-afc8279c',
    isStream: random() < 0.7,
    cache: isHit ? 'hit' : 'miss',
    outcome: hasFailed ? 'error' : 'ok',
    status: hasFailed ? 502 : 200,
    errorCode: hasFailed ? 'upstream_unreachable' : null,
    attempts,
    tokens: attempts.reduce((total, attempt) => addTokens(total, attempt.tokens), NO_TOKENS),
    costNanoUsd,
    baselineUpstream: LARGE.upstream,
    baselineModel: LARGE.model,
    baselineNanoUsd,
    savedNanoUsd: hasFailed ? 0 : baselineNanoUsd - costNanoUsd,
    hardwareNanoUsd,
    fullSavedNanoUsd: hasFailed ? 0 : baselineNanoUsd - costNanoUsd - hardwareNanoUsd,
    energyWh: sum(attempts.map((attempt) => attempt.energyWh ?? 0)),
    wasteNanoUsd: sum(attempts.filter(({ isShown }) => !isShown).map((attempt) => attempt.costNanoUsd ?? 0)),
    decision: isHit
      ? null
      : { threshold: THRESHOLD, routeLine: 18, featureValues: features[Math.floor(difficulty * 4.99)] ?? null },
    request: {
      promptTokens: promptTokens - 4,
      answerTokens: null,
      needs: [],
      native: null,
      hasSystem: true,
      language: null,
      wishedRoute: null,
      wishedTier: null,
    },
    cacheEntry: isHit ? { key: 'f3a9', ageMs: Math.round(random() * 3_000_000), similarity: null, guards: null } : null,
    firstTokenMs: isHit
      ? 1.4
      : sum(attempts.slice(0, -1).map((attempt) => attempt.totalMs)) + (attempts.at(-1)?.firstTokenMs ?? 0),
    totalMs,
    overheadMs: 0.6 + random() * 0.8,
  };
};

const teamOf = (drawn: number) => {
  let upTo = 0;
  for (const team of TEAMS) {
    upTo += team.share;
    if (drawn < upTo) return team;
  }
  return TEAMS[0] as (typeof TEAMS)[number];
};

const reasonOf = (score: string, isHard: boolean, isUnsure: boolean, isOutage: boolean): string => {
  if (isHard)
    return `difficulty ${score} >= 0.40${isOutage ? '; openai failed: upstream_unreachable; answered by small' : ''}`;
  return `difficulty ${score} < 0.40${isUnsure ? '; escalated: confidence 0.52 < 0.70 (logprobP10 -1.84); answered by large' : ''}`;
};

const splitOf = (tokens: AttemptRecord['tokens']): CostSplit => ({
  inputNanoUsd: (tokens.promptTokens - tokens.cachedTokens) * PRICE.input,
  cachedInputNanoUsd: tokens.cachedTokens * PRICE.cached,
  cacheWriteNanoUsd: 0,
  outputNanoUsd: tokens.completionTokens * PRICE.output,
  reasoningNanoUsd: 0,
});

const callOf = (
  model: typeof SMALL,
  tokens: AttemptRecord['tokens'],
  startedMs: number,
  random: () => number,
): AttemptRecord => {
  const isLarge = model === LARGE;
  const firstTokenMs = isLarge ? 380 + random() ** 2 * 900 : 45 + random() ** 2 * 160;
  const totalMs = firstTokenMs + tokens.completionTokens * (isLarge ? 11 : 9) * (0.8 + random() * 0.5);
  const costSplit = isLarge ? splitOf(tokens) : splitOf(NO_TOKENS);
  return {
    ...model,
    outcome: 'ok',
    errorCode: null,
    upstreamStatus: 200,
    isShown: true,
    tokens,
    costNanoUsd: sum(Object.values(costSplit)),
    costSplit,
    priceVersion: isLarge ? '2026-11-20' : null,
    hardwareNanoUsd: isLarge ? 0 : Math.round(totalMs * 9),
    energyWh: isLarge ? null : (totalMs / 3_600_000) * 65,
    startedMs,
    firstTokenMs,
    totalMs,
  };
};

const failedCall = (random: () => number): AttemptRecord => ({
  ...callOf(LARGE, NO_TOKENS, 0, random),
  outcome: 'error',
  errorCode: 'upstream_unreachable',
  upstreamStatus: null,
  isShown: false,
  firstTokenMs: null,
  totalMs: 80,
});

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
