import type { LedgerEntry } from '../contract/ledger-entry.ts';

/** Weight of the latest answer in the running mean. */
const LATEST_WEIGHT = 0.2;
/** An answer of fewer tokens says more about its beginning than about the speed. */
const FEWEST_TOKENS = 8;

/** How fast upstreams write, as far as answers have shown: a running mean over single answers, in tokens a second. */
export class GenerationSpeeds {
  readonly #byUpstream = new Map<string, number>();

  observe({ attempts }: LedgerEntry): void {
    for (const { upstream, tokens, firstTokenMs, totalMs, outcome } of attempts) {
      const writingMs = totalMs - (firstTokenMs ?? totalMs);
      if (outcome !== 'ok' || tokens.completionTokens < FEWEST_TOKENS || writingMs <= 0) continue;
      const speed = (tokens.completionTokens / writingMs) * 1_000;
      const before = this.#byUpstream.get(upstream) ?? speed;
      this.#byUpstream.set(upstream, before + LATEST_WEIGHT * (speed - before));
    }
  }

  /** Null before the first answer that was streamed. */
  of(upstream: string): number | null {
    return this.#byUpstream.get(upstream) ?? null;
  }
}
