import { expect, test } from 'vitest';
import type { CachedAnswer } from '../../src/cache/cache-store.ts';
import { MemoryCacheStore } from '../../src/cache/memory-cache-store.ts';
import { NO_TOKENS } from '../../src/ledger/tokens.ts';
import { ManualClock } from '../support/manual-clock.ts';

const answer = (content: string): CachedAnswer => ({
  completion: {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  },
  tokens: NO_TOKENS,
  tier: 'small',
  upstream: 'up',
  model: 'm',
  storedAt: 1,
});

test('an answer is there until its time is over, to the millisecond', async () => {
  const clock = new ManualClock(1_000);
  const store = new MemoryCacheStore(clock);
  await store.set('key', answer('hi'), 500);
  expect(await store.get('other')).toBeNull();
  clock.advance(499);
  expect(await store.get('key')).toEqual(answer('hi'));
  clock.advance(1);
  expect(await store.get('key')).toBeNull();
});

test('whoever changes an answer changes nothing for the next', async () => {
  const store = new MemoryCacheStore(new ManualClock());
  const stored = answer('hi');
  await store.set('key', stored, 500);
  stored.completion.choices.length = 0;
  (await store.get('key'))!.completion.choices.length = 0;
  expect(await store.get('key')).toEqual(answer('hi'));
});

test('is bounded: an answer beyond a mebibyte is not kept, and beyond 64 the oldest go', async () => {
  const store = new MemoryCacheStore(new ManualClock());
  await store.set('huge', answer('x'.repeat(1024 * 1024)), 500);
  expect(await store.get('huge')).toBeNull();
  const big = answer('x'.repeat(1_000_000));
  for (let index = 0; index < 70; index++) await store.set(`key ${index}`, big, 500);
  expect(await store.get('key 0')).toBeNull();
  expect(await store.get('key 69')).not.toBeNull();
});
