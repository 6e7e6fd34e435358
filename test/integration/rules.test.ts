import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chat } from '../support/chat-client.ts';
import { FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

const MONDAY_NIGHT = Date.parse('2026-03-02T23:00:00Z');

let upstream: FaultyUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  upstream.always(good);
  const base = twoTierRoutes({ small: upstream.url, large: upstream.url });
  gateway = await startGateway({
    clock: new ManualClock(MONDAY_NIGHT),
    routes: {
      ...base,
      routes: [
        { name: 'german', match: { model: 'auto', language: 'de' }, tier: 'large' },
        { name: 'by-day', match: { model: 'by-time', time: { from: '08:00', to: '18:00' } }, tier: 'large' },
        { name: 'by-night', match: { model: 'by-time' }, tier: 'small' },
        { name: 'half', match: { model: 'half' }, difficulty: { threshold: 0.5 }, rollout: '50%' },
        { name: 'quality', match: { model: 'quality' }, difficulty: { quality: 0.95 } },
        { name: 'default', match: { model: 'auto' }, difficulty: { threshold: 0.5 } },
      ],
    },
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const ask = async (content: string, body: object = {}, headers: Record<string, string> = {}) =>
  (await chat(gateway.url, { messages: [{ role: 'user', content }], ...body }, headers)).headers;

describe('a rule', () => {
  test('on the language takes the requests in it, and no others', async () => {
    const route = async (content: string) => (await ask(content))['x-rightsize-route'];
    expect(await route('Wie heißt die Hauptstadt von Frankreich?')).toBe('german');
    expect(await route('What is the capital of France?')).toBe('default');
    expect(await route('2+2')).toBe('default');
  });

  test('on the time holds at its hours', async () => {
    expect((await ask('hello', { model: 'by-time' }))['x-rightsize-route']).toBe('by-night');
  });

  test('in rollout treats a conversation alike from beginning to end, and watches the others', async () => {
    const sides = new Set<string>();
    for (let session = 0; session < 12; session++) {
      const [first, second] = [
        await ask('hello', { model: 'half' }, { 'x-rightsize-session': `s${session}` }),
        await ask('thanks', { model: 'half' }, { 'x-rightsize-session': `s${session}` }),
      ].map((headers) => (headers['x-rightsize-tier'] === 'small' ? 'enforced' : headers['x-rightsize-reason']));
      expect(first?.toString().slice(0, 20)).toBe(second?.toString().slice(0, 20));
      sides.add(String(first).replace(/\d\.\d+/, 'n'));
    }
    expect([...sides].sort()).toEqual([
      'enforced',
      'outside the rollout of 50%: would have chosen small (difficulty n < 0.50)',
    ]);
  });

  test('on quality turns at the threshold that recovers it', async () => {
    const headers = await ask('hello', { model: 'quality' });
    const threshold = Number(/< (\d\.\d+)/.exec(String(headers['x-rightsize-reason']))?.[1]);
    expect(threshold).toBeGreaterThan(0.05);
    expect(threshold).toBeLessThan(0.3);
  });
});

describe('the explanation', () => {
  test('names three features and what would have changed the decision, for who asks', async () => {
    const explained = await ask('hello there', {}, { 'x-rightsize-debug': '1' });
    expect(explained['x-rightsize-explain']).toMatch(
      /^it .+ \([+-]\d\.\d\d\), it .+ \([+-]\d\.\d\d\), it .+ \([+-]\d\.\d\d\); 0\.\d\d is below 0\.50: from there up/,
    );
    expect((await ask('hello there'))['x-rightsize-explain']).toBeUndefined();
  });
});
