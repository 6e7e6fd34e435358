import { setImmediate as nextTurn } from 'node:timers/promises';

/** Products between two turns of the event loop: under a millisecond of work. */
const CHUNK = 1_000_000;

/** Vectors of one length with a key and a value each, and the search for all that are near to one. */
export class VectorTable<Value> {
  readonly dimensions: number;
  /**
   * The first quarter of every row, one after another, then what follows of each: most rows are told by their beginning,
   * and a search reads those in the order in which they lie in memory.
   */
  readonly #cut: number;
  readonly #half: number;
  #heads: Float32Array<ArrayBuffer>;
  #tails: Float32Array<ArrayBuffer>;
  /** Of each row, the length of what follows the first quarter, and of what follows the first half. */
  #afterHead = new Float32Array(4);
  #afterHalf = new Float32Array(4);
  readonly #keys: string[] = [];
  readonly #values: Value[] = [];
  readonly #rows = new Map<string, number>();

  constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.#cut = Math.ceil(dimensions / 4);
    this.#half = Math.ceil(dimensions / 2);
    this.#heads = new Float32Array(this.#cut * 4);
    this.#tails = new Float32Array((dimensions - this.#cut) * 4);
  }

  get size(): number {
    return this.#keys.length;
  }

  get byteLength(): number {
    return this.#heads.byteLength + this.#tails.byteLength + 2 * this.#afterHead.byteLength;
  }

  get(key: string): Value | undefined {
    const row = this.#rows.get(key);
    return row === undefined ? undefined : this.#values[row];
  }

  *entries(): Generator<[string, Value]> {
    for (const [row, key] of this.#keys.entries()) yield [key, this.#values[row] as Value];
  }

  /** @param key one that is not there. */
  add(key: string, vector: Float32Array, value: Value): void {
    const row = this.size;
    if (row === this.#afterHead.length) {
      this.#heads = twice(this.#heads);
      this.#tails = twice(this.#tails);
      this.#afterHead = twice(this.#afterHead);
      this.#afterHalf = twice(this.#afterHalf);
    }
    this.#heads.set(vector.subarray(0, this.#cut), row * this.#cut);
    this.#tails.set(vector.subarray(this.#cut), row * (this.dimensions - this.#cut));
    this.#afterHead[row] = lengthFrom(vector, this.#cut);
    this.#afterHalf[row] = lengthFrom(vector, this.#half);
    this.#keys.push(key);
    this.#values.push(value);
    this.#rows.set(key, row);
  }

  /** The last one moves to the place of the one that goes. @returns whether there was one. */
  remove(key: string): boolean {
    const row = this.#rows.get(key);
    if (row === undefined) return false;
    const last = this.size - 1;
    const [cut, rest] = [this.#cut, this.dimensions - this.#cut];
    this.#heads.copyWithin(row * cut, last * cut, (last + 1) * cut);
    this.#tails.copyWithin(row * rest, last * rest, (last + 1) * rest);
    this.#afterHead[row] = this.#afterHead[last] as number;
    this.#afterHalf[row] = this.#afterHalf[last] as number;
    const [movedKey, movedValue] = [this.#keys.pop() as string, this.#values.pop() as Value];
    this.#rows.delete(key);
    if (row !== last) {
      this.#keys[row] = movedKey;
      this.#values[row] = movedValue;
      this.#rows.set(movedKey, row);
    }
    return true;
  }

  /**
   * All whose product with a vector is at least `least`, exactly. What is left of a row adds at most the product of two
   * lengths (Cauchy-Schwarz), so most rows end after a quarter or a half. In chunks, so that no search holds the event
   * loop; what is removed meanwhile is never returned.
   */
  async search(vector: Float32Array, least: number): Promise<{ value: Value; similarity: number }[]> {
    const [cut, half, rest] = [this.#cut, this.#half, this.dimensions - this.#cut];
    const [head, middle, end] = [vector.subarray(0, cut), vector.subarray(cut, half), vector.subarray(half)];
    const [afterHead, afterHalf] = [lengthFrom(vector, cut), lengthFrom(vector, half)];
    const enough = least - ROUNDING;
    const near: { key: string; value: Value; similarity: number }[] = [];
    let work = 0;
    for (let row = 0; row < this.size; row++) {
      if (work > CHUNK) {
        await nextTurn();
        work = 0;
        if (row >= this.size) break;
      }
      work += cut;
      let similarity = product(this.#heads, row * cut, head);
      if (similarity + (this.#afterHead[row] as number) * afterHead < enough) continue;
      work += rest;
      const tail = row * rest;
      similarity += product(this.#tails, tail, middle);
      if (similarity + (this.#afterHalf[row] as number) * afterHalf < enough) continue;
      similarity += product(this.#tails, tail + middle.length, end);
      if (similarity < least) continue;
      near.push({ key: this.#keys[row] as string, value: this.#values[row] as Value, similarity });
    }
    return near.filter(({ key, value }) => this.get(key) === value);
  }
}

const twice = (values: Float32Array): Float32Array<ArrayBuffer> => {
  const larger = new Float32Array(values.length * 2);
  larger.set(values);
  return larger;
};

/** Four sums at a time: the processor need not wait for one product to begin the next. */
const product = (vectors: Float32Array, start: number, vector: Float32Array): number => {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const { length } = vector;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    const at = start + i;
    a += (vectors[at] as number) * (vector[i] as number);
    b += (vectors[at + 1] as number) * (vector[i + 1] as number);
    c += (vectors[at + 2] as number) * (vector[i + 2] as number);
    d += (vectors[at + 3] as number) * (vector[i + 3] as number);
  }
  for (; i < length; i++) a += (vectors[start + i] as number) * (vector[i] as number);
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
