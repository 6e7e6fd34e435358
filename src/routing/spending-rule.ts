import type { Billing } from '../ledger/price.ts';
import type { Candidate, RoutingTable } from './routing-table.ts';

/** What money forbids a decision. */
export type SpendingRule = {
  /** A budget is used up: the tier to answer with. Null while none is. */
  ceiling: string | null;
  /** Why a model may not be asked: it has no price to count, or is above the ceiling. Null when it may. */
  bars(candidate: Candidate): 'price' | 'budget' | null;
};

/** @param billingOf whether a model's answers cost something, nothing, or nobody knows. */
export const spendingRule = (
  { ceiling, needsPrice }: { ceiling: string | null; needsPrice: boolean },
  { tiers }: Pick<RoutingTable, 'tiers'>,
  billingOf: (candidate: Candidate) => Pick<Billing, 'kind'>,
): SpendingRule => {
  const ranks = new Map(tiers.map(({ name }, rank) => [name, rank]));
  const rankOf = (tier: string) => ranks.get(tier) ?? Number.POSITIVE_INFINITY;
  return {
    ceiling,
    bars(candidate) {
      const { kind } = billingOf(candidate);
      if (kind === 'unknown' && needsPrice) return 'price';
      if (kind === 'free' || ceiling === null) return null;
      return rankOf(candidate.tier) > rankOf(ceiling) ? 'budget' : null;
    },
  };
};
