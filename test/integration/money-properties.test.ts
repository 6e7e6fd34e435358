import fc from 'fast-check';
import { Agent, request as send } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LedgerEntry } from '../../src/contract/ledger-entry.ts';
import { warmUp } from '../../src/ledger/estimate-tokens.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { type Bill, BillingUpstream, JUDGED_PIECES, type Plan } from '../support/billing-upstream.ts';
import { parseStream } from '../support/chat-client.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { countText } from '../support/token-counter.ts';
import { until } from '../support/until.ts';

/** Every way to ask, with the path and the model that it goes by. */
const FORMS = {
  chat: { path: '/v1/chat/completions', models: ['plain', 'cached', 'unsure'] },
  messages: { path: '/v1/messages', models: ['plain', 'cached', 'unsure', 'native'] },
  responses: { path: '/v1/responses', models: ['plain', 'cached', 'unsure', 'native'] },
  completions: { path: '/v1/completions', models: ['weak', 'small'] },
  embeddings: { path: '/v1/embeddings', models: ['vectors'] },
  images: { path: '/v1/images/generations', models: ['painter'] },
  transcriptions: { path: '/v1/audio/transcriptions', models: ['listener'] },
} as const;
type Form = keyof typeof FORMS;

const PRICES = {
  weak: { input: 0.1, cachedInput: 0.013, output: 0.4 },
  strong: { input: 1.25, cachedInput: 0.125, output: 10 },
  vectors: { input: 0.02, output: 0 },
  painter: { input: 5, cachedInput: 1.25, output: 40 },
  listener: { input: 2.5, cachedInput: 2.5, output: 10 },
} as const;

type Case = {
  form: Form;
  model: string;
  isStream: boolean;
  /** Asks the same again, in the other form, and is answered from the cache where there is one. */
  repeats: boolean;
  plans: [first: Plan, second: Plan];
};

const plan = fc.record({
  fate: fc.constantFrom('answer', 'answer', 'answer', 'answer', 'refuse', 'cut', 'stall'),
  share: fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1000),
  pieces: fc.array(fc.constantFrom(' one', ' two', ',', ' né', ' ☃ 🙂', ' forty-two'), { minLength: 1, maxLength: 12 }),
  cachedShare: fc.constantFrom(0, 0.5, 1),
  certainty: fc.constant(0.05),
}) satisfies fc.Arbitrary<Plan>;

const cases = fc.constantFrom(...(Object.keys(FORMS) as Form[])).chain((form) =>
  fc.record<Case>({
    form: fc.constant(form),
    model: fc.constantFrom(...FORMS[form].models),
    isStream: fc.boolean(),
    repeats: fc.boolean(),
    plans: fc.tuple(plan, plan),
  }),
);

const drawn = new Map<number, Case>();
let next = 0;
let upstream: BillingUpstream;
let gateway: TestGateway;
let ledger: SqliteLedgerStore;
const agent = new Agent({ pipelining: 0 });

/** The first model that a case asks has the first plan, the one that stands in for it the second. */
const planOf = (index: number, model: string): Plan => {
  const { plans, model: asked } = drawn.get(index) as Case;
  return plans[model === (asked === 'native' ? 'weak-1' : 'strong-1') ? 1 : 0];
};

beforeAll(async () => {
  warmUp();
  countText('');
  upstream = await BillingUpstream.start(planOf);
  const model = (name: keyof typeof PRICES) => ({ model: `${name}-1`, price: PRICES[name] });
  const route = { tier: 'small', retries: 0, session: { ttl: '0s' } };
  gateway = await startGateway({
    routes: {
      version: 1,
      upstreams: {
        plain: { kind: 'openai-compatible', url: upstream.url },
        full: { kind: 'openai-compatible', url: upstream.url, apis: ['chat', 'responses', 'messages'] },
      },
      tiers: [
        { name: 'small', models: [{ upstream: 'plain', ...model('weak') }] },
        { name: 'large', models: [{ upstream: 'full', ...model('strong') }] },
      ],
      models: [
        { name: 'weak', upstream: 'plain', ...model('weak') },
        { name: 'weak', upstream: 'full', ...model('strong') },
        { name: 'vectors', upstream: 'plain', ...model('vectors'), cache: { ttl: '1h' } },
        { name: 'painter', upstream: 'plain', ...model('painter') },
        { name: 'listener', upstream: 'plain', ...model('listener') },
      ],
      routes: [
        { name: 'plain', match: { model: 'plain' }, ...route },
        { name: 'cached', match: { model: 'cached' }, ...route, cache: { ttl: '1h' } },
        { name: 'unsure', match: { model: 'unsure' }, ...route, escalate: { tokens: JUDGED_PIECES } },
        { name: 'native', match: { model: 'native' }, ...route, tier: 'large', fallback: 'any' },
      ],
    },
    ledger: (directory) => {
      ledger = SqliteLedgerStore.open({ directory });
      return ledger;
    },
  });
});
afterAll(async () => {
  await agent.destroy();
  await gateway.close();
  await upstream.close();
});

const bodyOf = ({ form, model }: Case, isStream: boolean, prompt: string): object => {
  const stream = isStream && { stream: true };
  switch (form) {
    case 'chat':
      return { model, messages: [{ role: 'user', content: prompt }], ...stream };
    case 'messages':
      return { model, max_tokens: 100, messages: [{ role: 'user', content: prompt }], ...stream };
    case 'responses':
      return { model, input: prompt, store: false, ...stream };
    case 'completions':
      return { model, prompt, max_tokens: 100, ...stream };
    case 'embeddings':
      return { model, input: [prompt, 'a text that many share'] };
    default:
      return { model, prompt, ...stream };
  }
};

