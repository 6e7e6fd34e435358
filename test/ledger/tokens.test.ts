import { describe, expect, it } from 'vitest';
import type { WireUsage } from '../../src/contract/openai.ts';
import { addTokens, NO_TOKENS, tokensFromUsage } from '../../src/ledger/tokens.ts';

const counts = (promptTokens: number, completionTokens: number, cachedTokens = 0, reasoningTokens = 0) => ({
  ...NO_TOKENS,
  promptTokens,
  cachedTokens,
  completionTokens,
  reasoningTokens,
  isEstimated: false,
});

describe('tokensFromUsage', () => {
  it.each<[string, WireUsage, ReturnType<typeof counts>]>([
    ['plain counts', { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 }, counts(9, 3)],
    [
      'details',
      {
        prompt_tokens: 9,
        completion_tokens: 30,
        prompt_tokens_details: { cached_tokens: 8 },
        completion_tokens_details: { reasoning_tokens: 20 },
      },
      counts(9, 30, 8, 20),
    ],
    ['embeddings', { prompt_tokens: 8, total_tokens: 8 }, counts(8, 0)],
    ['a side that only the total gives', { completion_tokens: 3, total_tokens: 12 }, counts(9, 3)],
    ['an empty answer', { prompt_tokens: 9, completion_tokens: 0 }, counts(9, 0)],
    [
      'reasoning beside the completion',
      { prompt_tokens: 9, completion_tokens: 3, total_tokens: 52 },
      counts(9, 43, 0, 40),
    ],
    [
      'details beyond their side',
      { prompt_tokens: 9, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 99 } },
      counts(9, 3, 9),
    ],
    [
      'nonsense details',
      { prompt_tokens: 9, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 0.5 } },
      counts(9, 3),
    ],
  ])('reads %s', (_, usage, expected) => {
    expect(tokensFromUsage(usage)).toEqual(expected);
  });

  it.each<[string, WireUsage]>([
    ['nothing', {}],
    ['one side', { prompt_tokens: 9 }],
    ['the other side', { completion_tokens: 9 }],
    ['nulls', { prompt_tokens: null, completion_tokens: null }],
    ['zeros', { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }],
    ['negative counts', { prompt_tokens: -1, completion_tokens: 5 }],
    ['fractions', { prompt_tokens: 1.5, completion_tokens: 5 }],
    ['a total below its side', { prompt_tokens: 9, total_tokens: 3 }],
    ['counts beyond any model', { prompt_tokens: 1e9, completion_tokens: 5 }],
  ])('relies on no counts made of %s', (_, usage) => {
    expect(tokensFromUsage(usage)).toBeNull();
  });
});

it('addTokens adds each field, and one estimate makes the sum an estimate', () => {
  const estimated = { ...counts(1, 2, 1, 1), isEstimated: true };
  expect(addTokens(counts(1, 2, 1, 1), estimated)).toEqual({ ...counts(2, 4, 2, 2), isEstimated: true });
  expect(addTokens(NO_TOKENS, counts(1, 2))).toEqual(counts(1, 2));
});
