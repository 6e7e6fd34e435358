import type { ErrorCode, GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';
import { CircuitBreaker, type CircuitState } from './circuit-breaker.ts';
import { RetryBudget } from './retry-budget.ts';

/** A model at an upstream: what a circuit, a cool-down and a latency belong to. */
export type ModelKey = { upstream: string; model: string };

/** Health of one model. `latencyMs`: moving average of the time to first content; null before the first answer. */
export type ModelHealthState = {
  circuit: CircuitState;
  /** When it may be asked again, in milliseconds from now; 0 when it may be asked now. */
  retryInMs: number;
  latencyMs: number | null;
};

/** The latest measurement counts for this share of the average. */
const SMOOTHING = 0.2;

/** Another model may do better, but this one is well. */
const ABOUT_THE_REQUEST = new Set<ErrorCode>([
  'context_length_exceeded',
  'upstream_refused',
  'unsupported_parameter',
  'not_found',
]);

type Entry = { breaker: CircuitBreaker; coolUntil: number; latencyMs: number | null };

/** It works and says when to come again: 429, or 503 with `retry-after` (RFC 9110, section 15.6.4). No reason to trip. */
const isBusy = ({ code, upstreamStatus, retryAfterSeconds }: GatewayError): boolean =>
  code === 'upstream_rate_limited' || (upstreamStatus === 503 && retryAfterSeconds !== undefined);

/**
 * What this process has seen of each model: its circuit, how long it asked to be left alone, how fast it answers, and
 * the retry budget of each upstream. Grows with the models of routes.yaml alone.
 */
export class ModelHealth {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #budgets = new Map<string, RetryBudget>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  stateOf(key: ModelKey): ModelHealthState {
    const { breaker, coolUntil, latencyMs } = this.#entry(key);
    const coolMs = Math.max(0, coolUntil - this.#clock.elapsed());
    return { circuit: breaker.state, retryInMs: Math.max(coolMs, breaker.probeInMs), latencyMs };
  }

  /** The state of each model, by `upstream/model`. */
  snapshot(keys: readonly ModelKey[]): Map<string, ModelHealthState> {
    return new Map(keys.map((key) => [`${key.upstream}/${key.model}`, this.stateOf(key)]));
  }

  /** Whether a call may go to the model now; a true answer must be followed by `succeeded` or `ended`. */
  tryAcquire(key: ModelKey): boolean {
    return this.#entry(key).breaker.tryAcquire();
  }

  succeeded(key: ModelKey, firstContentMs: number | null): void {
    const entry = this.#entry(key);
    entry.breaker.succeeded();
    if (firstContentMs === null) return;
    entry.latencyMs =
      entry.latencyMs === null ? firstContentMs : entry.latencyMs + SMOOTHING * (firstContentMs - entry.latencyMs);
  }

  /** A call ended without a complete answer; counts as a failure only where the model is to blame. */
  ended(key: ModelKey, error: GatewayError): void {
    const entry = this.#entry(key);
    if (isBusy(error)) {
      entry.breaker.released();
      entry.coolUntil = this.#clock.elapsed() + (error.retryAfterSeconds ?? 0) * 1_000;
    } else if (error.isRetryable && !ABOUT_THE_REQUEST.has(error.code)) {
      entry.breaker.failed();
    } else {
      entry.breaker.released();
    }
  }

  budgetOf(upstream: string): RetryBudget {
    const budget = this.#budgets.get(upstream) ?? new RetryBudget();
    this.#budgets.set(upstream, budget);
    return budget;
  }

  #entry({ upstream, model }: ModelKey): Entry {
    const key = `${upstream}/${model}`;
    const entry = this.#entries.get(key) ?? {
      breaker: new CircuitBreaker(this.#clock),
      coolUntil: Number.NEGATIVE_INFINITY,
      latencyMs: null,
    };
    this.#entries.set(key, entry);
    return entry;
  }
}
