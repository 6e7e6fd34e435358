import type { RouteConfig } from '../config/schema.ts';
import { GatewayError } from '../contract/errors.ts';
import { AUTO_MODEL } from '../contract/vocabulary.ts';
import type { UpstreamState } from '../upstreams/upstream.ts';
import type { Decision } from './decision.ts';
import type { RequestFacts } from './request-facts.ts';
import type { Candidate, RoutingTable, Tier } from './routing-table.ts';
import type { Selection } from './select-route.ts';

export type DecideInput = {
  table: RoutingTable;
  selection: Selection;
  facts: RequestFacts;
  /** Model name as the client sent it. */
  requestedModel: string;
  difficulty: number;
  /** The difficulty from which the strongest tier answers; null where the route does not ask for difficulty. */
  threshold: number | null;
  /** State of each upstream by name, at this moment. */
  states: ReadonlyMap<string, UpstreamState>;
  /** A number in [0, 1) that settles the weighted choice among the models of a tier. */
  random: number;
};

/**
 * The plan for a request: which tier, which models in which order, and why. Pure: the same input, the same plan.
 * @throws GatewayError `no_upstream_available` when nothing that could answer is configured and able.
 */
export const decide = (input: DecideInput): Decision => {
  const { selection, table } = input;
  if (selection.pinned !== null) {
    const { pinned } = selection;
    return plan(input, {
      route: 'direct',
      tier: tierNamed(table, pinned.tier),
      threshold: null,
      order: [[pinned]],
      reasons: [`model ${pinned.model} named by the client`],
      mustFit: false,
    });
  }
  const { route } = selection;
  const choice = chooseTier(input, route, selection.forcedTier);
  const observed = route.mode === 'observe' ? observedCandidates(input) : null;
  if (observed !== null) {
    const [first] = observed as [Candidate];
    return plan(input, {
      route: route.name,
      tier: tierNamed(table, first.tier),
      threshold: choice.threshold,
      order: [observed],
      reasons: [`observe: would have chosen ${choice.tier.name} (${choice.reason})`],
      mustFit: false,
    });
  }
  return plan(input, {
    route: route.name,
    tier: choice.tier,
    threshold: choice.threshold,
    order: tierOrder(table, choice.tier, route).map(({ candidates }) => weighted(candidates, input.random)),
    reasons: [choice.reason],
    mustFit: true,
  });
};

type Choice = { tier: Tier; threshold: number | null; reason: string };

const chooseTier = (
  { table, difficulty, threshold }: DecideInput,
  route: RouteConfig,
  forced: string | null,
): Choice => {
  if (forced !== null) {
    return { tier: tierNamed(table, forced), threshold: null, reason: `tier ${forced} named by the client` };
  }
  if (route.tier !== undefined || threshold === null) {
    const tier = route.tier ?? table.tiers.at(-1)?.name ?? '';
    return { tier: tierNamed(table, tier), threshold: null, reason: `route ${route.name} uses tier ${tier}` };
  }
  const isHard = difficulty >= threshold;
  const tier = table.tiers.at(isHard ? -1 : 0) as Tier;
  return {
    tier,
    threshold,
    reason: `difficulty ${showDifficulty(difficulty, threshold)} ${isHard ? '>=' : '<'} ${showThreshold(threshold)}`,
  };
};

/** Two digits, or three where two would contradict the comparison. */
const showDifficulty = (difficulty: number, threshold: number): string => {
  const short = difficulty.toFixed(2);
  const isFaithful = Number(short) >= threshold === difficulty >= threshold;
  return isFaithful ? short : (Math.floor(difficulty * 1000) / 1000).toFixed(3);
};

const showThreshold = (threshold: number): string => threshold.toFixed(3).replace(/0$/, '');

/** The chosen tier, then those the route lets us fall back to: stronger ones in order, then weaker ones if `any`. */
const tierOrder = ({ tiers }: RoutingTable, chosen: Tier, { fallback }: RouteConfig): Tier[] => {
  const at = tiers.indexOf(chosen);
  if (fallback === 'none') return [chosen];
  const stronger = tiers.slice(at);
  return fallback === 'up' ? stronger : [...stronger, ...tiers.slice(0, at).reverse()];
};

