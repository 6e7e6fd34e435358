import type { BudgetConfig } from '../contract/limits-schema.ts';
import type { NanoUsd } from '../lib/money.ts';
import type { Period } from './period.ts';

export type SubjectKind = 'team' | 'key' | 'route' | 'upstream';

/** Who is limited: `{ kind: 'team', name: 'research' }`. Of a key, its id. */
export type Subject = { kind: SubjectKind; name: string };

/** What can be used up. `requests` and `tokens` count in any minute, `concurrent` at one time, `budget` in a period. */
export type Meter = 'requests' | 'tokens' | 'concurrent' | 'budget';

export type LimitAccount = { meter: Exclude<Meter, 'budget'>; subject: Subject; limit: number };
export type BudgetAccount = {
  meter: 'budget';
  subject: Subject;
  limit: NanoUsd;
  period: Period;
  config: BudgetConfig;
};
/** One thing that is counted, and the most that it may come to. The limit is no part of what it is: it may change. */
export type Account = LimitAccount | BudgetAccount;

export const nameOf = ({ kind, name }: Subject): string => `${kind}:${name}`;

/** Names an account, for ever: `requests:team:research`, `budget:key:key_1:month:2026-11-01:Europe/Berlin`. */
export const keyOf = (account: Account): string =>
  account.meter === 'budget'
    ? `budget:${nameOf(account.subject)}:${account.period.key}`
    : `${account.meter}:${nameOf(account.subject)}`;
