import { GatewayError } from '../contract/errors.ts';
import { formatUsd } from '../lib/money.ts';
import type { BudgetAccount, LimitAccount, Subject } from './account.ts';
import { exceededIn, type Found } from './counters.ts';

/** Official clients before 2026 sleep as long as they are told; beyond this they had better ask again. */
const MAX_RETRY_AFTER_MS = 30_000;

/** The error for charges that did not fit. A budget that is gone outweighs a limit, which is soon free again. */
export const refusalOf = (found: Found[]): GatewayError => {
  const exceeded = found.filter(({ charge }) => exceededIn(found).includes(charge));
  const budget = exceeded.find(({ charge }) => charge.account.meter === 'budget');
  if (budget !== undefined) return overBudget(budget.charge.account as BudgetAccount, budget);
  const limits = exceeded.map(({ charge, standing }) => ({ charge, waitMs: standing.retryAfterMs }));
  const { charge, waitMs } = limits.reduce((longest, other) => (other.waitMs > longest.waitMs ? other : longest));
  return overLimit(charge.account as LimitAccount, charge.amount, waitMs);
};

/** The caller's own limit, or that of an upstream, said of every upstream that could answer. */
const overLimit = (account: LimitAccount, amount: number, waitMs: number): GatewayError => {
  const { subject, limit, meter } = account;
  const rule = `${limit} ${meter === 'concurrent' ? 'concurrent requests' : `${meter} per minute`}`;
  const code = subject.kind === 'upstream' ? 'upstream_rate_limited' : 'rate_limit_exceeded';
  if (amount > limit) {
    const message = `Request too large for ${show(subject)}: it may take ${amount} tokens, and the limit is ${rule}.`;
    return new GatewayError(code, message, { shouldRetry: false, isRetryable: subject.kind === 'upstream' });
  }
  const wait = waitMs < 1_000 ? `${Math.ceil(waitMs)}ms` : `${(Math.ceil(waitMs / 100) / 10).toString()}s`;
  return new GatewayError(code, `Rate limit reached for ${show(subject)}: ${rule}. Please try again in ${wait}.`, {
    retryAfterMs: Math.min(MAX_RETRY_AFTER_MS, Math.ceil(waitMs)),
    isRetryable: subject.kind === 'upstream',
  });
};

const overBudget = ({ subject, limit, period }: BudgetAccount, { charge, standing }: Found): GatewayError => {
  const spent = `${formatUsd(standing.used)} of ${formatUsd(limit)} USD are spent or set aside`;
  const need = `this request may cost up to ${formatUsd(charge.amount)} USD`;
  const renewal = period.per === 'total' ? '' : ` It begins anew at ${new Date(period.endMs).toISOString()}.`;
  const message = `The budget of ${show(subject)} does not suffice: ${spent}, and ${need}.${renewal}`;
  return new GatewayError('insufficient_quota', message, { shouldRetry: false });
};

const show = ({ kind, name }: Subject): string => `${kind} "${name}"`;
