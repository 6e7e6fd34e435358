import { afterAll, beforeAll, expect, test } from 'vitest';
import { unpackFeatures } from '../../src/contract/feature-values.ts';
import { explainFeatures } from '../../src/difficulty/explain-features.ts';
import { loadClassifier } from '../../src/difficulty/load-classifier.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { chat } from '../support/chat-client.ts';
import { FaultyUpstream } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

let upstream: FaultyUpstream;
let gateway: TestGateway;
const caller = { keyId: 'key_1', team: 'one', tags: { app: 'chat' } };

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url }, { route: { cache: { ttl: '1h' } } });
  gateway = await startGateway({
    routes,
    keys: [{ secret: 'rs-one', caller }],
    ledger: (directory) => SqliteLedgerStore.open({ directory }),
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const ask = (body: Record<string, unknown>) => chat(gateway.url, body, { authorization: 'Bearer rs-one' });
const lastEntry = async () => (await gateway.entries()).at(-1);

test('an entry tells what its decision turned on, and its reasons can be worked out from it later', async () => {
  const prompt = 'Prove that the sum of two odd numbers is even, and explain each step.';
  await ask({
    messages: [{ role: 'user', content: prompt }],
    metadata: { stage: 'beta', app: 'forged' },
    max_tokens: 50,
  });
  const entry = await lastEntry();
  expect(entry).toMatchObject({
    tags: { app: 'chat', stage: 'beta' },
    decision: { threshold: 0.55, routeLine: expect.any(Number) },
    request: { promptTokens: 18, answerTokens: 50, needs: [], hasSystem: false, wishedRoute: null, wishedTier: null },
    baselineUpstream: 'up-large',
    baselineModel: 'vendor/large-1',
    wasteNanoUsd: 0,
    attempts: [{ isShown: true, startedMs: expect.any(Number) }],
  });
  const classifier = await loadClassifier();
  expect(entry?.classifierVersion).toBe(classifier.modelVersion);
  const again = classifier.judge(unpackFeatures(entry?.decision?.featureValues ?? ''));
  expect(again.difficulty).toBeCloseTo(entry?.difficulty ?? -1, 5);
  expect(explainFeatures(again)[0]?.text).toMatch(/^[a-z]/);
});

test('an entry of a stored answer tells which, and how old it was', async () => {
  await ask({ messages: [{ role: 'user', content: 'Hello there' }] });
  await ask({ messages: [{ role: 'user', content: 'Hello there' }] });
  expect(await lastEntry()).toMatchObject({
    cache: 'hit',
    decision: null,
    cacheEntry: {
      key: expect.stringMatching(/^[0-9a-f]{64}$/),
      ageMs: expect.any(Number),
      similarity: null,
      guards: null,
    },
  });
});
