import { seededRandom } from '../../src/difficulty/seeded-random.ts';

export type Random = {
  /** A whole number from 0 to `end` - 1. */
  below(end: number): number;
  chance(share: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
};

export const randomFrom = (seed: number): Random => {
  const next = seededRandom(seed);
  const below = (end: number) => Math.floor(next() * end);
  return { below, chance: (share) => next() < share, pick: (items) => items[below(items.length)]! };
};
