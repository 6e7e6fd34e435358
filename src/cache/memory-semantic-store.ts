import { setImmediate as nextTurn } from 'node:timers/promises';
import { MAX_OBSERVATIONS, type Observation } from './learned-threshold.ts';
import type { Neighbour, SemanticEntry, SemanticStore } from './semantic-store.ts';

export type SemanticLimits = { entriesOfPartition: number; bytes: number };

/** Of one partition at most 10,000 questions, and 128 MiB in all; those not used for longest go first. */
const LIMITS: SemanticLimits = { entriesOfPartition: 10_000, bytes: 128 * 1024 * 1024 };
/** What a question takes beside its vector: text, facts, observations, about. */
const ENTRY_BYTES = 4 * 1024;
/** Products between two turns of the event loop: under a millisecond of work. */
const CHUNK = 1_000_000;

type Slot = { entry: SemanticEntry; usedAt: number };

/** Searches all questions of a partition, exactly: no index, no approximation. */
export class MemorySemanticStore implements SemanticStore {
  readonly #limits: SemanticLimits;
  /** In the order of their last use. */
  readonly #partitions = new Map<string, Partition>();
  #uses = 0;
  #bytes = 0;

  /** @param limits for tests. */
  constructor(limits: SemanticLimits = LIMITS) {
    this.#limits = limits;
  }

  async nearest(
    partition: string,
    vector: Float32Array,
    { minSimilarity, count }: { minSimilarity: number; count: number },
  ): Promise<Neighbour[]> {
    const found = this.#use(partition);
    if (found === undefined || found.dimensions !== vector.length) return [];
    const near = (await found.search(vector, minSimilarity))
      .sort((a, b) => b.similarity - a.similarity)
      .slice(0, count);
    for (const { slot } of near) slot.usedAt = ++this.#uses;
    return near.map(({ slot, similarity }) => ({ entry: slot.entry, similarity }));
  }

  async add(partition: string, vector: Float32Array, entry: SemanticEntry): Promise<void> {
    let home = this.#use(partition);
    // Another model of embeddings answers now: its vectors cannot be compared with those before.
    if (home !== undefined && home.dimensions !== vector.length) {
      this.#drop(partition, home);
      home = undefined;
    }
    if (home === undefined) {
      home = new Partition(vector.length);
      this.#partitions.set(partition, home);
    }
    this.#bytes -= home.bytes;
    home.remove(entry.place.key);
    if (home.size >= this.#limits.entriesOfPartition) home.removeOldest();
    home.add(vector, { entry, usedAt: ++this.#uses });
    this.#bytes += home.bytes;
    this.#shrink();
  }

  async observe(partition: string, key: string, observation: Observation): Promise<void> {
    const slot = this.#partitions.get(partition)?.find(key);
    if (slot === undefined) return;
    const observations = [...slot.entry.observations, observation].slice(-MAX_OBSERVATIONS);
    slot.entry = { ...slot.entry, observations };
  }

  async remove(partition: string, key: string): Promise<void> {
    const home = this.#partitions.get(partition);
    if (home === undefined) return;
    this.#bytes -= home.bytes;
    home.remove(key);
    this.#bytes += home.bytes;
    if (home.size === 0) this.#drop(partition, home);
  }

  #use(partition: string): Partition | undefined {
    const found = this.#partitions.get(partition);
    if (found === undefined) return undefined;
    this.#partitions.delete(partition);
    this.#partitions.set(partition, found);
    return found;
  }

  #shrink(): void {
    for (const [key, partition] of this.#partitions) {
      while (this.#bytes > this.#limits.bytes && partition.size > 0) {
        this.#bytes -= partition.bytes;
        partition.removeOldest();
        this.#bytes += partition.bytes;
      }
      if (partition.size === 0) this.#drop(key, partition);
      if (this.#bytes <= this.#limits.bytes) return;
    }
  }

  #drop(key: string, partition: Partition): void {
    this.#partitions.delete(key);
    this.#bytes -= partition.bytes;
  }
}

/** Vectors one after another in one array, and their entries in the same order. */
class Partition {
  readonly dimensions: number;
  /** Rows are compared to this column first. */
  readonly #cut: number;
  #vectors: Float32Array<ArrayBuffer>;
  /** Of each row, the length of what follows the cut. */
  #rests = new Float32Array(4);
  #slots: Slot[] = [];

  constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.#cut = Math.ceil(dimensions / 4);
    this.#vectors = new Float32Array(dimensions * 4);
  }

  get size(): number {
    return this.#slots.length;
  }

  get bytes(): number {
    return this.#slots.length === 0 ? 0 : this.#vectors.byteLength + this.#slots.length * ENTRY_BYTES;
  }

  find(key: string): Slot | undefined {
    return this.#slots.find(({ entry }) => entry.place.key === key);
  }

  add(vector: Float32Array, slot: Slot): void {
    const end = this.#slots.length * this.dimensions;
    if (end + this.dimensions > this.#vectors.length) {
      this.#vectors = twice(this.#vectors);
      this.#rests = twice(this.#rests);
    }
    this.#rests[this.#slots.length] = lengthFrom(vector, this.#cut);
    this.#vectors.set(vector, end);
    this.#slots.push(slot);
  }

  /** The last one moves to the place of the one that goes. */
  remove(key: string): void {
    const index = this.#slots.findIndex(({ entry }) => entry.place.key === key);
    if (index >= 0) this.#removeAt(index);
  }

  removeOldest(): void {
    let oldest = 0;
    for (const [index, { usedAt }] of this.#slots.entries()) {
      if (usedAt < (this.#slots[oldest] as Slot).usedAt) oldest = index;
    }
    this.#removeAt(oldest);
  }

  #removeAt(index: number): void {
    const last = this.#slots.length - 1;
    const { dimensions } = this;
    this.#vectors.copyWithin(index * dimensions, last * dimensions, (last + 1) * dimensions);
    this.#rests[index] = this.#rests[last] as number;
    this.#slots[index] = this.#slots[last] as Slot;
    this.#slots.pop();
  }

  /**
   * In chunks, so that no search holds the event loop; what is removed meanwhile is never returned. Most rows need a
   * quarter of their products: what follows adds at most the product of two lengths (Cauchy-Schwarz), so none that is near
   * enough is lost.
   */
  async search(vector: Float32Array, least: number): Promise<{ slot: Slot; similarity: number }[]> {
    const { dimensions } = this;
    const cut = this.#cut;
    const rest = lengthFrom(vector, cut);
    const rows = Math.max(1, Math.floor(CHUNK / dimensions));
    const near: { slot: Slot; similarity: number }[] = [];
    for (let from = 0; from < this.#slots.length; from += rows) {
      if (from > 0) await nextTurn();
      const to = Math.min(from + rows, this.#slots.length);
      for (let row = from; row < to; row++) {
        const start = row * dimensions;
        const begun = product(this.#vectors, start, vector, 0, cut);
        if (begun + (this.#rests[row] as number) * rest < least - ROUNDING) continue;
        const similarity = begun + product(this.#vectors, start, vector, cut, dimensions);
        if (similarity >= least) near.push({ slot: this.#slots[row] as Slot, similarity });
      }
    }
    return near.filter(({ slot }) => this.#slots.includes(slot));
  }
}

const twice = (values: Float32Array): Float32Array<ArrayBuffer> => {
  const larger = new Float32Array(values.length * 2);
  larger.set(values);
  return larger;
};

/** The sum of products from one column to another; four sums at a time: the processor need not wait for one to begin the next. */
const product = (vectors: Float32Array, start: number, vector: Float32Array, from: number, to: number): number => {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = from;
  for (; i + 3 < to; i += 4) {
    const at = start + i;
    a += (vectors[at] as number) * (vector[i] as number);
    b += (vectors[at + 1] as number) * (vector[i + 1] as number);
    c += (vectors[at + 2] as number) * (vector[i + 2] as number);
    d += (vectors[at + 3] as number) * (vector[i + 3] as number);
  }
  for (; i < to; i++) a += (vectors[start + i] as number) * (vector[i] as number);
  return a + b + c + d;
};

/** Length of what follows a column. */
const lengthFrom = (vector: Float32Array, column: number): number => {
  let sum = 0;
  for (let i = column; i < vector.length; i++) sum += (vector[i] as number) ** 2;
  return Math.sqrt(sum);
};

/** Rounding of 32-bit floats must not lose one that is just near enough. */
const ROUNDING = 1e-5;
