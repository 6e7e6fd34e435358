import type { AttemptRecord, LedgerEntry } from '../contract/ledger-entry.ts';
import { isFromCache } from '../contract/vocabulary.ts';
import { addDifficulty, addDuration, type Histogram, mergeInto } from './histogram.ts';

/** What a roll-up is of; empty text where a request had none. */
export const DIMENSIONS = ['team', 'keyId', 'route', 'tier', 'upstream', 'model', 'cache', 'outcome'] as const;
export type Dimensions = Record<(typeof DIMENSIONS)[number], string>;

/** What it adds up. Requests count once, where they were served; tokens and money where each attempt was made. */
export const SUMS = [
  ...['requests', 'streamed', 'escalated', 'fellBack', 'estimated', 'unknownCosts', 'attempts'],
  ...['promptTokens', 'cachedTokens', 'completionTokens', 'costNanoUsd', 'baselineNanoUsd', 'savedNanoUsd'],
  ...['fullSavedNanoUsd', 'cacheSavedNanoUsd', 'wasteNanoUsd', 'hardwareNanoUsd', 'energyWh'],
] as const;
export type Sums = Record<
  | 'requests'
  | 'streamed'
  | 'escalated'
  | 'fellBack'
  | 'estimated'
  | 'unknownCosts'
  | 'attempts'
  | 'promptTokens'
  | 'cachedTokens'
  | 'completionTokens'
  | 'costNanoUsd'
  | 'baselineNanoUsd'
  | 'savedNanoUsd'
  | 'fullSavedNanoUsd'
  | 'cacheSavedNanoUsd'
  | 'wasteNanoUsd'
  | 'hardwareNanoUsd'
  | 'energyWh',
  number
>;

/** Everything of some requests that reports tell. */
export type Rollup = Dimensions & Sums & { histogram: Histogram };

export const NO_SUMS: Sums = Object.fromEntries(SUMS.map((name) => [name, 0])) as Sums;

/**
 * What one entry adds, by dimensions: one roll-up where it was served, and one for each other model that was asked for
 * it, with that model's tokens and money. So sums are the same whatever they are grouped by.
 */
export const rollupsOf = (entry: LedgerEntry): Rollup[] => {
  const { team, route, cache, outcome } = entry;
  const shared = { team, keyId: entry.keyId ?? '', route: route ?? '', cache, outcome };
  const served: Rollup = {
    ...shared,
    tier: entry.tier ?? '',
    upstream: entry.upstream ?? '',
    model: entry.model ?? '',
    ...NO_SUMS,
    histogram: new Map(),
  };
  addServed(served, entry);
  const all = [served];
  for (const attempt of entry.attempts) {
    let own = all.find(({ tier, upstream, model }) => isOf(attempt, tier, upstream, model));
    if (own === undefined) {
      const { tier, upstream, model } = attempt;
      own = { ...shared, tier, upstream, model, ...NO_SUMS, histogram: new Map() };
      all.push(own);
    }
    addAttempt(own, attempt);
  }
  return all;
};

const isOf = (attempt: AttemptRecord, tier: string, upstream: string, model: string): boolean =>
  attempt.tier === tier && attempt.upstream === upstream && attempt.model === model;

const addServed = (rollup: Rollup, entry: LedgerEntry): void => {
  const { attempts, outcome, difficulty, histogram } = { ...entry, histogram: rollup.histogram };
  const isHit = isFromCache(entry.cache);
  const isEscalated = attempts.some((attempt) => attempt.outcome === 'escalated');
  rollup.requests = 1;
  rollup.streamed = Number(entry.isStream);
  rollup.escalated = Number(isEscalated);
  rollup.fellBack = Number(outcome === 'ok' && attempts.some((attempt) => attempt.outcome === 'error'));
  rollup.estimated = Number(entry.tokens.isEstimated);
  rollup.unknownCosts = Number(entry.costNanoUsd === null);
  rollup.baselineNanoUsd = entry.baselineNanoUsd ?? 0;
  rollup.savedNanoUsd = entry.savedNanoUsd ?? 0;
  rollup.fullSavedNanoUsd = entry.fullSavedNanoUsd ?? 0;
  rollup.cacheSavedNanoUsd = isHit ? (entry.savedNanoUsd ?? 0) : 0;
  if (outcome === 'ok') {
    addDuration(histogram, 'total', entry.totalMs);
    if (entry.firstTokenMs !== null) addDuration(histogram, 'firstToken', entry.firstTokenMs);
  }
  addDuration(histogram, 'overhead', entry.overheadMs);
  if (difficulty === null) return;
  const became = isEscalated ? 'difficultyEscalated' : outcome === 'ok' ? 'difficultyAnswered' : 'difficultyFailed';
  addDifficulty(histogram, became, difficulty);
};

