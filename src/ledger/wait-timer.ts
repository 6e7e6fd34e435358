import type { Clock } from '../lib/clock.ts';

/** Milliseconds during which at least one of several, possibly overlapping, waits was open. */
export class WaitTimer {
  readonly #clock: Clock;
  #open = 0;
  #openedAt = 0;
  #closedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Opens a wait; the returned function closes it. Closing twice is the same as once. */
  begin(): () => void {
    if (this.#open++ === 0) this.#openedAt = this.#clock.elapsed();
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      if (--this.#open === 0) this.#closedMs += this.#clock.elapsed() - this.#openedAt;
    };
  }

  get totalMs(): number {
    return this.#closedMs + (this.#open > 0 ? this.#clock.elapsed() - this.#openedAt : 0);
  }
}
