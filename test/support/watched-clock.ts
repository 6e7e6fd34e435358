import { type Clock, systemClock } from '../../src/lib/clock.ts';

/** The system's clock, which knows how many of its timers are still to fire: a leak shows. */
export class WatchedClock implements Clock {
  readonly #pending = new Set<object>();

  get pendingTimers(): number {
    return this.#pending.size;
  }

  now(): number {
    return systemClock.now();
  }

  elapsed(): number {
    return systemClock.elapsed();
  }

  after(ms: number, callback: () => void): () => void {
    const timer = {};
    this.#pending.add(timer);
    const cancel = systemClock.after(ms, () => {
      this.#pending.delete(timer);
      callback();
    });
    return () => {
      this.#pending.delete(timer);
      cancel();
    };
  }
}
