import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sessionOf } from '../../src/routing/session.ts';
import { behaviours, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

const HARD =
  'Prove that there are infinitely many primes congruent to 3 modulo 4, then generalise the proof step by step to 5 modulo 6.';
const user = (content: string) => ({ role: 'user' as const, content });
const assistant = (content: string) => ({ role: 'assistant' as const, content });

describe('the key of a conversation', () => {
  const keyOf = (messages: object[], team = 'a', header?: string, extra: object = {}) =>
    sessionOf({ model: 'auto', messages, ...extra } as never, team, header).key;
  const opening = [{ role: 'system', content: 'Be brief.' }, user('hi')];

  test('stays the same as the conversation grows', () => {
    expect(keyOf([...opening, assistant('hello'), user('more')])).toBe(keyOf(opening));
  });
  test('differs by system prompt, first message and tenant', () => {
    expect(
      new Set([keyOf(opening), keyOf([user('hi')]), keyOf([opening[0]!, user('ho')]), keyOf(opening, 'b')]).size,
    ).toBe(4);
  });
  test('is the name that the client gives, within its tenant', () => {
    expect(keyOf([user('x')], 'a', 's1')).toBe(keyOf([user('y')], 'a', 's1'));
    expect(keyOf([user('x')], 'a', 's1')).not.toBe(keyOf([user('x')], 'b', 's1'));
    expect(keyOf([user('x')], 'a', undefined, { prompt_cache_key: 'k' })).toBe(
      keyOf([user('y')], 'a', undefined, { prompt_cache_key: 'k' }),
    );
  });
});

describe('inside a conversation', () => {
  let small: FaultyUpstream;
  let large: FaultyUpstream;
  let gateway: TestGateway;
  const clock = new ManualClock(1_000_000);

  beforeEach(async () => {
    small = await FaultyUpstream.start(good);
    large = await FaultyUpstream.start(good);
    const routes = twoTierRoutes(
      { small: small.url, large: large.url },
      { route: { difficulty: { threshold: 0.4 }, session: { ttl: '10m' } } },
    );
    const strong = routes.tiers[1]!.models;
    strong.push({ ...strong[0]!, model: 'vendor/large-2' } as never);
    gateway = await startGateway({ routes, clock, overrides: { random: () => 0 } });
  });
  afterEach(async () => {
    await gateway.close();
    await small.close();
    await large.close();
  });

  const ask = async (messages: object[], headers: Record<string, string> = {}) => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ model: 'auto', messages }),
    });
    await response.text();
    const header = (name: string) => response.headers.get(`x-rightsize-${name}`);
    return { tier: header('tier'), model: header('model'), reason: header('reason') };
  };

  test('the tier moves up and never down, until the session is forgotten', async () => {
    expect((await ask([user('hi')])).tier).toBe('small');
    expect((await ask([user('hi'), assistant('hello'), user(HARD)])).tier).toBe('large');
    const later = [user('hi'), assistant('hello'), user(HARD), assistant('Suppose …'), user('thanks')];
    const stays = await ask(later);
    expect(stays.tier).toBe('large');
    expect(stays.reason).toMatch(/^conversation stays on large \(difficulty 0\.\d\d < 0\.40?\)$/);
    clock.advance(11 * 60_000);
    expect((await ask(later)).tier).toBe('small');
  });

  test('an equal first message of somebody new is not held to it', async () => {
    await ask([user('hi'), assistant('hello'), user(HARD)]);
    expect((await ask([user('hi')])).tier).toBe('small');
  });

  test('a tool loop stays with the model that asked for the tool, though another would be drawn', async () => {
    const named = { 'x-rightsize-session': 'loop' };
    large.script(behaviours['envelope 500']);
    const opening = [user(HARD)];
    const first = await ask(opening, named);
    expect(first.model).toBe('vendor/large-2');
    const loop = [
      ...opening,
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '42' },
    ];
    const second = await ask(loop, named);
    expect(second.model).toBe('vendor/large-2');
    expect(second.reason).toContain('reads the tool results it asked for');
  });
});
