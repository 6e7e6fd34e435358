import type { Clock } from '../lib/clock.ts';
import type { NanoUsd } from '../lib/money.ts';
import type { Candidate, Tier } from '../routing/routing-table.ts';
import type { BudgetAccount } from './account.ts';
import type { Charge } from './counter-store.ts';
import { type Counters, exceededIn, type Reserved } from './counters.ts';
import { type Estimate, estimateCost, tokensWithin } from './estimate.ts';
import type { Calendar } from './period.ts';
import { budgetAccounts, type Limited, limitAccounts } from './subjects.ts';

/** What money asks of a decision. */
export type Spending = {
  /** A budget is used up: only this tier, weaker ones and free models may answer. Null while none is. */
  ceiling: string | null;
  /** Paid models without a price may not answer: a budget could not count them. */
  needsPrice: boolean;
};

export type AffordOptions<Plan extends { attempts: Candidate[] }> = {
  requestId: string;
  limited: Limited[];
  estimate: Estimate;
  isEscalating: boolean;
  /** Weakest first. */
  tiers: readonly Pick<Tier, 'name'>[];
  decide(spending: Spending): Plan;
  /** Null for a paid model without a price. */
  priceOf(candidate: Candidate, estimate: Estimate): NanoUsd | null;
  counters: Counters;
  calendar: Calendar;
  clock: Pick<Clock, 'now'>;
};

/**
 * Decides, and sets the tokens and the money that the decision may take aside, all of it or none. Where a budget does not
 * suffice and names a tier to answer with instead, it decides again under that ceiling, and the budget is overdrawn by
 * what that costs.
 * @throws what `decide` throws.
 */
export const afford = async <Plan extends { attempts: Candidate[] }>(
  options: AffordOptions<Plan>,
): Promise<Reserved & { decision: Plan }> => {
  const { limited, estimate, tiers, counters } = options;
  const budgets = budgetAccounts(limited, options.calendar, options.clock.now());
  const spending: Spending = {
    ceiling: null,
    needsPrice: budgets.some(({ config }) => config.unknownPrice === 'reject'),
  };
  const overdrawn = new Set<BudgetAccount>();
  while (true) {
    const decision = options.decide(spending);
    const cost =
      budgets.length === 0 ? 0 : estimateCost(decision.attempts, estimate, options.isEscalating, options.priceOf);
    const reserved = await counters.reserve(options.requestId, [
      ...limitAccounts(limited, 'tokens').map(
        (account): Charge => ({ account, amount: tokensWithin(account.limit, estimate) }),
      ),
      ...budgets.map((account): Charge => ({ account, amount: cost, mayOverdraw: overdrawn.has(account) })),
    ]);
    const exceeded = exceededIn(reserved.found).map(({ account }) => account);
    const gone = exceeded.filter((account) => account.meter === 'budget');
    const isHard = gone.length < exceeded.length || gone.some(({ config }) => config.onExceeded === 'reject');
    if (reserved.isAdmitted || isHard) return { ...reserved, decision };
    for (const budget of gone) {
      overdrawn.add(budget);
      spending.ceiling = weaker(spending.ceiling, budget.config.onExceeded, tiers);
    }
  }
};

const weaker = (a: string | null, b: string, tiers: readonly Pick<Tier, 'name'>[]): string =>
  tiers.find(({ name }) => name === a || name === b)?.name ?? b;
