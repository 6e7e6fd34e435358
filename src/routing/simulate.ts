import type { PolicyFigures, Simulation } from '../contract/admin/simulate.ts';
import { GatewayError } from '../contract/errors.ts';
import type { AttemptRecord, LedgerEntry, TokenCounts } from '../contract/ledger-entry.ts';
import { isFromCache } from '../contract/vocabulary.ts';
import type { DifficultyClassifier } from '../difficulty/classifier.ts';
import { CostPace } from './cost-pace.ts';
import { decide } from './decide.ts';
import type { Candidate, Capability, RoutingTable } from './routing-table.ts';
import { selectRoute } from './select-route.ts';
import { ShareThresholds } from './share-thresholds.ts';
import { thresholdOf } from './threshold.ts';

export type SimulateOptions = {
  /** Oldest first. */
  entries: readonly LedgerEntry[];
  isSample: boolean;
  table: RoutingTable;
  classifier: Pick<DifficultyClassifier, 'typicalDifficulties' | 'thresholdForQuality'>;
  /** Thresholds to use in place of a route's own, by its name. */
  thresholds: Readonly<Record<string, number>>;
  /** Integer nano-USD; null where the model has no price. */
  costOf(tokens: TokenCounts, candidate: Candidate): number | null;
};

/** One request as it was, and as it would be. */
type Replayed = { team: string; before: Outcome; after: Outcome };
type Outcome = { costNanoUsd: number | null; isSmall: boolean; quality: number | null; totalMs: number };

/**
 * What-if: decides the requests of a ledger again by other rules. Pure. A request is taken with the tokens it used, at
 * the price of the model that would answer; with that model's median time in the same history where another model
 * would answer; and with the share of escalations seen at the tier that would be asked first. Every upstream counts as
 * well, and each request as the first of its conversation. Answers from the cache, requests without an answer and those
 * whose facts the entry lacks are left out, and told.
 */
export const simulate = (options: SimulateOptions): Simulation => {
  const { entries, isSample } = options;
  const known = historyOf(entries);
  const shares = new ShareThresholds(options.classifier.typicalDifficulties);
  let at = 0;
  const pace = new CostPace({ now: () => at }, async () => new Map());
  const replayed: Replayed[] = [];
  const leftOut: Record<string, number> = {};
  for (const entry of entries) {
    at = entry.at;
    const result = replay(entry, options, known, { shares, pace });
    if (typeof result === 'string') leftOut[result] = (leftOut[result] ?? 0) + 1;
    else replayed.push(result);
  }
  const teams = [...Map.groupBy(replayed, ({ team }) => team)].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    replayed: replayed.length,
    leftOut,
    isSample,
    ...figuresOf(replayed),
    byTeam: teams.map(([team, own]) => ({ team, ...figuresOf(own) })),
  };
};

/**
 * One route's own requests at each of some thresholds: what `simulate` says of them, without deciding each request for
 * each threshold, since a threshold only tells on which side of it a request lies. `entries` are those of all routes.
 */
export const simulateThresholds = (
  options: Omit<SimulateOptions, 'thresholds' | 'isSample'>,
  route: string,
  thresholds: readonly number[],
): PolicyFigures[] => {
  const known = historyOf(options.entries);
  const state = {
    shares: new ShareThresholds(options.classifier.typicalDifficulties),
    pace: new CostPace({ now: () => 0 }, async () => new Map()),
  };
  const sides = options.entries.flatMap((entry) => {
    if (entry.route !== route) return [];
    const at = (threshold: number) =>
      replay(entry, { ...options, isSample: false, thresholds: { [route]: threshold } }, known, state);
    const [hard, easy] = [at(0), at(Number.POSITIVE_INFINITY)];
    if (typeof hard === 'string' || typeof easy === 'string') return [];
    return [{ difficulty: entry.difficulty ?? 0, hard: hard.after, easy: easy.after }];
  });
  return thresholds.map((threshold) =>
    policyFigures(sides.map(({ difficulty, hard, easy }) => (difficulty >= threshold ? hard : easy))),
  );
};

type Known = { medianMs: Map<string, number>; escalations: Map<string, number> };

/** Median time of each model, and the share of answers of each tier that were escalated. */
const historyOf = (entries: readonly LedgerEntry[]): Known => {
  const times = new Map<string, number[]>();
  const asked = new Map<string, { all: number; escalated: number }>();
  for (const { attempts, totalMs } of entries) {
    for (const { tier, outcome, isShown, ...attempt } of attempts) {
      if (isShown) {
        const own = times.get(nameOf(attempt)) ?? [];
        own.push(totalMs);
        times.set(nameOf(attempt), own);
      }
      const counts = asked.get(tier) ?? { all: 0, escalated: 0 };
      if (isShown || outcome === 'escalated') counts.all++;
      if (outcome === 'escalated') counts.escalated++;
      asked.set(tier, counts);
    }
  }
  return {
    medianMs: new Map([...times].map(([name, own]) => [name, percentile(Float64Array.from(own).sort(), 0.5) ?? 0])),
    escalations: new Map([...asked].map(([tier, { all, escalated }]) => [tier, all === 0 ? 0 : escalated / all])),
  };
};

const nameOf = ({ upstream, model }: Pick<AttemptRecord, 'upstream' | 'model'>): string => `${upstream}/${model}`;

