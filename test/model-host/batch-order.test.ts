import type { BatchItem, Token } from 'node-llama-cpp';
import { expect, test } from 'vitest';
import { inOrderOfPlaces, toPriority } from '../../src/model-host/batch-order.ts';

const item = (place: number, length: number): BatchItem => ({
  tokens: Array.from({ length }, (_, index) => index as Token),
  logits: [],
  evaluationPriority: toPriority(place),
});
const batch = (items: BatchItem[], size: number) =>
  inOrderOfPlaces({ items, size }).map(({ item: { evaluationPriority }, processAmount }) => [
    evaluationPriority,
    processAmount,
  ]);

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
