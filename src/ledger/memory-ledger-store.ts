import type { LedgerEntry } from '../contract/ledger-entry.ts';
import type { LedgerStore, SpendRow } from './ledger-store.ts';
import { type SpendQuery, spendOf } from './spend-rows.ts';

/** A ledger that ends with the process, for tests and trials. Keeps the newest `maxEntries` (10,000) that were appended. */
export class MemoryLedgerStore implements LedgerStore {
  readonly #entries = new Map<string, LedgerEntry>();
  readonly #maxEntries: number;

  constructor({ maxEntries = 10_000 }: { maxEntries?: number } = {}) {
    this.#maxEntries = maxEntries;
  }

  async append(entry: LedgerEntry): Promise<void> {
    if (this.#entries.has(entry.id)) return;
    this.#entries.set(entry.id, structuredClone(entry));
    if (this.#entries.size <= this.#maxEntries) return;
    const [oldest] = this.#entries.keys();
    if (oldest) this.#entries.delete(oldest);
  }

  async recent({ sinceMs, limit }: { sinceMs: number; limit: number }): Promise<LedgerEntry[]> {
    return [...this.#entries.values()]
      .filter(({ at }) => at >= sinceMs)
      .sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
      .slice(0, limit)
      .map((entry) => structuredClone(entry));
  }

  async spend(query: SpendQuery): Promise<SpendRow[]> {
    const entries = [...this.#entries.values()].filter(({ at }) => at >= query.sinceMs && at < query.untilMs);
    return spendOf(entries, query);
  }

  async close(): Promise<void> {}
}
