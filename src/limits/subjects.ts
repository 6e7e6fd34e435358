import type { RouteConfig } from '../config/route-schema.ts';
import type { RoutesFile } from '../config/schema.ts';
import type { TeamConfig } from '../config/team-schema.ts';
import type { Caller } from '../contract/caller.ts';
import type { BudgetConfig, LimitsConfig } from '../contract/limits-schema.ts';
import type { BudgetAccount, LimitAccount, Subject } from './account.ts';
import type { Calendar } from './period.ts';

/** Who a request counts for, with what routes.yaml or the key's record allows them. */
export type Limited = { subject: Subject; limits: LimitsConfig; budget: BudgetConfig | undefined };

/** The key, the team and the route of a request, as far as they have limits or a budget. */
export const limitedBy = (caller: Caller, team: TeamConfig | undefined, route: RouteConfig | null): Limited[] => {
  const all: Limited[] = [
    { subject: { kind: 'key', name: caller.keyId ?? '' }, limits: caller.limits ?? {}, budget: caller.budget },
    { subject: { kind: 'team', name: caller.team }, limits: team?.limits ?? {}, budget: team?.budget },
    { subject: { kind: 'route', name: route?.name ?? '' }, limits: route?.limits ?? {}, budget: route?.budget },
  ];
  return all.filter(isLimited);
};

/** Teams and routes of routes.yaml that have limits or a budget. */
export const limitedIn = ({ teams, routes }: Pick<RoutesFile, 'teams' | 'routes'>): Limited[] =>
  [
    ...Object.entries(teams).map(
      ([name, { limits, budget }]): Limited => ({ subject: { kind: 'team', name }, limits, budget }),
    ),
    ...routes.map(({ name, limits = {}, budget }): Limited => ({ subject: { kind: 'route', name }, limits, budget })),
  ].filter(isLimited);

/** Whether there is anything to count. */
export const isLimited = ({ limits, budget }: Pick<Limited, 'limits' | 'budget'>): boolean =>
  budget !== undefined || Object.values(limits).some((limit) => limit !== undefined);

const LIMITS = {
  requests: 'requestsPerMinute',
  tokens: 'tokensPerMinute',
  concurrent: 'concurrentRequests',
} as const satisfies Record<LimitAccount['meter'], keyof LimitsConfig>;

export const limitAccounts = (
  limited: Pick<Limited, 'subject' | 'limits'>[],
  meter: LimitAccount['meter'],
): LimitAccount[] =>
  limited.flatMap(({ subject, limits }) => {
    const limit = limits[LIMITS[meter]];
    return limit === undefined ? [] : [{ meter, subject, limit }];
  });

/** Dollars have at most nine digits after the point here: a budget is rounded to whole nano-USD. */
export const budgetAccounts = (limited: Limited[], calendar: Calendar, nowMs: number): BudgetAccount[] =>
  limited.flatMap(({ subject, budget }) => {
    if (budget === undefined) return [];
    const period = calendar.periodAt(budget, nowMs);
    return [{ meter: 'budget', subject, limit: Math.round(budget.usd * 1e9), period, config: budget }];
  });
