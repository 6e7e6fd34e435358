import { expect, test } from 'vitest';
import { newId } from '../../src/lib/id.ts';

test('ids have their prefix, sort by time, and do not repeat', () => {
  const times = [0, 1, 31, 32, 1_700_000_000_000, 1_700_000_000_001, 281_474_976_710_655];
  const ids = times.map((time) => newId('req', time));
  for (const id of ids) expect(id).toMatch(/^req_[0-9a-hjkmnp-tv-z]{26}$/);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(Array.from({ length: 10_000 }, () => newId('key', 1_700_000_000_000))).size).toBe(10_000);
});
