import type { Caller } from '../auth/caller.ts';
import type { TeamConfig } from '../config/schema.ts';
import { GatewayError } from '../contract/errors.ts';
import type { CounterStore, Reservation } from './counter-store.ts';

/** What was set aside for a request. `settle` states the tokens truly used, once; 0 when nothing was. */
export type Hold = { settle(tokens: number): Promise<void> };

const NOTHING_HELD: Hold = { settle: async () => {} };

/** Official clients before 2026 sleep as long as they are told; beyond this they had better ask again. */
const MAX_RETRY_AFTER_SECONDS = 30;

/**
 * Counts the request against the limits of its caller's team before any upstream is asked.
 * @param estimatedTokens prompt and answer together.
 * @throws GatewayError `rate_limit_exceeded`, with seconds to wait.
 */
export const reserve = async (
  caller: Caller,
  team: TeamConfig | undefined,
  estimatedTokens: number,
  counters: CounterStore,
): Promise<Hold> => {
  const { requestsPerMinute, tokensPerMinute } = team?.limits ?? {};
  if (requestsPerMinute === undefined && tokensPerMinute === undefined) return NOTHING_HELD;
  const reservation: Reservation = {
    subject: `team:${caller.team}`,
    requestsPerMinute,
    tokensPerMinute,
    tokens: estimatedTokens,
  };
  const result = await counters.reserve(reservation);
  if (!result.isAdmitted) {
    const seconds = Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, Math.ceil(result.retryAfterMs / 1000)));
    const message =
      `Rate limit reached for team "${caller.team}": ${result.limit} ${result.exceeded} per minute. ` +
      `Please try again in ${seconds}s.`;
    throw new GatewayError('rate_limit_exceeded', message, { retryAfterSeconds: seconds });
  }
  return { settle: (tokens) => counters.settle(reservation, result.reservationId, tokens) };
};
