import type { LedgerStore, SpendRow } from '../ledger/ledger-store.ts';
import type { Logger } from '../lib/logger.ts';
import type { NanoUsd } from '../lib/money.ts';
import type { BudgetAccount } from './account.ts';

/** What a budget has spent in its period so far, according to the ledger. Never rejects. */
export type SpendSource = { spent(account: BudgetAccount): Promise<NanoUsd> };

/**
 * Sums of a ledger. Budgets asked for at the same time share one report for each kind of subject and period. A ledger
 * that cannot be read counts as empty and is logged: its gateway answers all the same, as it does when it cannot write.
 */
export const ledgerSpend = (ledger: Pick<LedgerStore, 'spend'>, logger: Pick<Logger, 'error'>): SpendSource => {
  const underWay = new Map<string, Promise<SpendRow[]>>();
  const report = ({ subject: { kind }, period }: BudgetAccount): Promise<SpendRow[]> => {
    const key = `${kind} ${period.key}`;
    const known = underWay.get(key);
    if (known !== undefined) return known;
    const by = kind === 'upstream' ? 'upstream' : kind;
    const untilMs = Math.min(period.endMs, Number.MAX_SAFE_INTEGER);
    const rows = ledger.spend({ sinceMs: period.startMs, untilMs, by }).finally(() => underWay.delete(key));
    underWay.set(key, rows);
    return rows;
  };
  return {
    async spent(account) {
      try {
        const rows = await report(account);
        return rows.find(({ group }) => group === account.subject.name)?.costNanoUsd ?? 0;
      } catch (error) {
        logger.error({ err: error, subject: account.subject }, 'what a budget has spent could not be read');
        return 0;
      }
    },
  };
};
