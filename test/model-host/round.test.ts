import { afterAll, beforeAll, expect, test } from 'vitest';
import { runRound } from './support/round.ts';
import { chat, health, json, startHost, type TestHost, until } from './support/test-host.ts';

let host: TestHost;
beforeAll(async () => {
  host = await startHost({ contextTokens: 1024, parallel: 8 });
});
afterAll(() => host.stop());

test('eight parallel streams, two aborted, one with a schema, one with tools: all correct, all sequences freed', async () => {
  for (let round = 1; round <= 5; round++) await runRound(host.socketPath, round);
  await until(async () => (await health(host)).sequences.free === 8);
});

test('more answers than sequences are written one after the other, numbered, and the prompt counts once', async () => {
  const { choices, usage } = json(await chat(host, { n: 20, max_tokens: 3, seed: 1 }));
  expect(choices.map(({ index }: { index: number }) => index)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(usage.completion_tokens).toBeGreaterThan(20);
  expect(usage.prompt_tokens).toBe(json(await chat(host, { max_tokens: 1 })).usage.prompt_tokens);
});

test('confidence tells how sure the first tokens were, once, at the token that completes them', async () => {
  const fields = { seed: 1, temperature: 0, rightsize_confidence: { tokens: 3 }, logprobs: true, top_logprobs: 2 };
  const { rightsize, choices } = json(await chat(host, fields));
  const first = choices[0].logprobs.content.slice(0, 3);
  const mean = first.reduce((sum: number, { logprob }: { logprob: number }) => sum + logprob, 0) / 3;
  const { tokens, logprob, margin, entropy } = rightsize.confidence;
  expect(tokens).toBe(3);
  expect(logprob.mean).toBeCloseTo(mean, 3);
  expect(logprob.min).toBeLessThanOrEqual(logprob.p10);
  expect(logprob.p10).toBeLessThanOrEqual(logprob.p50);
  expect(margin.min).toBeGreaterThanOrEqual(0);
  expect(entropy.max).toBeGreaterThanOrEqual(entropy.p50);
  const short = json(await chat(host, { max_tokens: 2, rightsize_confidence: {} }));
  expect(short.rightsize.confidence.tokens).toBe(2);
  expect(json(await chat(host, {})).rightsize).toBeUndefined();
});

test('a session goes on in its own sequence, however much of its history was rewritten', async () => {
  const ask = async (content: string, session: string) =>
    json(
      await chat(
        host,
        { max_tokens: 1, messages: [{ role: 'user', content }] },
        { 'x-rightsize-session': session, 'x-rightsize-partition': 'p' },
      ),
    ).usage.prompt_tokens_details.cached_tokens;
  await ask(`Same start. ${'One. '.repeat(50)}`, 'one');
  await ask(`Same start. ${'Two. '.repeat(50)}`, 'two');
  expect(await ask(`Same start. ${'One. '.repeat(10)} ${'New. '.repeat(90)}`, 'one')).toBeGreaterThan(20);
  expect(await ask(`Same start. ${'Two. '.repeat(50)} More.`, 'two')).toBeGreaterThan(100);
});
