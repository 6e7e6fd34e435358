import { readFileSync } from 'node:fs';
import { get_encoding } from 'tiktoken';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../src/contract/openai.ts';
import { estimateCompletionTokens, estimatePromptTokens, warmUp } from '../../src/ledger/estimate-tokens.ts';

const user = (content: ChatMessage['content']): ChatMessage => ({ role: 'user', content });
const prompt = (...messages: ChatMessage[]) => estimatePromptTokens({ messages });

beforeAll(warmUp);

describe('prompt tokens', () => {
  it('equal what OpenAI counts for the example of its cookbook', () => {
    const system = (content: string, name?: string): ChatMessage => ({ role: 'system', content, name });
    // 124 for gpt-4o: https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken
    const messages = [
      system('You are a helpful, pattern-following assistant that translates corporate jargon into plain English.'),
      system('New synergies will help drive top-line growth.', 'example_user'),
      system('Things working well together will increase revenue.', 'example_assistant'),
      system(
        "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
        'example_user',
      ),
      system("Let's talk later when we're less busy about how to do better.", 'example_assistant'),
      user("This late pivot means we don't have time to boil the ocean for the client deliverable."),
    ];
    expect(prompt(...messages)).toBe(124);
  });

  it('count images by their detail, and tools and schemas as their JSON', () => {
    const image = (detail?: string) => user([{ type: 'image_url', image_url: { url: 'data:,', detail } }]);
    const bare = prompt(user(''));
    expect(prompt(image('low')) - bare).toBe(85);
    expect(prompt(image()) - bare).toBe(765);
    expect(prompt(user([{ type: 'image_url', image_url: null }])) - bare).toBe(765);
    const tools = [{ type: 'function', function: { name: 'weather' } }];
    expect(estimatePromptTokens({ messages: [user('')], tools }) - bare).toBe(
      estimateCompletionTokens([JSON.stringify(tools)]),
    );
    const call = { function: { name: 'weather', arguments: '{"city":"Oslo"}' } };
    expect(prompt({ role: 'assistant', content: null, tool_calls: [call] })).toBeGreaterThan(bare + 5);
  });

  it('of a hostile request are counted without an error', () => {
    const parts = Array.from({ length: 300_000 }, () => ({ type: 'text', text: '' }));
    const tools = [{ type: 'function', deep: JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) }];
    expect(estimatePromptTokens({ messages: [user(parts)], tools })).toBeGreaterThan(0);
  });
});

describe('text', () => {
  it('in slices counts as in one piece, up to the sampled length', () => {
    const encoding = get_encoding('o200k_base');
    const source = readFileSync(new URL(import.meta.url), 'utf8').slice(0, 6_000);
    for (const text of [
      source,
      'The  quick \n  brown\tfox. '.repeat(300),
      "l'été où l'on a 12345 idées — ".repeat(200),
    ]) {
      expect(estimateCompletionTokens([text])).toBe(encoding.encode_ordinary(text).length);
    }
    encoding.free();
  });

  it('counts the same however a stream has cut it', () => {
    const text = 'An incomprehensible explanation, cut at every character.';
    expect(estimateCompletionTokens([...text])).toBe(estimateCompletionTokens([text]));
  });

  it('beyond the sampled length counts in proportion', () => {
    const sentence = ' The quick brown fox jumps over the lazy dog.';
    const exact = estimateCompletionTokens([sentence]) * 10_000;
    expect(Math.abs(estimateCompletionTokens([sentence.repeat(10_000)]) / exact - 1)).toBeLessThan(0.02);
    const messages = Array.from({ length: 10_000 }, () => user(sentence));
    const exactPrompt = exact + 10_000 * (prompt(user('')) - 3);
    expect(Math.abs(prompt(...messages) / exactPrompt - 1)).toBeLessThan(0.02);
  });

  it.each([
    ['special tokens', '<|endoftext|><|im_start|>'],
    ['a lone surrogate', 'a\ud800b\udc00'],
    ['a NUL', 'a\0b'],
    ['nothing', ''],
  ])('with %s is counted like any other', (_, text) => {
    expect(estimateCompletionTokens([text])).toBeGreaterThanOrEqual(text ? 2 : 0);
  });

  it.each([
    ['one letter', 'a'],
    ['spaces', ' '],
    ['one ideogram', '漢'],
    ['line ends', '\n '],
    ['surrogates', '\ud83d\ude00'],
  ])('of a million characters of %s is bounded by its sample, not by its length', (_, unit) => {
    const text = unit.repeat(1_000_000 / unit.length);
    // The quadratic encoder would take minutes; the test's own time limit is the assertion.
    expect(estimateCompletionTokens([text])).toBeGreaterThan(1_000);
  });
});
