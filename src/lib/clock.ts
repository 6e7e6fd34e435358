/**
 * Time as a dependency, so that tests move it by hand and never sleep.
 * `now` is Unix time in milliseconds (may jump); `elapsed` is monotonic milliseconds from an arbitrary start.
 */
export type Clock = {
  now(): number;
  elapsed(): number;
  /** Runs `callback` once after `ms`; the returned function cancels it. Timers never keep the process alive. */
  after(ms: number, callback: () => void): () => void;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms).unref();
    return () => clearTimeout(timer);
  },
};
