import { INTEGER, NUMBER } from './json-grammar.ts';

/** Both ends included; infinite where there is no bound. */
export type Bounds = { low: number; high: number };

/** Fifteen digits: what lies beyond is not exact in a double. */
const LIMIT = 10n ** 15n - 1n;
/** Digits after the point, for numbers between bounds. */
const MAX_DECIMALS = 4;

/** Integers between `low` and `high`, both included. @returns null when there is none. */
export const integerGrammar = ({ low, high }: Bounds): string | null =>
  low === -Infinity && high === Infinity ? INTEGER : joined(decimals(low, high, 0));

/** Numbers between the bounds with at most four digits after the point. @returns null when there is none. */
export const numberGrammar = (bounds: Bounds, excluded: { low: boolean; high: boolean }): string | null => {
  if (bounds.low === -Infinity && bounds.high === Infinity) return NUMBER;
  const alternatives = Array.from({ length: MAX_DECIMALS + 1 }, (_, places) => {
    const scale = 10 ** places;
    const low = excluded.low ? Math.floor(exact(bounds.low * scale)) + 1 : Math.ceil(exact(bounds.low * scale));
    const high = excluded.high ? Math.ceil(exact(bounds.high * scale)) - 1 : Math.floor(exact(bounds.high * scale));
    return decimals(low, high, places);
  });
  return joined(alternatives.flat());
};

const joined = (alternatives: string[]): string | null =>
  alternatives.length === 0 ? null : `(${alternatives.join(' | ')})`;

/** Repairs the last digits, where 1.15 * 100 is a little less than 115. */
const exact = (value: number): number => (Number.isFinite(value) ? Number(value.toPrecision(15)) : value);

/** Numbers of `places` digits after the point, as integers in that unit from `low` to `high`. */
const decimals = (low: number, high: number, places: number): string[] => {
  const [from, to] = [toBigInt(low, 'up'), toBigInt(high, 'down')];
  const alternatives: string[] = [];
  if (from < 0n && to >= from) {
    const [nearest, farthest] = [to < 0n ? -to : 1n, -from];
    alternatives.push(...positive(nearest, farthest, places).map((digits) => `"-" ${digits}`));
  }
  if (to >= 0n) alternatives.push(...positive(from > 0n ? from : 0n, to, places));
  return alternatives;
};

const toBigInt = (value: number, direction: 'up' | 'down'): bigint => {
  if (value > Number(LIMIT)) return direction === 'up' ? LIMIT + 1n : LIMIT;
  if (value < -Number(LIMIT)) return direction === 'up' ? -LIMIT : -LIMIT - 1n;
  return BigInt(direction === 'up' ? Math.ceil(value) : Math.floor(value));
};

/** One alternative for each length that the numbers from `low` to `high` have. */
const positive = (low: bigint, high: bigint, places: number): string[] => {
  const alternatives: string[] = [];
  for (let length = places + 1; length <= String(high).length; length++) {
    const smallest = length === places + 1 ? 0n : 10n ** BigInt(length - 1);
    const largest = 10n ** BigInt(length) - 1n;
    const [from, to] = [low > smallest ? low : smallest, high < largest ? high : largest];
    if (from > to) continue;
    alternatives.push(digitRange(String(from).padStart(length, '0'), String(to).padStart(length, '0'), places));
  }
  // A bound of fewer digits than the point needs is still one length: padded with zeros.
  if (alternatives.length === 0 && low <= high && String(high).length <= places) {
    alternatives.push(
      digitRange(String(low).padStart(places + 1, '0'), String(high).padStart(places + 1, '0'), places),
    );
  }
  return alternatives;
};

/** Numbers of equal length from `low` to `high`; the point comes before the last `places` digits. */
const digitRange = (low: string, high: string, places: number): string => {
  if (low === '') return '';
  const point = low.length === places ? '"." ' : '';
  if (/^0+$/.test(low) && /^9+$/.test(high)) return `${point}${anyDigits(low.length, places)}`;
  const [first, last] = [low[0]!, high[0]!];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (first === last) return `${point}"${first}" ${digitRange(lowRest, highRest, places)}`.trim();
  if (lowRest === '') return `${point}[${first}-${last}]`;
  const [zeros, nines] = ['0'.repeat(lowRest.length), '9'.repeat(lowRest.length)];
  const alternatives = [
    `"${first}" ${digitRange(lowRest, nines, places)}`,
    ...(Number(last) - Number(first) > 1
      ? [`[${Number(first) + 1}-${Number(last) - 1}] ${digitRange(zeros, nines, places)}`]
      : []),
    `"${last}" ${digitRange(zeros, highRest, places)}`,
  ];
  return `${point}(${alternatives.join(' | ')})`;
};

const anyDigits = (count: number, places: number): string =>
  count <= places || places === 0 ? `[0-9]{${count}}` : `[0-9]{${count - places}} "." [0-9]{${places}}`;
