import type { RouteConfig } from '../config/schema.ts';

/** Recent difficulties remembered for a route: enough for a share to within about two percent. */
const WINDOW = 1_000;

/**
 * Thresholds that hold a share. Each route remembers its last difficulties; the threshold is the quantile above which
 * the wanted share of them lies, so it follows the traffic as it drifts. Kept in this process.
 */
export class ShareThresholds {
  readonly #prior: readonly number[];
  readonly #windows = new Map<string, { recent: number[]; next: number }>();

  /** @param prior typical difficulties, from which a route without traffic starts; they fade as real ones come. */
  constructor(prior: readonly number[]) {
    this.#prior = prior;
  }

  /** The threshold now; then counts `difficulty` for the next ones. */
  thresholdFor(route: string, share: number, difficulty: number): number {
    const window = this.#windows.get(route) ?? { recent: [...this.#prior], next: 0 };
    this.#windows.set(route, window);
    const sorted = Float64Array.from(window.recent).sort();
    const above = Math.round(share * sorted.length);
    window.recent[window.next] = difficulty;
    window.next = (window.next + 1) % WINDOW;
    return above === 0 ? Number.POSITIVE_INFINITY : (sorted[sorted.length - above] ?? 0);
  }
}

/** The difficulty from which a route sends requests to the strongest tier; null where difficulty does not decide. */
export const thresholdOf = (route: RouteConfig | null, difficulty: number, shares: ShareThresholds): number | null => {
  const rule = route?.difficulty;
  if (route === null || rule === undefined) return null;
  return 'threshold' in rule ? rule.threshold : shares.thresholdFor(route.name, rule.largeShare, difficulty);
};
