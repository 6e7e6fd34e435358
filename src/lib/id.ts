import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A new identifier such as `req_01jdabc…`: the prefix, ten characters of Unix milliseconds and sixteen of randomness,
 * in Crockford's base 32 (the layout of https://github.com/ulid/spec), so that ids sort by time.
 */
export const newId = (prefix: string, now: number): string => {
  let time = '';
  for (let rest = now, i = 0; i < 10; i++) {
    time = ALPHABET[rest % 32] + time;
    rest = Math.floor(rest / 32);
  }
  let random = '';
  for (const byte of takeRandom()) random += ALPHABET[byte & 31];
  return `${prefix}_${time}${random}`;
};

const RANDOM_BYTES = 16;
/** Random bytes are drawn many at once: a call into the system for each id costs more than all the rest of it. */
const pool = Buffer.allocUnsafe(256 * RANDOM_BYTES);
let taken = pool.length;

const takeRandom = (): Buffer => {
  if (taken === pool.length) {
    randomFillSync(pool);
    taken = 0;
  }
  taken += RANDOM_BYTES;
  return pool.subarray(taken - RANDOM_BYTES, taken);
};
