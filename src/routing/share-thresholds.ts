/** Recent difficulties remembered for a route: enough for a share to within about two percent. */
const WINDOW = 1_000;

/** `sorted` holds what `recent` does, ascending: sorting anew for each request would cost more than the classifier. */
type Window = { recent: number[]; sorted: number[]; next: number };

/**
 * Thresholds that hold a share. Each route remembers its last difficulties; the threshold is the quantile above which
 * the wanted share of them lies, so it follows the traffic as it drifts. Kept in this process.
 */
export class ShareThresholds {
  readonly #prior: readonly number[];
  readonly #windows = new Map<string, Window>();

  /** @param prior typical difficulties, from which a route without traffic starts; they fade as real ones come. */
  constructor(prior: readonly number[]) {
    this.#prior = prior;
  }

  /** The threshold now; then counts `difficulty` for the next ones. */
  thresholdFor(route: string, share: number, difficulty: number): number {
    const window = this.#windows.get(route) ?? this.#newWindow();
    this.#windows.set(route, window);
    const { recent, sorted, next } = window;
    const above = Math.round(share * sorted.length);
    const threshold = above === 0 ? Number.POSITIVE_INFINITY : (sorted[sorted.length - above] ?? 0);
    const leaving = recent[next];
    if (leaving !== undefined) sorted.splice(rankOf(leaving, sorted), 1);
    sorted.splice(rankOf(difficulty, sorted), 0, difficulty);
    recent[next] = difficulty;
    window.next = (next + 1) % WINDOW;
    return threshold;
  }

  #newWindow(): Window {
    return { recent: [...this.#prior], sorted: [...this.#prior].sort((a, b) => a - b), next: 0 };
  }
}

/** How many of the sorted values are smaller. */
const rankOf = (value: number, sorted: readonly number[]): number => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
};
