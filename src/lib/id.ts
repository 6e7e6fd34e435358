import { randomBytes } from 'node:crypto';

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
  for (const byte of randomBytes(16)) random += ALPHABET[byte & 31];
  return `${prefix}_${time}${random}`;
};
