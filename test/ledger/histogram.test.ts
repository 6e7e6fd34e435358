import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeInto, mergePacked, packHistogram } from '../../src/ledger/histogram.ts';

const histogram = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 1, max: 1_000_000 })), { maxLength: 40 })
  .map((buckets) => new Map(buckets));

test('packed histograms merge to what the histograms merge to', () => {
  fc.assert(
    fc.property(histogram, histogram, (a, b) => {
      const merged = new Map(a);
      mergeInto(merged, b);
      expect(mergePacked(packHistogram(a), packHistogram(b))).toEqual(packHistogram(merged));
    }),
  );
});

test('a bucket that is full stays full', () => {
  const full = packHistogram(new Map([[7, 0xffff_ffff]]));
  expect(mergePacked(full, packHistogram(new Map([[7, 5]])))).toEqual(full);
});
