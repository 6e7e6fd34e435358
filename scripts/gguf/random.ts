/**
 * Numbers around zero with the given standard deviation, the same for the same seed on every machine: mulberry32, and
 * sums of four uniform numbers in place of the normal distribution, because `Math.cos` may differ between engines.
 */
export const createRandom = (seed: number) => {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return (count: number, deviation: number): Float32Array =>
    Float32Array.from(
      { length: count },
      () => (uniform() + uniform() + uniform() + uniform() - 2) * Math.sqrt(3) * deviation,
    );
};
