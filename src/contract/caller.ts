import type { BudgetConfig, LimitsConfig } from './limits-schema.ts';
import type { Permissions } from './permissions.ts';

/** Who sends a request. Callers without a key, admitted on loopback only, belong to team `default`. */
export type Caller = {
  keyId: string | null;
  team: string;
  /** Routes, tiers and models that the key may use; all where absent. */
  permissions?: Permissions;
  /** What the key itself may use, beside the limits and the budget of its team. */
  limits?: LimitsConfig;
  budget?: BudgetConfig;
  /** Noted on each of its ledger entries. */
  tags?: Readonly<Record<string, string>>;
};

export const ANONYMOUS: Caller = { keyId: null, team: 'default' };
