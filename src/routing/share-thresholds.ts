/** Recent difficulties remembered for a route: enough for a share to within about two percent. */
export const SHARE_WINDOW = 1_000;

/**
 * `sorted` holds what `recent` does, ascending: sorting anew for each request would cost more than the classifier.
 * `unreported` are those that other gateways have not been told, oldest first.
 */
type Window = { recent: number[]; sorted: number[]; next: number; unreported: number[] };

/**
 * Thresholds that hold a share. Each route remembers its last difficulties; the threshold is the quantile above which
 * the wanted share of them lies, so it follows the traffic as it drifts. Kept in this process; gateways may exchange theirs.
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
    const { sorted, unreported } = window;
    const above = Math.round(share * sorted.length);
    const threshold = above === 0 ? Number.POSITIVE_INFINITY : (sorted[sorted.length - above] ?? 0);
    count(window, difficulty);
    unreported.push(difficulty);
    if (unreported.length > SHARE_WINDOW) unreported.shift();
    return threshold;
  }

  /** Routes that have been asked about. */
  routes(): string[] {
    return [...this.#windows.keys()];
  }

  /** The difficulties of a route that `adopt` was not told of yet, oldest first. */
  unreported(route: string): readonly number[] {
    return [...(this.#windows.get(route)?.unreported ?? [])];
  }

  /**
   * Takes what all gateways have seen for this one's own.
   * @param latest oldest first; what is missing to a whole window is as it was at the beginning.
   * @param reported how many of `unreported`, from its beginning, are in it.
   */
  adopt(route: string, latest: readonly number[], reported: number): void {
    const unreported = this.#windows.get(route)?.unreported.slice(reported) ?? [];
    const recent = [...this.#prior, ...latest].slice(-SHARE_WINDOW);
    const window: Window = { recent, sorted: [...recent].sort((a, b) => a - b), next: 0, unreported };
    for (const difficulty of unreported) count(window, difficulty);
    this.#windows.set(route, window);
  }

  #newWindow(): Window {
    return { recent: [...this.#prior], sorted: [...this.#prior].sort((a, b) => a - b), next: 0, unreported: [] };
  }
}

/** Puts a difficulty in the place of the oldest. */
const count = (window: Window, difficulty: number): void => {
  const { recent, sorted, next } = window;
  const leaving = recent[next];
  if (leaving !== undefined) sorted.splice(rankOf(leaving, sorted), 1);
  sorted.splice(rankOf(difficulty, sorted), 0, difficulty);
  recent[next] = difficulty;
  window.next = (next + 1) % SHARE_WINDOW;
};

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
