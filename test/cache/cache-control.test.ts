import { expect, test } from 'vitest';
import { parseCacheControl } from '../../src/cache/cache-control.ts';

const none = { noStore: false, noCache: false, onlyIfCached: false, maxAgeMs: null };

test.each([
  [undefined, none],
  ['', none],
  ['no-store', { ...none, noStore: true }],
  ['No-Cache', { ...none, noCache: true }],
  ['only-if-cached', { ...none, onlyIfCached: true }],
  ['max-age=60', { ...none, maxAgeMs: 60_000 }],
  ['max-age=0', { ...none, noCache: true, maxAgeMs: 0 }],
  [' max-age=5 ,only-if-cached, private', { ...none, onlyIfCached: true, maxAgeMs: 5_000 }],
  ['max-age=abc, no-storex', none],
  [['no-store', 'no-cache'], { ...none, noStore: true, noCache: true }],
])('%j is understood', (header, expected) => {
  expect(parseCacheControl(header)).toEqual(expected);
});