/** One model drawn by weight, then the others by falling weight; weight 0 is never drawn first. */
const weighted = (candidates: Candidate[], random: number): Candidate[] => {
  let left = random * candidates.reduce((sum, { weight }) => sum + weight, 0);
  const drawn = candidates.find(({ weight }) => {
    left -= weight;
    return weight > 0 && left < 0;
  });
  const others = candidates.filter((candidate) => candidate !== drawn).sort((a, b) => b.weight - a.weight);
  return drawn ? [drawn, ...others] : others;
};

/** In observe mode the request goes where the client sent it: the model it named, or the strongest tier for `auto`. */
const observedCandidates = ({ table, requestedModel, random }: DecideInput): Candidate[] => {
  const named = table.tiers.flatMap(({ candidates }) => candidates).filter(({ model }) => model === requestedModel);
  return named.length > 0 && requestedModel !== AUTO_MODEL
    ? named
    : weighted(table.tiers.at(-1)?.candidates ?? [], random);
};

type Draft = {
  route: string;
  tier: Tier;
  threshold: number | null;
  /** Candidates in order of preference, grouped by tier. */
  order: Candidate[][];
  reasons: string[];
  /** Whether candidates that cannot serve the request are passed over, rather than asked all the same. */
  mustFit: boolean;
};

const plan = (input: DecideInput, draft: Draft): Decision => {
  const { reasons } = draft;
  const note = (reason: string) => {
    if (!reasons.includes(reason)) reasons.push(reason);
  };
  let attempts = usable(input, draft.order.flat(), draft.mustFit, note);
  if (attempts.length === 0 && draft.mustFit) {
    // What is left over still beats an error: a tier without a key must not take the others down with it.
    const rest = [...input.table.tiers].reverse().map(({ candidates }) => weighted(candidates, input.random));
    attempts = usable(input, rest.flat(), true, note);
  }
  const [first] = attempts;
  if (first === undefined) {
    throw new GatewayError('no_upstream_available', `No model can answer this request: ${reasons.join('; ')}.`, {
      retryAfterSeconds: 5,
    });
  }
  if (first.tier !== draft.tier.name) note(`answered by ${first.tier}`);
  return { route: draft.route, tier: draft.tier.name, threshold: draft.threshold, attempts, reasons };
};

/** The candidates that can be asked, ready ones before those still starting; says why the others cannot. */
const usable = (
  { facts, states }: DecideInput,
  candidates: Candidate[],
  mustFit: boolean,
  note: (reason: string) => void,
): Candidate[] => {
  const stateOf = ({ upstream }: Candidate) => states.get(upstream)?.state ?? 'disabled';
  const fitting = candidates.filter((candidate) => {
    const misfit = mustFit ? misfitOf(candidate, facts) : null;
    if (misfit !== null) note(misfit);
    return misfit === null;
  });
  const able = fitting.filter((candidate) => {
    const state = states.get(candidate.upstream);
    const isAble = state?.state === 'ready' || state?.state === 'starting';
    if (!isAble) note(`${candidate.upstream}: ${state?.detail ?? 'not configured'}`);
    return isAble;
  });
  const ready = able.filter((candidate) => stateOf(candidate) === 'ready');
  const starting = able.filter((candidate) => stateOf(candidate) === 'starting');
  for (const { upstream } of ready.length > 0 ? starting : []) note(`${upstream}: ${states.get(upstream)?.detail}`);
  return [...ready, ...starting];
};

const misfitOf = ({ capabilities, contextTokens, model }: Candidate, facts: RequestFacts): string | null => {
  for (const need of facts.needs) if (!capabilities.has(need)) return `${need} need a capable model`;
  if (contextTokens !== null && facts.promptTokens > contextTokens) {
    return `about ${facts.promptTokens} prompt tokens exceed the ${contextTokens} of ${model}`;
  }
  return null;
};

const tierNamed = ({ tiers }: RoutingTable, name: string): Tier => tiers.find((tier) => tier.name === name) as Tier;
