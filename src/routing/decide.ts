import type { RouteConfig } from '../config/route-schema.ts';
import { GatewayError } from '../contract/errors.ts';
import type { Permissions } from '../contract/permissions.ts';
import { AUTO_MODEL } from '../contract/vocabulary.ts';
import type { ModelHealthState } from '../execution/model-health.ts';
import type { UpstreamState } from '../upstreams/upstream.ts';
import type { Decision } from './decision.ts';
import { balanced, tierOrder } from './order-candidates.ts';
import { mayUseModel } from './permissions.ts';
import type { Home } from './provider-state.ts';
import type { RequestFacts } from './request-facts.ts';
import type { Candidate, RoutingTable, Tier } from './routing-table.ts';
import type { Selection } from './select-route.ts';
import type { SessionState } from './session.ts';
import type { SpendingRule } from './spending-rule.ts';
import { foreignTo, misfitOf, usableCandidates } from './usable-candidates.ts';

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
  /** What is known of each model, by `upstream/model`; models not in it are well. */
  health: ReadonlyMap<string, ModelHealthState>;
  /** What the conversation has been given so far; null for a new one. */
  session: (SessionState & { isToolLoop: boolean }) | null;
  /** Whether the rule only watches: see `isObserved`. */
  isObserved: boolean;
  /** What money forbids; nothing without it. */
  spending?: SpendingRule;
  /** What the caller's key may use: nothing else is asked, however the request came to it. */
  permissions?: Permissions | undefined;
  /** Where what only its maker can read belongs, such as encrypted reasoning; null where any upstream will do. */
  home?: Home | null;
  /** A number in [0, 1) that settles the weighted choice among the models of a tier. */
  random: number;
};

/**
 * The plan for a request: which tier, which models in which order, and why. Pure: the same input, the same plan.
 * @throws GatewayError `no_upstream_available` when nothing that could answer is configured and able;
 * `model_not_allowed` when the caller's key may use none of it.
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
  const choice = atHome(input, withSession(input, chooseTier(input, route, selection.forcedTier)));
  const observed = input.isObserved ? observedCandidates(input) : null;
  if (observed !== null) {
    const [first] = observed as [Candidate];
    return plan(input, {
      route: route.name,
      tier: tierNamed(table, first.tier),
      threshold: choice.threshold,
      order: [observed],
      reasons: [`${whyObserved(route)}: would have chosen ${choice.tier.name} (${choice.reason})`],
      mustFit: false,
    });
  }
  return plan(input, {
    route: route.name,
    tier: choice.tier,
    threshold: choice.threshold,
    order: [
      ...(choice.first == null ? [] : [[choice.first]]),
      ...tierOrder(table, choice.tier, route).map((tier) => balanced(tier, input)),
    ],
    reasons: [choice.reason],
    mustFit: true,
  });
};

/** `first`: a model to ask before any other of the tier. */
type Choice = { tier: Tier; threshold: number | null; reason: string; first?: Candidate | null };

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

const whyObserved = ({ mode, rollout = 1 }: RouteConfig): string =>
  mode === 'observe' ? 'observe' : `outside the rollout of ${Number((rollout * 100).toFixed(2))}%`;

/**
 * In observe mode the request goes where the client sent it: the model it named, or the strongest tier that its key
 * may use for `auto`.
 */