const addAttempt = (rollup: Rollup, { tokens, ...attempt }: AttemptRecord): void => {
  rollup.attempts++;
  rollup.promptTokens += tokens.promptTokens;
  rollup.cachedTokens += tokens.cachedTokens;
  rollup.completionTokens += tokens.completionTokens;
  rollup.costNanoUsd += attempt.costNanoUsd ?? 0;
  rollup.wasteNanoUsd += attempt.isShown ? 0 : (attempt.costNanoUsd ?? 0);
  rollup.hardwareNanoUsd += attempt.hardwareNanoUsd ?? 0;
  rollup.energyWh += attempt.energyWh ?? 0;
};

/** Adds `other` to `rollup`. */
export const addRollup = (rollup: Sums & { histogram: Histogram }, other: Sums & { histogram: Histogram }): void => {
  for (const name of SUMS) rollup[name as keyof Sums] += other[name as keyof Sums];
  mergeInto(rollup.histogram, other.histogram);
};

export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
/** Roll-ups are kept by hour and by day, in UTC. */
export const STEPS = { hour: HOUR_MS, day: DAY_MS } as const;
export type Step = keyof typeof STEPS;

export const stepStart = (at: number, step: Step): number => Math.floor(at / STEPS[step]) * STEPS[step];

/** A roll-up at its place in time. */
export type TimedRollup = Rollup & { step: Step; at: number };

/** One tag's roll-up: by team, for a team's own viewers, by what totals tell apart, and by nothing else. */
export type TagRollup = Sums &
  Pick<Rollup, 'team' | 'cache' | 'outcome' | 'histogram'> & { step: Step; at: number; tag: string; value: string };

/** Many entries added up by hour and by day. `admit` may replace a tag's value, to bound how many there are. */
export const rollUp = (
  entries: Iterable<LedgerEntry>,
  admit: (team: string, tag: string, value: string, at: number) => string | null,
): { rollups: TimedRollup[]; tags: TagRollup[] } => {
  const rollups = new Map<string, TimedRollup>();
  const tags = new Map<string, TagRollup>();
  for (const entry of entries) {
    const parts = rollupsOf(entry);
    for (const step of ['hour', 'day'] as const) {
      const at = stepStart(entry.at, step);
      for (const part of parts) {
        const key = [step, at, ...DIMENSIONS.map((name) => part[name])].join('\0');
        addTo(rollups, key, part, () => ({ ...part, step, at, ...NO_SUMS, histogram: new Map() }));
      }
      for (const [tag, given] of Object.entries(entry.tags)) {
        const value = admit(entry.team, tag, given, at);
        if (value === null) continue;
        const { team, cache, outcome } = entry;
        const key = [step, at, team, cache, outcome, tag, value].join('\0');
        for (const part of parts) {
          addTo(tags, key, part, () => ({
            step,
            at,
            team,
            cache,
            outcome,
            tag,
            value,
            ...NO_SUMS,
            histogram: new Map(),
          }));
        }
      }
    }
  }
  return { rollups: [...rollups.values()], tags: [...tags.values()] };
};

const addTo = <Kept extends Sums & { histogram: Histogram }>(
  kept: Map<string, Kept>,
  key: string,
  part: Rollup,
  make: () => Kept,
): void => {
  let own = kept.get(key);
  if (own === undefined) {
    own = make();
    kept.set(key, own);
  }
  addRollup(own, part);
};
