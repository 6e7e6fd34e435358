/** What to count: a subject (`team:research`), its limits in any 60 s, and what one request is expected to use. */
export type Reservation = {
  subject: string;
  requestsPerMinute: number | undefined;
  tokensPerMinute: number | undefined;
  /** Estimated tokens, prompt and answer. */
  tokens: number;
};

export type ReservationResult =
  | { isAdmitted: true; reservationId: number }
  | { isAdmitted: false; exceeded: 'requests' | 'tokens'; limit: number; retryAfterMs: number };

/**
 * Port: counters of a sliding minute. `reserve` checks and counts in one atomic step, so that concurrent requests
 * cannot pass a limit together; `settle` replaces the estimate by the truth (0 gives the tokens back).
 */
export interface CounterStore {
  reserve(reservation: Reservation): Promise<ReservationResult>;
  settle(reservation: Reservation, reservationId: number, tokens: number): Promise<void>;
}
