/**
 * Counts by bucket, for percentiles that add up over time and groups. Sparse and packed: six bytes a bucket, its number
 * (16 bits) and its count (32 bits), low byte first, ascending. Several histograms share one packing by their `kind`.
 */
export type Histogram = Map<number, number>;

/** Kinds of what is counted; the number is part of the stored form. `difficulty…` by what became of the request. */
export const KINDS = {
  total: 0,
  firstToken: 1,
  overhead: 2,
  difficultyAnswered: 3,
  difficultyEscalated: 4,
  difficultyFailed: 5,
} as const;
export type HistogramKind = keyof typeof KINDS;

const BUCKETS = 256;
/** Eight buckets for each doubling, from 2^-5 ms: a value is told to within 4.5 %, from 0.03 ms to 36 hours. */
const PER_DOUBLING = 8;
const OFFSET = 5;
/** Difficulty is counted in steps of 0.02. */
export const DIFFICULTY_STEPS = 50;

export const addDuration = (histogram: Histogram, kind: 'total' | 'firstToken' | 'overhead', ms: number): void =>
  count(histogram, KINDS[kind] * BUCKETS + clamp(Math.round((Math.log2(ms) + OFFSET) * PER_DOUBLING), BUCKETS));

export const addDifficulty = (
  histogram: Histogram,
  kind: 'difficultyAnswered' | 'difficultyEscalated' | 'difficultyFailed',
  difficulty: number,
): void => count(histogram, KINDS[kind] * BUCKETS + clamp(Math.floor(difficulty * DIFFICULTY_STEPS), DIFFICULTY_STEPS));

/** All kinds of a histogram added up, by bucket: for reports, which add thousands. */
export type Tally = Float64Array;

export const newTally = (): Tally => new Float64Array(Object.keys(KINDS).length * BUCKETS);

/** Adds a histogram to a tally, packed ones as they are. */
export const addToTally = (tally: Tally, histogram: Histogram | Uint8Array): void => {
  if (histogram instanceof Map) {
    for (const [bucket, number] of histogram) tally[bucket] = (tally[bucket] ?? 0) + number;
    return;
  }
  const bytes = new DataView(histogram.buffer, histogram.byteOffset, histogram.byteLength);
  for (let at = 0; at + 6 <= bytes.byteLength; at += 6) {
    const bucket = bytes.getUint16(at, true);
    tally[bucket] = (tally[bucket] ?? 0) + bytes.getUint32(at + 2, true);
  }
};

/** @returns null where nothing was counted, else milliseconds: the middle of the bucket that holds the quantile. */
export const quantileMs = (
  tally: Tally,
  kind: 'total' | 'firstToken' | 'overhead',
  quantile: number,
): number | null => {
  const own = bucketsOf(tally, kind);
  let left = quantile * own.reduce((sum, [, number]) => sum + number, 0);
  for (const [bucket, number] of own) {
    left -= number;
    if (left <= 0) return Number((2 ** (bucket / PER_DOUBLING - OFFSET)).toPrecision(3));
  }
  return null;
};

/** Buckets of one kind with their counts, ascending. */
export const bucketsOf = (tally: Tally, kind: HistogramKind): [bucket: number, count: number][] => {
  const first = KINDS[kind] * BUCKETS;
  return [...tally.subarray(first, first + BUCKETS)]
    .map((number, bucket): [number, number] => [bucket, number])
    .filter(([, number]) => number > 0);
};

export const mergeInto = (histogram: Histogram, other: Histogram): void => {
  for (const [bucket, number] of other) count(histogram, bucket, number);
};

export const packHistogram = (histogram: Histogram): Buffer => {
  const bytes = Buffer.allocUnsafe(histogram.size * 6);
  let at = 0;
  for (const [bucket, number] of [...histogram].sort(([a], [b]) => a - b)) {
    bytes.writeUInt16LE(bucket, at);
    bytes.writeUInt32LE(Math.min(number, 0xffff_ffff), at + 2);
    at += 6;
  }
  return bytes;
};

/** Both are ascending, and so is the result: one walk, for it runs at every request. */
export const mergePacked = (a: Uint8Array, b: Uint8Array): Buffer => {
  const left = Buffer.from(a.buffer, a.byteOffset, a.byteLength);
  const right = Buffer.from(b.buffer, b.byteOffset, b.byteLength);
  const merged = Buffer.allocUnsafe(left.length + right.length);
  let [i, j, at] = [0, 0, 0];
  while (i + ENTRY_BYTES <= left.length || j + ENTRY_BYTES <= right.length) {
    const mine = i + ENTRY_BYTES <= left.length ? left.readUInt16LE(i) : NO_BUCKET;
    const theirs = j + ENTRY_BYTES <= right.length ? right.readUInt16LE(j) : NO_BUCKET;
    const mineCount = mine <= theirs ? left.readUInt32LE(i + 2) : 0;
    const theirCount = theirs <= mine ? right.readUInt32LE(j + 2) : 0;
    merged.writeUInt16LE(Math.min(mine, theirs), at);
    merged.writeUInt32LE(Math.min(mineCount + theirCount, 0xffff_ffff), at + 2);
    if (mine <= theirs) i += ENTRY_BYTES;
    if (theirs <= mine) j += ENTRY_BYTES;
    at += ENTRY_BYTES;
  }
  return merged.subarray(0, at);
};

const ENTRY_BYTES = 6;
/** Beyond any bucket. */
const NO_BUCKET = 0x1_0000;

const count = (histogram: Histogram, bucket: number, by = 1): void => {
  histogram.set(bucket, (histogram.get(bucket) ?? 0) + by);
};

const clamp = (bucket: number, buckets: number): number => (bucket > 0 ? Math.min(bucket, buckets - 1) : 0);
