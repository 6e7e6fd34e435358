import type { RouteConfig } from '../config/schema.ts';
import { GatewayError } from '../contract/errors.ts';
import { AUTO_MODEL } from '../contract/vocabulary.ts';
import type { RequestFacts } from './request-facts.ts';
import type { Candidate, RoutingTable } from './routing-table.ts';

/** What the client asks for beside its messages. */
export type Wishes = {
  model: string;
  team: string;
  /** `x-rightsize-route` and `x-rightsize-tier`. */
  route: string | null;
  tier: string | null;
  /** Unix milliseconds of its arrival. */
  at: number;
};

/** The rule that will decide. `route` null: the client named `pinned` and no route claims that name. */
export type Selection =
  | { route: RouteConfig; forcedTier: string | null; pinned: null }
  | { route: null; forcedTier: null; pinned: Candidate };

/**
 * Finds the rule for a request: a route named by header or as model, else the first route that matches; a tier named
 * by header or as model keeps its route's other settings.
 * @throws GatewayError `model_not_found`, `invalid_value` for a header that names nothing, `not_allowed` for a route
 * that the caller's team may not use.
 */
export const selectRoute = (table: RoutingTable, wishes: Wishes, facts: RequestFacts): Selection => {
  const tier = wishes.tier ?? (table.tiers.some(({ name }) => name === wishes.model) ? wishes.model : null);
  if (tier !== null && !table.tiers.some(({ name }) => name === tier)) {
    throw new GatewayError('invalid_value', `No tier is called "${tier}".`, { param: 'x-rightsize-tier' });
  }
  const named = namedRoute(table, wishes);
  if (named !== null) {
    if (!isAllowed(table, wishes.team, named.name)) throw notAllowed(wishes.team, `route "${named.name}"`);
    return { route: named, forcedTier: tier, pinned: null };
  }
  const matching = matchingRoutes(table, wishes, facts, tier);
  const route = matching.find(({ name }) => isAllowed(table, wishes.team, name));
  if (route !== undefined) return { route, forcedTier: tier, pinned: null };
  if (matching.length > 0) throw notAllowed(wishes.team, 'any route that matches this request');
  const pinned = findCandidate(table, wishes.model);
  if (pinned !== null) {
    if (table.teams[wishes.team]?.routes !== undefined)
      throw notAllowed(wishes.team, `model "${wishes.model}" directly`);
    return { route: null, forcedTier: null, pinned };
  }
  const message =
    tier === null && wishes.model !== AUTO_MODEL
      ? `The model "${wishes.model}" does not exist: no route, tier or model of this gateway has that name.`
      : 'No route matches this request.';
  throw new GatewayError('model_not_found', message, { param: 'model' });
};

/** With a tier named by header the model still chooses the route, where one is for it; else the routes for `auto` do. */
const matchingRoutes = (
  table: RoutingTable,
  wishes: Wishes,
  facts: RequestFacts,
  tier: string | null,
): RouteConfig[] => {
  const routesFor = (model: string) =>
    table.routes.filter((route) => matches(route, table, { ...wishes, model }, facts));
  const matching = routesFor(wishes.model);
  return tier !== null && matching.length === 0 ? routesFor(AUTO_MODEL) : matching;
};

const namedRoute = (table: RoutingTable, wishes: Wishes): RouteConfig | null => {
  if (wishes.route === null) return table.routes.find(({ name }) => name === wishes.model) ?? null;
  const route = table.routes.find(({ name }) => name === wishes.route);
  if (route !== undefined) return route;
  throw new GatewayError('invalid_value', `No route is called "${wishes.route}".`, { param: 'x-rightsize-route' });
};

const matches = ({ name, match }: RouteConfig, table: RoutingTable, wishes: Wishes, facts: RequestFacts): boolean =>
  includes(match.model, wishes.model) &&
  includes(match.team, wishes.team) &&
  (match.has ?? []).every((fact) => (fact === 'system' ? facts.hasSystem : facts.needs.has(fact))) &&
  facts.promptTokens >= (match.minTokens ?? 0) &&
  facts.promptTokens <= (match.maxTokens ?? Number.POSITIVE_INFINITY) &&
  includes(match.language, facts.language) &&
  (table.timeWindows.get(name)?.(wishes.at) ?? true);

const includes = (allowed: string | string[] | undefined, value: string | null): boolean =>
  allowed === undefined || (value !== null && (Array.isArray(allowed) ? allowed.includes(value) : allowed === value));

const isAllowed = (table: RoutingTable, team: string, route: string): boolean =>
  table.teams[team]?.routes?.includes(route) ?? true;

const notAllowed = (team: string, what: string): GatewayError =>
  new GatewayError('not_allowed', `Team "${team}" may not use ${what}.`);

/** A model by its own name, or as `upstream/model`; the strongest tier's where several have it. */
const findCandidate = (table: RoutingTable, model: string): Candidate | null =>
  table.tiers
    .flatMap(({ candidates }) => candidates)
    .findLast((candidate) => candidate.model === model || `${candidate.upstream}/${candidate.model}` === model) ?? null;
