import type { LedgerReports } from '../ledger/ledger-reports.ts';
import type { LedgerStore } from '../ledger/ledger-store.ts';
import type { Logger } from '../lib/logger.ts';
import type { NanoUsd } from '../lib/money.ts';
import { type BudgetAccount, keyOf } from './account.ts';

/** What a budget has spent in its period so far, according to the ledger. Never rejects. */
export type SpendSource = { spent(account: BudgetAccount): Promise<NanoUsd> };

export type LedgerSpendOptions = {
  ledger: Pick<LedgerStore, 'spend'>;
  /** Reads roll-ups on a thread of its own. Without it, or when it fails, all entries of the period are read here. */
  reports: Pick<LedgerReports, 'summary'> | null;
  logger: Pick<Logger, 'error'>;
};

/** The last moment that both ways to read can be asked for: 1 January 10000. */
const END_OF_TIME_MS = 253_402_300_800_000;

/**
 * Sums of a ledger. Whoever asks for a budget that is being read waits for that. A ledger that cannot be read counts as
 * empty and is logged: its gateway answers all the same, as it does when it cannot write.
 */
export const ledgerSpend = (options: LedgerSpendOptions): SpendSource => {
  const underWay = new Map<string, Promise<NanoUsd>>();
  const read = async (account: BudgetAccount): Promise<NanoUsd> => {
    try {
      return await readSpent(account, options);
    } catch (error) {
      options.logger.error({ err: error, subject: account.subject }, 'what a budget has spent could not be read');
      return 0;
    }
  };
  return {
    spent(account) {
      const key = keyOf(account);
      const reading = underWay.get(key) ?? read(account).finally(() => underWay.delete(key));
      underWay.set(key, reading);
      return reading;
    },
  };
};

const readSpent = async (
  { subject: { kind, name }, period }: BudgetAccount,
  { ledger, reports }: LedgerSpendOptions,
): Promise<NanoUsd> => {
  const fromMs = period.startMs;
  const toMs = Math.min(period.endMs, END_OF_TIME_MS);
  const only = kind === 'key' ? { keyId: name } : { [kind]: name };
  const summary = await reports?.summary({ fromMs, toMs, ...only }).catch(() => null);
  if (summary != null) return summary.now.costNanoUsd;
  const rows = await ledger.spend({ sinceMs: fromMs, untilMs: toMs, by: kind });
  return rows.find(({ group }) => group === name)?.costNanoUsd ?? 0;
};
