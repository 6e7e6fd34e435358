import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import type { CounterStore, Reservation, ReservationResult } from './counter-store.ts';

const WINDOW_MS = 60_000;
/** Subjects remembered at the same time; the least recently used one starts afresh beyond that. */
const MAX_SUBJECTS = 10_000;

type Admission = { id: number; at: number; tokens: number };

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
    if (requestsPerMinute !== undefined && window.size >= requestsPerMinute) {
      const retryAfterMs = this.#untilFreed(window, (freed) => window.size - freed.count < requestsPerMinute);
      return { isAdmitted: false, exceeded: 'requests', limit: requestsPerMinute, retryAfterMs };
    }
    if (tokensPerMinute !== undefined && window.tokens + tokens > tokensPerMinute) {
      const retryAfterMs = this.#untilFreed(
        window,
        (freed) => window.tokens - freed.tokens + tokens <= tokensPerMinute,
      );
      return { isAdmitted: false, exceeded: 'tokens', limit: tokensPerMinute, retryAfterMs };
    }
    const id = ++this.#lastId;
    window.add({ id, at: this.#clock.elapsed(), tokens });
    return { isAdmitted: true, reservationId: id };
  }

  async settle(reservation: Reservation, reservationId: number, tokens: number): Promise<void> {
    this.#current(reservation.subject).settle(reservationId, tokens);
  }

  #current(subject: string): Window {
    const window = this.#windows.get(subject) ?? new Window();
    window.expire(this.#clock.elapsed() - WINDOW_MS);
    this.#windows.set(subject, window);
    return window;
  }

  /** Milliseconds until enough admissions have left the window; the whole window when even that does not suffice. */
  #untilFreed(window: Window, isEnough: (freed: { count: number; tokens: number }) => boolean): number {
    const freed = { count: 0, tokens: 0 };
    for (const { at, tokens } of window.admissions()) {
      freed.count++;
      freed.tokens += tokens;
      if (isEnough(freed)) return at + WINDOW_MS - this.#clock.elapsed();
    }
    return WINDOW_MS;
  }
}

/** Admissions of the last minute, oldest first: a Map keeps the order they came in and finds each by its id. */
class Window {
  readonly #byId = new Map<number, Admission>();
  tokens = 0;

  get size(): number {
    return this.#byId.size;
  }

  admissions(): Iterable<Admission> {
    return this.#byId.values();
  }

  add(admission: Admission): void {
    this.#byId.set(admission.id, admission);
    this.tokens += admission.tokens;
  }

  settle(id: number, tokens: number): void {
    const admission = this.#byId.get(id);
    if (admission === undefined) return;
    this.tokens += tokens - admission.tokens;
    admission.tokens = tokens;
  }

  expire(horizon: number): void {
    for (const { id, at, tokens } of this.#byId.values()) {
      if (at > horizon) return;
      this.#byId.delete(id);
      this.tokens -= tokens;
    }
  }
}
