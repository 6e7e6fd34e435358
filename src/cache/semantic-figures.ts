/**
 * What became of searches by meaning, by route: `hit`, `nothing-near`, `guard-…` of the nearest, `verifier`, `checked`,
 * `check-right`, `check-wrong`, `no-embedding`, `answer-gone`, `feedback-good`, `feedback-bad`. Bounded by routes.yaml.
 */
export class SemanticFigures {
  readonly #counts = new Map<string, { route: string; outcome: string; count: number }>();

  note(route: string, outcome: string): void {
    const key = `${route}\n${outcome}`;
    const { count } = this.#counts.get(key) ?? { count: 0 };
    this.#counts.set(key, { route, outcome, count: count + 1 });
  }

  get counts(): Iterable<{ route: string; outcome: string; count: number }> {
    return this.#counts.values();
  }
}