const observedCandidates = (input: DecideInput): Candidate[] => {
  const { table, requestedModel, permissions } = input;
  const strongest = table.tiers.findLast(({ candidates }) => candidates.some((one) => mayUseModel(permissions, one)));
  const named = table.candidates.filter(({ model }) => model === requestedModel);
  return named.length > 0 && requestedModel !== AUTO_MODEL
    ? named
    : balanced(strongest ?? (table.tiers.at(-1) as Tier), input);
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
  const planned = [...new Set(draft.order.flat())];
  const { ceiling = null, bars } = input.spending ?? {};
  let attempts = usableCandidates(input, planned, draft.mustFit, note);
  const mayReplace = draft.mustFit || ceiling !== null;
  if (attempts.length === 0 && mayReplace && planned.every((candidate) => cannotServe(input, candidate))) {
    // What is not set up, or unable by nature, must not take the rest down with it; what is merely down falls back as
    // the route says.
    const rest = [...input.table.tiers].reverse().map((tier) => balanced(tier, input));
    attempts = usableCandidates(input, rest.flat(), true, note);
  }
  const [first] = attempts;
  if (first === undefined) {
    const { native } = input.facts;
    const asked = draft.mustFit ? input.table.candidates : planned;
    if (native?.need != null && asked.every((candidate) => foreignTo(candidate, input.facts) !== null)) {
      const message = `${native.need.what} needs an upstream that speaks the ${native.api} API, and no model that may answer here has one.`;
      throw new GatewayError('unsupported_parameter', message, { param: native.need.param });
    }
    if (planned.some((candidate) => bars?.(candidate) === 'price')) {
      throw new GatewayError('not_allowed', `A budget applies, and a model has no price: ${reasons.join('; ')}.`);
    }
    if (asked.every((candidate) => !mayUseModel(input.permissions, candidate))) {
      const message = `This key may not use any model that could answer: ${reasons.join('; ')}.`;
      throw new GatewayError('model_not_allowed', message, { param: 'model' });
    }
    throw new GatewayError('no_upstream_available', `No model can answer this request: ${reasons.join('; ')}.`, {
      retryAfterSeconds: 5,
    });
  }
  if (ceiling !== null) note(`over budget: answered by ${first.tier}`);
  else if (first.tier !== draft.tier.name) note(`answered by ${first.tier}`);
  return { route: draft.route, tier: draft.tier.name, threshold: draft.threshold, attempts, reasons };
};

const cannotServe = ({ states, facts, spending, permissions }: DecideInput, candidate: Candidate): boolean =>
  !mayUseModel(permissions, candidate) ||
  spending?.bars(candidate) != null ||
  (states.get(candidate.upstream)?.state ?? 'disabled') === 'disabled' ||
  misfitOf(candidate, facts) !== null;

/** Inside a conversation the tier only moves up, and whoever asked for a tool's result reads it. */
const withSession = ({ session, table }: DecideInput, choice: Choice): Choice => {
  if (session === null) return choice;
  const tier = table.tiers[session.rank];
  if (tier === undefined || session.rank < table.tiers.indexOf(choice.tier)) return choice;
  const first = session.isToolLoop
    ? (tier.candidates.find((candidate) => isSameModel(candidate, session)) ?? null)
    : null;
  if (first !== null) return { ...choice, tier, first, reason: `${first.model} reads the tool results it asked for` };
  if (tier === choice.tier) return choice;
  return { ...choice, tier, reason: `conversation stays on ${tier.name} (${choice.reason})` };
};

/** What only one upstream can read goes there, unless the client has named another tier. */
const atHome = ({ home, table, selection }: DecideInput, choice: Choice): Choice => {
  if (home == null) return choice;
  const there = table.tiers
    .filter(({ name }) => selection.forcedTier === null || name === selection.forcedTier)
    .flatMap(({ candidates }) => candidates)
    .filter(({ upstream }) => upstream === home.upstream);
  const first = there.find(({ model }) => model === home.model) ?? there.at(-1);
  if (first === undefined || choice.first === first) return choice;
  return {
    ...choice,
    tier: tierNamed(table, first.tier),
    first,
    reason: `${first.upstream} made what it goes on from`,
  };
};

const isSameModel = (candidate: Candidate, { upstream, model }: SessionState): boolean =>
  candidate.upstream === upstream && candidate.model === model;

const tierNamed = ({ tiers }: RoutingTable, name: string): Tier => tiers.find((tier) => tier.name === name) as Tier;
