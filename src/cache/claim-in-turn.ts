import type { Clock } from '../lib/clock.ts';
import type { CachePlace } from './cache-key.ts';
import type { CacheStore, Claimed, Keepable } from './cache-store.ts';

export type Turn<Kept extends Keepable> = {
  cache: CacheStore<Kept>;
  clock: Clock;
  signal: AbortSignal;
  /** Awaits others; that time is no overhead of ours. */
  waiting<Value>(promise: Promise<Value>): Promise<Value>;
  limitMs: number;
};

/**
 * Waits while another gateway fetches the answer; null when that takes longer than the limit.
 * @throws the reason of `signal`.
 */
export const claimInTurn = async <Kept extends Keepable>(
  place: CachePlace,
  { cache, clock, signal, waiting, limitMs }: Turn<Kept>,
): Promise<Exclude<Claimed<Kept>, { kind: 'taken' }> | null> => {
  const deadline = clock.elapsed() + limitMs;
  for (;;) {
    const claimed = await cache.claim(place);
    if (claimed.kind !== 'taken') return claimed;
    await waiting(claimed.changed());
    if (signal.aborted) throw signal.reason;
    if (clock.elapsed() >= deadline) return null;
  }
};
