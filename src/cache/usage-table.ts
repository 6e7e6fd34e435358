import type { CacheUsage } from './cache-store.ts';

/** Adds up entries by team and route. */
export class UsageTable {
  readonly #rows = new Map<string, CacheUsage>();

  add({ team, route }: Pick<CacheUsage, 'team' | 'route'>, bytes: number, entries = 1): void {
    const key = `${team}\n${route}`;
    const row = this.#rows.get(key) ?? { team, route, entries: 0, bytes: 0 };
    this.#rows.set(key, { ...row, entries: row.entries + entries, bytes: row.bytes + bytes });
  }

  /** By team, then by route. */
  rows(): CacheUsage[] {
    const order = ({ team, route }: CacheUsage) => `${team}\n${route}`;
    return [...this.#rows.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  }
}
