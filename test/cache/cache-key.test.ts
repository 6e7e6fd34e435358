import { describe, expect, test } from 'vitest';
import { type CacheScope, cachePlace } from '../../src/cache/cache-key.ts';
import type { ChatCompletionRequest } from '../../src/contract/openai.ts';

const scope: CacheScope = { team: 'a', route: 'default', forcedTier: null, models: ['small up/m1', 'large up/m2'] };
const base = { model: 'auto', messages: [{ role: 'user', content: 'hi', name: 'bob' }], temperature: 0.5, seed: 1 };
const keyOfText = (text: string, where: CacheScope = scope) =>
  cachePlace(where, { text, body: JSON.parse(text) as ChatCompletionRequest }).key;
const keyOf = (body: object, where?: CacheScope) => keyOfText(JSON.stringify(body), where);

describe('requests that mean the same have one key', () => {
  test.each([
    [
      'another order of keys',
      { seed: 1, temperature: 0.5, messages: [{ name: 'bob', content: 'hi', role: 'user' }], model: 'auto' },
    ],
    ['fields that are null', { ...base, tools: null, stop: null }],
    ['a field that is absent', { ...base, tools: undefined }],
    ['streamed', { ...base, stream: true, stream_options: { include_usage: true } }],
    [
      'bookkeeping fields',
      {
        ...base,
        metadata: { a: 'b' },
        user: 'u',
        safety_identifier: 's',
        store: true,
        prompt_cache_key: 'p',
        service_tier: 'flex',
      },
    ],
  ])('%s', (_, body) => {
    expect(keyOf(body)).toBe(keyOf(base));
  });
});

test('any other difference is another key', () => {
  const variants = [
    base,
    { ...base, model: 'default' },
    { ...base, temperature: 0.6 },
    { ...base, seed: 2 },
    { ...base, n: 2 },
    { ...base, max_tokens: 10 },
    { ...base, stop: ['x'] },
    { ...base, stop: ['x', 'y'] },
    { ...base, stop: ['y', 'x'] },
    { ...base, tools: [] },
    { ...base, tools: [{ type: 'function', function: { name: 'f' } }] },
    { ...base, response_format: { type: 'json_object' } },
    { ...base, logprobs: true },
    { ...base, an_unknown_field: 1 },
    { ...base, an_unknown_field: '1' },
    { ...base, messages: [{ role: 'user', content: 'hi!' }] },
    { ...base, messages: [{ role: 'system', content: 'hi', name: 'bob' }] },
    { ...base, messages: [...base.messages, { role: 'assistant', content: 'yes' }] },
    { ...base, messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }], name: 'bob' }] },
    { ...base, messages: [{ role: 'user', content: 'h', name: 'ibob' }] },
  ];
  expect(new Set(variants.map((body) => keyOf(body))).size).toBe(variants.length);
});

test('tenants, routes, forced tiers and sets of models never share a key', () => {
  const scopes: CacheScope[] = [
    scope,
    { ...scope, team: 'b' },
    { ...scope, route: 'other' },
    { ...scope, forcedTier: 'large' },
    { ...scope, models: ['small up/m1'] },
    { ...scope, models: ['small up/m1', 'large up/m3'] },
    { ...scope, models: ['large up/m2', 'small up/m1'] },
    { ...scope, team: 'a","default' },
  ];
  expect(new Set(scopes.map((where) => keyOf(base, where))).size).toBe(scopes.length);
});

test('a text as long as an image counts by every character, however it is spelled', () => {
  const long = 'a'.repeat(100_000);
  const asks = (content: string) => keyOf({ ...base, messages: [{ role: 'user', content }] });
  const spelled = JSON.stringify({ ...base, messages: [{ role: 'user', content: long }] }).replace('aaa', '\\u0061aa');
  expect(keyOfText(spelled)).toBe(asks(long));
  const others = [long, `${long}a`, `${long.slice(1)}b`, `${long}\ud800`, `${long}\ud801`, `${long}\ufffd`];
  expect(new Set(others.map(asks)).size).toBe(others.length);
});
