import type { Clock } from '../lib/clock.ts';

export type CircuitState = 'closed' | 'open' | 'half-open';

/** Calls remembered to judge by. */
const WINDOW = 20;
/** So many calls at least must be remembered, and this share of them have failed, before the circuit opens. */
const MIN_CALLS = 5;
const FAILURE_SHARE = 0.5;
const FIRST_OPEN_MS = 5_000;
const LONGEST_OPEN_MS = 60_000;

/**
 * Stops asking a model that fails: after half of at least five recent calls failed it is open, and nobody waits for
 * what will fail anyway. After a pause one call at a time may probe; a success closes it, a failure opens it for twice
 * as long (5 s, at most a minute). See M. Nygard, "Release It!", chapter "Stability Patterns".
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  #recent: boolean[] = [];
  #openUntil: number | null = null;
  #openMs = FIRST_OPEN_MS;
  #isProbing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get state(): CircuitState {
    if (this.#openUntil === null) return 'closed';
    return this.#clock.elapsed() < this.#openUntil ? 'open' : 'half-open';
  }

  /** Milliseconds until the next probe may go; 0 unless open. */
  get probeInMs(): number {
    return this.#openUntil === null ? 0 : Math.max(0, this.#openUntil - this.#clock.elapsed());
  }

  /** Whether a call may go now. A true answer in `half-open` takes the one place of the probe: report its end. */
  tryAcquire(): boolean {
    const { state } = this;
    if (state === 'closed') return true;
    if (state === 'open' || this.#isProbing) return false;
    this.#isProbing = true;
    return true;
  }

  succeeded(): void {
    this.#isProbing = false;
    this.#remember(true);
    if (this.#openUntil === null) return;
    this.#openUntil = null;
    this.#openMs = FIRST_OPEN_MS;
    this.#recent = [];
  }

  failed(): void {
    const wasProbe = this.#isProbing;
    this.#isProbing = false;
    this.#remember(false);
    if (wasProbe) this.#open(Math.min(this.#openMs * 2, LONGEST_OPEN_MS));
    else if (this.#openUntil === null && this.#isTooBad()) this.#open(FIRST_OPEN_MS);
  }

  /** The call ended in a way that says nothing of the model: the client left, or the request itself was wrong. */
  released(): void {
    this.#isProbing = false;
  }

  #remember(isGood: boolean): void {
    this.#recent.push(isGood);
    if (this.#recent.length > WINDOW) this.#recent.shift();
  }

  #isTooBad(): boolean {
    const failures = this.#recent.filter((isGood) => !isGood).length;
    return this.#recent.length >= MIN_CALLS && failures / this.#recent.length >= FAILURE_SHARE;
  }

  #open(ms: number): void {
    this.#openMs = ms;
    this.#openUntil = this.#clock.elapsed() + ms;
  }
}
