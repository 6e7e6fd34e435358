import type { Clock } from '../lib/clock.ts';
import type { CacheFilter, CacheUsage } from './cache-store.ts';
import { MAX_OBSERVATIONS, type Observation } from './learned-threshold.ts';
import {
  MAX_QUESTIONS,
  type Neighbour,
  type SemanticEntry,
  type SemanticPartition,
  type SemanticStore,
} from './semantic-store.ts';
import { UsageTable } from './usage-table.ts';
import { VectorTable } from './vector-table.ts';

export type SemanticLimits = { entriesOfPartition: number; bytes: number };

/** 128 MiB in all; those not used for longest go first. */
const LIMITS: SemanticLimits = { entriesOfPartition: MAX_QUESTIONS, bytes: 128 * 1024 * 1024 };
/** What a question takes beside its vector: text, facts, observations, about. */
const ENTRY_BYTES = 4 * 1024;

type Slot = { entry: SemanticEntry; usedAt: number; storedAt: number; expiresAt: number };
type Home = { partition: SemanticPartition; table: VectorTable<Slot> };

/** Keeps questions in this process, and compares with all of a partition: no index, no approximation. */
export class MemorySemanticStore implements SemanticStore {
  readonly #clock: Clock;
  readonly #limits: SemanticLimits;
  /** In the order of their last use. */
  readonly #homes = new Map<string, Home>();
  #uses = 0;
  #bytes = 0;

  /** @param limits for tests. */
  constructor(clock: Clock, limits: SemanticLimits = LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
  }

  async nearest(
    partition: SemanticPartition,
    vector: Float32Array,
    { minSimilarity, count }: { minSimilarity: number; count: number },
  ): Promise<Neighbour[]> {
    const home = this.#use(partition);
    if (home === undefined || home.table.dimensions !== vector.length) return [];
    const found = await home.table.search(vector, minSimilarity);
    const now = this.#clock.now();
    const near = found
      .filter(({ value: { expiresAt } }) => expiresAt > now)
      .sort((a, b) => b.similarity - a.similarity)
      .slice(0, count);
    for (const { value } of near) value.usedAt = ++this.#uses;
    return near.map(({ value, similarity }) => ({ entry: value.entry, similarity }));
  }

  async add(partition: SemanticPartition, vector: Float32Array, entry: SemanticEntry, lifeMs: number): Promise<void> {
    let home = this.#use(partition);
    // Another model of embeddings answers now: its vectors cannot be compared with those before.
    if (home !== undefined && home.table.dimensions !== vector.length) {
      this.#drop(home);
      home = undefined;
    }
    if (home === undefined) {
      home = { partition, table: new VectorTable(vector.length) };
      this.#homes.set(nameOf(partition), home);
    }
    const now = this.#clock.now();
    const slot = { entry, usedAt: ++this.#uses, storedAt: now, expiresAt: now + lifeMs };
    this.#change(home, (table) => {
      table.remove(entry.place.key);
      if (table.size >= this.#limits.entriesOfPartition) table.remove(oldestOf(table));
      table.add(entry.place.key, vector, slot);
    });
    this.#shrink();
  }

  async observe(partition: SemanticPartition, key: string, observation: Observation): Promise<boolean> {
    const slot = this.#homes.get(nameOf(partition))?.table.get(key);
    if (slot === undefined) return false;
    const observations = [...slot.entry.observations, observation].slice(-MAX_OBSERVATIONS);
    slot.entry = { ...slot.entry, observations };
    return true;
  }

  async remove(partition: SemanticPartition, key: string): Promise<boolean> {
    const home = this.#homes.get(nameOf(partition));
    return home !== undefined && this.#change(home, (table) => table.remove(key));
  }

  async usage(filter: CacheFilter): Promise<CacheUsage[]> {
    const rows = new UsageTable();
    for (const { home, keys } of this.#matching(filter)) rows.add(home.partition, shareOf(home, keys), keys.length);
    return rows.rows();
  }

  async clear(filter: CacheFilter): Promise<CacheUsage[]> {
    const rows = new UsageTable();
    for (const { home, keys } of [...this.#matching(filter)]) {
      rows.add(home.partition, shareOf(home, keys), keys.length);
      this.#change(home, (table) => {
        for (const key of keys) table.remove(key);
      });
    }
    return rows.rows();
  }

  *#matching({ team, route, storedBefore }: CacheFilter): Generator<{ home: Home; keys: string[] }> {
    const now = this.#clock.now();
    const isMeant = ({ storedAt, expiresAt }: Slot) =>
      expiresAt > now && (storedBefore === undefined || storedAt < storedBefore);
    for (const home of this.#homes.values()) {
      if (team !== undefined && home.partition.team !== team) continue;
      if (route !== undefined && home.partition.route !== route) continue;
      const keys = [...home.table.entries()].flatMap(([key, slot]) => (isMeant(slot) ? [key] : []));
      if (keys.length > 0) yield { home, keys };
    }
  }

  #use(partition: SemanticPartition): Home | undefined {
    const name = nameOf(partition);
    const home = this.#homes.get(name);
    if (home === undefined) return undefined;
    this.#homes.delete(name);
    this.#homes.set(name, home);
    return home;
  }

  /** Keeps count of the bytes; what has become empty goes. */
  #change<Value>(home: Home, work: (table: VectorTable<Slot>) => Value): Value {
    this.#bytes -= bytesOf(home);
    const value = work(home.table);
    this.#bytes += bytesOf(home);
    if (home.table.size === 0) this.#drop(home);
    return value;
  }

  #shrink(): void {
    for (const home of this.#homes.values()) {
      while (this.#bytes > this.#limits.bytes && home.table.size > 0) {
        this.#change(home, (table) => table.remove(oldestOf(table)));
      }
      if (this.#bytes <= this.#limits.bytes) return;
    }
  }

  #drop(home: Home): void {
    this.#homes.delete(nameOf(home.partition));
    this.#bytes -= bytesOf(home);
  }
}

const nameOf = ({ team, route, id }: SemanticPartition): string => JSON.stringify([team, route, id]);

const bytesOf = ({ table }: Home): number => (table.size === 0 ? 0 : table.byteLength + table.size * ENTRY_BYTES);

const shareOf = (home: Home, keys: string[]): number => Math.round((bytesOf(home) * keys.length) / home.table.size);

const oldestOf = (table: VectorTable<Slot>): string => {
  let oldest = '';
  let usedAt = Infinity;
  for (const [key, slot] of table.entries()) if (slot.usedAt < usedAt) [oldest, usedAt] = [key, slot.usedAt];
  return oldest;
};
