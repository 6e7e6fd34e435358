import type { NanoUsd } from '../lib/money.ts';
import type { Period } from './period.ts';

export type Forecast = {
  /** Spent at the end of the period if it goes on like this; null for a period without an end. */
  atEndNanoUsd: NanoUsd | null;
  /** When the limit will be reached if it goes on like this, in Unix milliseconds; null when it will not in the period. */
  exhaustedAtMs: number | null;
};

/** A straight line from the beginning of the period through what has been spent by now. */
export const forecastOf = (spent: NanoUsd, limit: NanoUsd, { startMs, endMs }: Period, nowMs: number): Forecast => {
  const elapsedMs = nowMs - startMs;
  if (endMs === Number.POSITIVE_INFINITY || elapsedMs <= 0) return { atEndNanoUsd: null, exhaustedAtMs: null };
  const atEndNanoUsd = Math.round((spent * (endMs - startMs)) / elapsedMs);
  const exhaustedAtMs = spent >= limit ? nowMs : Math.ceil(startMs + (limit * elapsedMs) / spent);
  return { atEndNanoUsd, exhaustedAtMs: exhaustedAtMs < endMs ? exhaustedAtMs : null };
};