const replay = (
  entry: LedgerEntry,
  { table, classifier, thresholds, costOf }: SimulateOptions,
  known: Known,
  { shares, pace }: { shares: ShareThresholds; pace: CostPace },
): Replayed | string => {
  const { request, difficulty, requestedModel, attempts, team } = entry;
  const shown = attempts.find(({ isShown }) => isShown);
  if (isFromCache(entry.cache)) return 'answered from the cache';
  if (entry.outcome !== 'ok' || shown === undefined) return 'not answered';
  if (request === null || requestedModel === null) return 'facts of the request not stored';
  const facts = { ...request, native: request.native ?? null, needs: new Set(request.needs as Capability[]) };
  const wishes = { model: requestedModel, team, route: request.wishedRoute, tier: request.wishedTier, at: entry.at };
  try {
    const selection = selectRoute(table, wishes, facts);
    const { route } = selection;
    if (route?.difficulty !== undefined && difficulty === null) return 'difficulty not measured';
    const given = route === null ? undefined : thresholds[route.name];
    const threshold =
      route?.difficulty !== undefined && given !== undefined
        ? given
        : thresholdOf(route, difficulty ?? 0, { shares, pace, classifier });
    const decision = decide({
      table,
      selection,
      facts,
      requestedModel,
      difficulty: difficulty ?? 0,
      threshold,
      states: new Map(
        table.tiers.flatMap(({ candidates }) =>
          candidates.map(({ upstream }) => [upstream, { state: 'ready', detail: 'ready' }] as const),
        ),
      ),
      health: new Map(),
      session: null,
      isObserved: route?.mode === 'observe',
      random: drawOf(entry.id),
    });
    const first = decision.attempts[0] as Candidate;
    const weakest = table.tiers[0]?.name;
    const strongest = table.tiers.at(-1)?.name;
    const qualityAt = (tier: string) => (difficulty === null ? null : tier === strongest ? 1 : 1 - difficulty);
    const before: Outcome = {
      costNanoUsd: entry.costNanoUsd,
      isSmall: shown.tier === weakest,
      quality: qualityAt(shown.tier),
      totalMs: entry.totalMs,
    };
    const own = costOf(shown.tokens, first);
    pace.observe({ ...entry, tier: first.tier, costNanoUsd: own }, strongest ?? '');
    const isUnchanged = attempts[0]?.tier === first.tier && nameOf(attempts[0]) === nameOf(first);
    if (isUnchanged) return { team, before, after: withPrices(before, entry, table, costOf) };
    const stronger = decision.attempts.find(({ tier }) => rankOf(table, tier) > rankOf(table, first.tier));
    const rate =
      route?.escalate !== undefined && selection.forcedTier === null && stronger !== undefined
        ? (known.escalations.get(first.tier) ?? 0)
        : 0;
    const again = rate === 0 || stronger === undefined ? 0 : costOf(shown.tokens, stronger);
    const quality = qualityAt(first.tier);
    return {
      team,
      before,
      after: {
        costNanoUsd: own === null || again === null ? null : own + Math.round(rate * again),
        isSmall: first.tier === weakest && rate < 0.5,
        quality: quality === null ? null : quality + rate * (1 - quality),
        totalMs: known.medianMs.get(nameOf(first)) ?? entry.totalMs,
      },
    };
  } catch (error) {
    if (error instanceof GatewayError) return `refused by the new rules: ${error.code}`;
    throw error;
  }
};

/** The same attempts at the prices of the new rules; as they were where those do not know a model. */
const withPrices = (
  before: Outcome,
  { attempts }: LedgerEntry,
  table: RoutingTable,
  costOf: SimulateOptions['costOf'],
): Outcome => {
  const costs = attempts.map((attempt) => {
    const candidate = table.candidates.find(
      ({ tier, ...other }) => tier === attempt.tier && nameOf(other) === nameOf(attempt),
    );
    return candidate === undefined ? attempt.costNanoUsd : costOf(attempt.tokens, candidate);
  });
  return {
    ...before,
    costNanoUsd: costs.reduce<number | null>((sum, cost) => (sum === null || cost === null ? null : sum + cost), 0),
  };
};

const rankOf = ({ tiers }: RoutingTable, name: string): number => tiers.findIndex((tier) => tier.name === name);

/** A number in [0, 1) that is the same for the same request: its id is random already. */
const drawOf = (id: string): number => {
  let hash = 2_166_136_261;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 16_777_619);
  return (hash >>> 0) / 2 ** 32;
};

const figuresOf = (replayed: Replayed[]): { before: PolicyFigures; after: PolicyFigures } => ({
  before: policyFigures(replayed.map(({ before }) => before)),
  after: policyFigures(replayed.map(({ after }) => after)),
});

const policyFigures = (outcomes: Outcome[]): PolicyFigures => {
  const qualities = outcomes.flatMap(({ quality }) => (quality === null ? [] : [quality]));
  const times = Float64Array.from(outcomes, ({ totalMs }) => totalMs).sort();
  return {
    requests: outcomes.length,
    costNanoUsd: outcomes.reduce((sum, { costNanoUsd }) => sum + (costNanoUsd ?? 0), 0),
    unknownCosts: outcomes.filter(({ costNanoUsd }) => costNanoUsd === null).length,
    smallShare: outcomes.length === 0 ? 0 : outcomes.filter(({ isSmall }) => isSmall).length / outcomes.length,
    expectedQuality:
      qualities.length === 0 ? null : qualities.reduce((sum, value) => sum + value, 0) / qualities.length,
    p50Ms: percentile(times, 0.5),
    p95Ms: percentile(times, 0.95),
  };
};

const percentile = (sorted: Float64Array, quantile: number): number | null =>
  sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)] ?? null;
