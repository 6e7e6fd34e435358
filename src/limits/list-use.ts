import type { BudgetList, BudgetUse, LimitedSubject, LimitUse } from '../contract/admin/budgets.ts';
import type { BudgetAccount, LimitAccount } from './account.ts';
import type { Standing } from './counter-store.ts';
import type { Counters } from './counters.ts';
import { forecastOf } from './forecast.ts';
import type { Calendar } from './period.ts';
import { budgetAccounts, type Limited, limitAccounts } from './subjects.ts';

/** How far limits and budgets are used now, with where each budget is heading. */
export const listUse = async (
  limited: Limited[],
  { counters, calendar, nowMs }: { counters: Counters; calendar: Calendar; nowMs: number },
): Promise<BudgetList> => {
  const budgets = budgetAccounts(limited, calendar, nowMs);
  const withLimits = limited.map((each) => ({
    each,
    accounts: METERS.flatMap((meter) => limitAccounts([each], meter)),
  }));
  const accounts = [...budgets, ...withLimits.flatMap((entry) => entry.accounts)];
  const standings = await counters.read(accounts);
  const standingOf = new Map(accounts.map((account, index) => [account, standings[index] as Standing]));
  return {
    rows: budgets.map((account) => toBudgetUse(account, standingOf.get(account) as Standing, nowMs)),
    limits: withLimits
      .filter((entry) => entry.accounts.length > 0)
      .map(({ each, accounts: own }) => toLimitUse(each.subject as LimitedSubject, own, standingOf)),
  };
};

const METERS = ['requests', 'tokens', 'concurrent'] as const;

const toBudgetUse = (account: BudgetAccount, { used, settled }: Standing, nowMs: number): BudgetUse => {
  const { subject, limit, period, config } = account;
  const { atEndNanoUsd, exhaustedAtMs } = forecastOf(settled, limit, period, nowMs);
  const hasEnd = period.per !== 'total';
  return {
    subject: subject as LimitedSubject,
    per: period.per,
    timeZone: period.timeZone,
    limitNanoUsd: limit,
    spentNanoUsd: settled,
    reservedNanoUsd: used - settled,
    onExceeded: config.onExceeded,
    periodStart: hasEnd ? new Date(period.startMs).toISOString() : null,
    periodEnd: hasEnd ? new Date(period.endMs).toISOString() : null,
    forecastNanoUsd: atEndNanoUsd,
    exhaustedAt: exhaustedAtMs === null ? null : new Date(exhaustedAtMs).toISOString(),
  };
};

const toLimitUse = (
  subject: LimitedSubject,
  accounts: LimitAccount[],
  standingOf: ReadonlyMap<unknown, Standing>,
): LimitUse => {
  const useOf = (meter: LimitAccount['meter']) => {
    const account = accounts.find((other) => other.meter === meter);
    return account === undefined ? null : { limit: account.limit, used: standingOf.get(account)?.used ?? 0 };
  };
  return {
    subject,
    requestsPerMinute: useOf('requests'),
    tokensPerMinute: useOf('tokens'),
    concurrent: useOf('concurrent'),
  };
};
