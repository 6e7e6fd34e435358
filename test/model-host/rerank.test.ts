import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { json, open, startHost, type TestHost } from './support/test-host.ts';
import { temporaryFolder, writeEncoder } from './support/test-models.ts';

let host: TestHost;
beforeAll(async () => {
  const model = writeEncoder(join(temporaryFolder(), 'rank.gguf'), { pooling: 'rank' });
  host = await startHost({ name: 'judge', model });
});
afterAll(() => host?.stop());

const documents = ['paris is the capital of france', 'the cat sleeps', { text: 'berlin' }];
const ask = (fields: object, to = host) =>
  open(to.socketPath, '/v1/rerank', { model: 'judge', query: 'what is the capital of france', documents, ...fields })
    .answer;

type Result = { index: number; relevance_score: number; document?: { text: string } };

test('documents come back by their score, best first, each with its place in the request', async () => {
  const answer = json(await ask({}));
  const scores = answer.results.map(({ relevance_score }: Result) => relevance_score);
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
  for (const score of scores) expect(score >= 0 && score <= 1).toBe(true);
  expect(answer.results.map(({ index }: Result) => index).sort()).toEqual([0, 1, 2]);
  expect(answer.model).toBe('judge');
  expect(answer.usage.total_tokens).toBeGreaterThan(20);
});

test('the same documents in another order get the same scores', async () => {
  const score = (results: Result[], index: number) => results.find((result) => result.index === index)?.relevance_score;
  const forwards = json(await ask({})).results;
  const backwards = json(await ask({ documents: [...documents].reverse() })).results;
  for (const index of [0, 1, 2]) expect(score(forwards, index)).toBeCloseTo(score(backwards, 2 - index) ?? -1, 6);
});

test('top_n keeps the best, return_documents brings their texts', async () => {
  const all = json(await ask({})).results;
  const [best, ...others] = json(await ask({ top_n: 1, return_documents: true })).results;
  expect(others).toEqual([]);
  expect(best).toMatchObject({ ...all[0], document: { text: expect.any(String) } });
});

test.each([
  [{ query: '' }, 'query'],
  [{ documents: [] }, 'documents'],
  [{ documents: [7] }, 'documents[0]'],
  [{ top_n: 0 }, 'top_n'],
  [{ documents: ['ok', 'cat '.repeat(600)] }, 'documents[1]'],
])('%j is refused by name', async (fields, param) => {
  const answer = await ask(fields);
  expect(answer.status).toBe(400);
  expect(json(answer).error.param).toBe(param);
});

test('a model that does not rank says so, and one that ranks makes no vectors', async () => {
  const nano = await startHost();
  const refusal = await ask({ model: 'nano' }, nano);
  await nano.stop();
  expect(refusal.status).toBe(400);
  expect(json(refusal).error.message).toMatch(/is made for chat and not for reranking/);
  const vectors = await open(host.socketPath, '/v1/embeddings', { model: 'judge', input: 'a' }).answer;
  expect(vectors.status).toBe(400);
});
