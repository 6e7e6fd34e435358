import type { RouteConfig } from '../config/route-schema.ts';
import { GatewayError } from '../contract/errors.ts';
import type { Permissions } from '../contract/permissions.ts';
import { AUTO_MODEL, HEADERS } from '../contract/vocabulary.ts';
import { mayNameModels, mayUseModel, mayUseRoute, mayUseTier } from './permissions.ts';
import type { RequestFacts } from './request-facts.ts';
import { type Candidate, isCalled, type RoutingTable } from './routing-table.ts';

/** What the client asks for beside its messages. */
export type Wishes = {
  model: string;
  team: string;
  /** `x-rightsize-route` and `x-rightsize-tier`. */
  route: string | null;
  tier: string | null;
  /** Unix milliseconds of its arrival. */
  at: number;
  /** What the caller's key may use. */
  permissions?: Permissions | undefined;
};

/** The rule that will decide. `route` null: the client named `pinned` and no route claims that name. */
export type Selection =
  | { route: RouteConfig; forcedTier: string | null; pinned: null }
  | { route: null; forcedTier: null; pinned: Candidate };

/**
 * Finds the rule for a request: a route named by header or as model, else the first route that matches; a tier named
 * by header or as model keeps its route's other settings.
 * @throws GatewayError `model_not_found`, `invalid_value` for a header that names nothing, `route_not_allowed` and
 * `model_not_allowed` for what the caller's team or key may not use.
 */
export const selectRoute = (table: RoutingTable, wishes: Wishes, facts: RequestFacts): Selection => {
  const tier = wishes.tier ?? (table.tiers.some(({ name }) => name === wishes.model) ? wishes.model : null);
  if (tier !== null && !table.tiers.some(({ name }) => name === tier)) {
    throw new GatewayError('invalid_value', `No tier is called "${tier}".`, { param: HEADERS.tier });
  }
  if (tier !== null && !mayUseTier(wishes.permissions, tier)) {
    const param = wishes.tier === null ? 'model' : HEADERS.tier;
    throw new GatewayError('model_not_allowed', `This key may not use tier "${tier}".`, { param });
  }
  const named = namedRoute(table, wishes);
  if (named !== null) {
    if (!isAllowed(table, wishes, named.name)) throw routeNotAllowed(wishes, `route "${named.name}"`);
    return { route: named, forcedTier: tier, pinned: null };
  }
  const matching = matchingRoutes(table, wishes, facts, tier);
  const route = matching.find(({ name }) => isAllowed(table, wishes, name));
  if (route !== undefined) return { route, forcedTier: tier, pinned: null };
  if (matching.length > 0) throw routeNotAllowed(wishes, 'any route that matches this request');
  const candidates = table.candidates.filter((candidate) => isCalled(candidate, wishes.model));
  if (candidates.length > 0) return { route: null, forcedTier: null, pinned: permitted(candidates, table, wishes) };
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
  throw new GatewayError('invalid_value', `No route is called "${wishes.route}".`, { param: HEADERS.route });
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

const isAllowed = (table: RoutingTable, { team, permissions }: Wishes, route: string): boolean =>
  (table.teams[team]?.routes?.includes(route) ?? true) && mayUseRoute(permissions, route);

const routeNotAllowed = (wishes: Wishes, what: string): GatewayError =>
  new GatewayError('route_not_allowed', `${whoOf(wishes)} may not use ${what}.`, {
    param: wishes.route === null ? 'model' : HEADERS.route,
  });

const whoOf = ({ team, permissions }: Wishes): string =>
  permissions === undefined ? `Team "${team}"` : `This key of team "${team}"`;

/** The strongest tier's of models with the same name that the caller may name. @throws GatewayError `model_not_allowed`. */
const permitted = (candidates: Candidate[], table: RoutingTable, wishes: Wishes): Candidate => {
  const { model, team, permissions } = wishes;
  const mayName = table.teams[team]?.routes === undefined && mayNameModels(permissions);
  const allowed = mayName ? candidates.findLast((candidate) => mayUseModel(permissions, candidate)) : undefined;
  if (allowed !== undefined) return allowed;
  const message = `${whoOf(wishes)} may not use model "${model}"${mayName ? '' : ' directly'}.`;
  throw new GatewayError('model_not_allowed', message, { param: 'model' });
};