/** The text of an answer so far, in whichever form it comes. */
const textOf = (raw: string): string =>
  parseStream(raw)
    .events.flatMap((event) => {
      try {
        return [JSON.parse(event)];
      } catch {
        return [];
      }
    })
    .map(({ choices, delta, type }) => {
      if (choices !== undefined) return choices[0]?.delta?.content ?? choices[0]?.text ?? '';
      return typeof delta === 'string' && type.endsWith('.delta') ? delta : (delta?.text ?? '');
    })
    .join('');

/** Asks, and leaves as soon as a stream that goes no further has said what it says. @returns the request's id. */
const ask = async (drawn: Case, index: number, isStream: boolean): Promise<string> => {
  const leaving = new AbortController();
  upstream.stalled.delete(index);
  let id = '';
  let text = '';
  try {
    const { headers, body } = await send(gateway.url + FORMS[drawn.form].path, {
      method: 'POST',
      dispatcher: agent,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(bodyOf(drawn, isStream, `Say it. This is case ${index}.`)),
      signal: AbortSignal.any([leaving.signal, AbortSignal.timeout(10_000)]),
    });
    id = String(headers['x-request-id']);
    const decoder = new TextDecoder();
    for await (const piece of body as AsyncIterable<Buffer>) {
      text += decoder.decode(piece, { stream: true });
      // Of an event without its end a client can have read as much already.
      const stalled = upstream.stalled.get(index);
      if (stalled !== undefined && textOf(text).startsWith(stalled)) leaving.abort();
    }
  } catch (error) {
    const wasCut = isStream && id !== '' && (error as Error).name !== 'TimeoutError';
    if (!leaving.signal.aborted && !wasCut) throw error;
  }
  return id;
};

/** In nano-USD: exact integers of pico-USD, rounded half up once for each call. */
const costOf = ({ model, promptTokens, cachedTokens, completionTokens }: Bill): number => {
  const price = PRICES[model.slice(0, -2) as keyof typeof PRICES];
  const pico = (usdPerMillion: number) => BigInt(Math.round(usdPerMillion * 1e6));
  const cached = 'cachedInput' in price ? price.cachedInput : price.input;
  const sum =
    BigInt(promptTokens - cachedTokens) * pico(price.input) +
    BigInt(cachedTokens) * pico(cached) +
    BigInt(completionTokens) * pico(price.output);
  return Number((sum + 500n) / 1000n);
};

const knownSum = (bills: Bill[], key: 'promptTokens' | 'cachedTokens' | 'completionTokens'): number =>
  bills.reduce((sum, bill) => sum + (bill.isSilent ? 0 : bill[key]), 0);

/** One case from both sides: what its client's requests left in the ledger, and what the provider billed for them. */
const check = async (one: Case): Promise<void> => {
  const index = next++;
  drawn.set(index, one);
  const sinceMs = Date.now() - 1;
  const ids = [await ask(one, index, one.isStream)];
  if (one.repeats) ids.push(await ask(one, index, !one.isStream));
  const entries = await until(
    async () => {
      const found = (await ledger.recent({ sinceMs, limit: 100 })).filter(({ id }) => ids.includes(id));
      return found.length === ids.length ? found : null;
    },
    5_000,
    'the entries',
  );
  const bills = upstream.bills.get(index) ?? [];
  const attempts = entries.flatMap((entry: LedgerEntry) => entry.attempts);
  for (const name of ['weak-1', 'strong-1', 'vectors-1', 'painter-1', 'listener-1']) {
    const own = attempts.filter(({ model }) => model === name);
    const billed = bills.filter(({ model }) => model === name);
    for (const key of ['promptTokens', 'cachedTokens', 'completionTokens'] as const) {
      expect(
        own.reduce((sum, { tokens }) => sum + tokens[key], 0),
        `${key} of ${name}`,
      ).toBe(knownSum(billed, key));
    }
    const known = billed.filter(({ isSilent }) => !isSilent);
    expect(own.filter(({ costNanoUsd }) => costNanoUsd === null)).toHaveLength(billed.length - known.length);
    expect(
      own.reduce((sum, { costNanoUsd }) => sum + (costNanoUsd ?? 0), 0),
      `cost of ${name}`,
    ).toBe(known.reduce((sum, bill) => sum + costOf(bill), 0));
  }
  total += bills.reduce((sum, bill) => sum + (bill.isSilent ? 0 : costOf(bill)), 0);
  for (const { cache, outcome, attempts: tried } of entries) {
    seen.add(cache).add(outcome);
    for (const attempt of tried) seen.add(attempt.outcome);
  }
};

let total = 0;
const seen = new Set<string>();

test('the sum of the ledger is the sum of the usage at the upstreams, whatever was asked and however it ended', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(cases, { minLength: 12, maxLength: 12 }), async (some) => {
      const results = await Promise.allSettled(some.map(check));
      const failures = results.flatMap((result, place) =>
        result.status === 'rejected' ? [`${JSON.stringify(some[place])}\n${result.reason.message}`] : [],
      );
      expect(failures.join('\n\n')).toBe('');
    }),
    {
      numRuns: Number(process.env['PROPERTY_RUNS'] ?? 16),
      endOnFailure: true,
      // The same cases each time, which reach every feature; others for whoever asks.
      seed: Number(process.env['PROPERTY_SEED'] ?? 20_261_122),
    },
  );
  const [sums] = await ledger.spend({ sinceMs: 0, untilMs: Date.now() + 60_000 });
  expect(sums?.costNanoUsd).toBe(total);
  // Cases that never reach a feature would prove nothing of it.
  for (const what of ['hit', 'miss', 'ok', 'error', 'aborted', 'escalated']) expect(seen).toContain(what);
}, 60_000);
