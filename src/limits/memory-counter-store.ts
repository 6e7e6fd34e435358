import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import type { CounterStore, Reservation, ReservationResult } from './counter-store.ts';

const WINDOW_MS = 60_000;
/** Subjects remembered at the same time; the least recently used one starts afresh beyond that. */
const MAX_SUBJECTS = 10_000;

type Admission = { id: number; at: number; tokens: number };
type Window = { admissions: Admission[]; tokens: number };

/**
 * Counts in this process. A window holds one small record for each request admitted in the last minute, so its size is
 * bounded by the request limit; a subject with only a token limit is bounded by that, since a request counts at least
 * one token.
 */
export class MemoryCounterStore implements CounterStore {
  readonly #clock: Clock;
  readonly #windows = new LRUCache<string, Window>({ max: MAX_SUBJECTS });
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async reserve(reservation: Reservation): Promise<ReservationResult> {
    const { requestsPerMinute, tokensPerMinute } = reservation;
    const tokens = Math.max(1, reservation.tokens);
    const window = this.#current(reservation.subject);
    if (requestsPerMinute !== undefined && window.admissions.length >= requestsPerMinute) {
      const wait = this.#untilFreed(window, (freed) => window.admissions.length - freed.count < requestsPerMinute);
      return { isAdmitted: false, exceeded: 'requests', limit: requestsPerMinute, retryAfterMs: wait };
    }
    if (tokensPerMinute !== undefined && window.tokens + tokens > tokensPerMinute) {
      const wait = this.#untilFreed(window, (freed) => window.tokens - freed.tokens + tokens <= tokensPerMinute);
      return { isAdmitted: false, exceeded: 'tokens', limit: tokensPerMinute, retryAfterMs: wait };
    }
    const admission = { id: ++this.#lastId, at: this.#clock.elapsed(), tokens };
    window.admissions.push(admission);
    window.tokens += tokens;
    return { isAdmitted: true, reservationId: admission.id };
  }

  async settle(reservation: Reservation, reservationId: number, tokens: number): Promise<void> {
    const window = this.#current(reservation.subject);
    const admission = window.admissions.find(({ id }) => id === reservationId);
    if (admission === undefined) return;
    window.tokens += tokens - admission.tokens;
    admission.tokens = tokens;
  }

  #current(subject: string): Window {
    const window = this.#windows.get(subject) ?? { admissions: [], tokens: 0 };
    const horizon = this.#clock.elapsed() - WINDOW_MS;
    const firstKept = window.admissions.findIndex(({ at }) => at > horizon);
    const expired = window.admissions.splice(0, firstKept < 0 ? window.admissions.length : firstKept);
    for (const { tokens } of expired) window.tokens -= tokens;
    this.#windows.set(subject, window);
    return window;
  }

  /** Milliseconds until enough admissions have left the window; the whole window when even that does not suffice. */
  #untilFreed(window: Window, isEnough: (freed: { count: number; tokens: number }) => boolean): number {
    const freed = { count: 0, tokens: 0 };
    for (const { at, tokens } of window.admissions) {
      freed.count++;
      freed.tokens += tokens;
      if (isEnough(freed)) return at + WINDOW_MS - this.#clock.elapsed();
    }
    return WINDOW_MS;
  }
}
