import { expect, test } from 'vitest';
import { inOrderOfPlaces } from '../../src/model-host/batch-order.ts';

const item = (place: number, length: number) => ({ place, tokens: { length } });
const batch = (items: ReturnType<typeof item>[], size: number) =>
  inOrderOfPlaces(items, size).map(({ item: { place }, amount }) => [place, amount]);

test('sequences are computed in the order of their places, whoever asked first', () => {
  expect(batch([item(10, 1), item(2, 1), item(0, 1)], 512)).toEqual([
    [0, 1],
    [2, 1],
    [10, 1],
  ]);
});

test('all get as much of a batch, what some leave goes to the others, and nobody gets more than there is', () => {
  expect(batch([item(2, 300), item(0, 300), item(1, 1)], 512)).toEqual([
    [0, 300],
    [1, 1],
    [2, 211],
  ]);
});
