import { expect, test } from 'vitest';
import { runFuzz } from './run-fuzz.ts';

const COUNT = 1_000;
const MOST_GROWTH_BYTES = 40 * 1024 * 1024;

test('no body, however broken, gets anything but an answer or an error in the envelope, and nothing is kept of it', async () => {
  const { cases, paths, statuses, findings, heapBytes } = await runFuzz({ seed: 20_261_122, count: COUNT });
  expect(findings).toEqual([]);
  expect(cases).toBe(COUNT);
  expect(paths).toContain('/v1/chat/completions');
  // Both sides are tried: bodies that pass and bodies that do not.
  expect(statuses['200']).toBeGreaterThan(COUNT / 5);
  expect(statuses['400']).toBeGreaterThan(COUNT / 5);
  expect(heapBytes[1] - heapBytes[0]).toBeLessThan(MOST_GROWTH_BYTES);
}, 240_000);
