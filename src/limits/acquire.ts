import type { GatewayError } from '../contract/errors.ts';
import type { LimitsConfig } from '../contract/limits-schema.ts';
import type { Charge } from './counter-store.ts';
import { type Counters, exceededIn, type Hold, NOTHING_HELD } from './counters.ts';
import { type Estimate, tokensWithin } from './estimate.ts';
import { refusalOf } from './refusals.ts';
import { limitAccounts } from './subjects.ts';

/** A place at an upstream, to be settled when its call ends; or why there is none now, and in short words. */
export type Place = { hold: Hold; refusal: null } | { hold: null; refusal: GatewayError; reason: string };

const UNLIMITED: Place = { hold: NOTHING_HELD, refusal: null };

/** Counts one call against the limits of its upstream. */
export const acquire = async (
  requestId: string,
  upstream: string,
  limits: LimitsConfig | undefined,
  estimate: Estimate,
  counters: Counters,
): Promise<Place> => {
  if (limits === undefined) return UNLIMITED;
  const limited = [{ subject: { kind: 'upstream', name: upstream } as const, limits }];
  const charges = (['requests', 'concurrent', 'tokens'] as const).flatMap((meter) =>
    limitAccounts(limited, meter).map(
      (account): Charge => ({ account, amount: meter === 'tokens' ? tokensWithin(account.limit, estimate) : 1 }),
    ),
  );
  const { isAdmitted, found, hold } = await counters.reserve(requestId, charges);
  if (isAdmitted) return { hold, refusal: null };
  const [first] = exceededIn(found) as [Charge, ...Charge[]];
  const { meter, limit } = first.account;
  const rule = meter === 'concurrent' ? 'requests at one time' : `${meter} per minute`;
  counters.noteRefusal(found);
  return { hold: null, refusal: refusalOf(found), reason: `${upstream}: at its limit of ${limit} ${rule}` };
};
