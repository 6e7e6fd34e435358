import { LRUCache } from 'lru-cache';
import { GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';

const MAX_FAILURES = 10;
const WINDOW_MS = 60_000;
/** Addresses remembered at the same time; the one seen longest ago starts afresh beyond that. */
const MAX_ADDRESSES = 10_000;

/**
 * Counts wrong admin keys by the peer's address: after ten within a minute nothing from there is looked at until that
 * minute is over. Behind a proxy all clients share its address, since headers that name another can be made up.
 */
export class FailureLimiter {
  readonly #clock: Pick<Clock, 'elapsed'>;
  readonly #windows = new LRUCache<string, { endsAt: number; failures: number }>({ max: MAX_ADDRESSES });

  constructor(clock: Pick<Clock, 'elapsed'>) {
    this.#clock = clock;
  }

  /** @throws GatewayError `rate_limit_exceeded` when the address has failed too often. */
  refuseWorn(address: string): void {
    const window = this.#current(address);
    if (window === undefined || window.failures < MAX_FAILURES) return;
    const retryAfterSeconds = Math.ceil((window.endsAt - this.#clock.elapsed()) / 1_000);
    const message = `Too many wrong admin keys from this address. Please try again in ${retryAfterSeconds}s.`;
    throw new GatewayError('rate_limit_exceeded', message, { retryAfterSeconds });
  }

  count(address: string): void {
    const window = this.#current(address) ?? { endsAt: this.#clock.elapsed() + WINDOW_MS, failures: 0 };
    window.failures++;
    this.#windows.set(networkOf(address), window);
  }

  #current(address: string) {
    const window = this.#windows.get(networkOf(address));
    return window !== undefined && window.endsAt > this.#clock.elapsed() ? window : undefined;
  }
}

/** One machine commonly has a whole /64 of IPv6 addresses to choose from (RFC 6177). */
const networkOf = (address: string): string => {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter(Boolean);
  if (tail !== undefined) while (groups.length + tail.split(':').filter(Boolean).length < 8) groups.push('0');
  return groups.slice(0, 4).join(':');
};
