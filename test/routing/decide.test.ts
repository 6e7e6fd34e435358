import { describe, expect, test } from 'vitest';
import type { RouteConfig } from '../../src/config/route-schema.ts';
import { GatewayError } from '../../src/contract/errors.ts';
import type { Api } from '../../src/contract/vocabulary.ts';
import { type DecideInput, decide } from '../../src/routing/decide.ts';
import type { RequestFacts } from '../../src/routing/request-facts.ts';
import type { Candidate, Capability, RoutingTable } from '../../src/routing/routing-table.ts';
import { selectRoute, type Wishes } from '../../src/routing/select-route.ts';
import { ShareThresholds } from '../../src/routing/share-thresholds.ts';
import { thresholdOf } from '../../src/routing/threshold.ts';
import type { UpstreamState } from '../../src/upstreams/upstream.ts';

const ALL: Capability[] = ['tools', 'images', 'audio', 'json'];

const candidate = (tier: string, upstream: string, overrides: Partial<Candidate> = {}): Candidate => ({
  tier,
  upstream,
  model: `${upstream}-model`,
  weight: 1,
  capabilities: new Set(ALL),
  apis: new Set(['chat']),
  contextTokens: null,
  config: { upstream, weight: 1 },
  ...overrides,
});

const route = (overrides: Partial<RouteConfig> = {}): RouteConfig => ({
  name: 'default',
  match: {},
  difficulty: { threshold: 0.5 },
  fallback: 'up',
  retries: 0,
  session: { ttl: 3_600_000 },
  mode: 'enforce',
  ...overrides,
});

const tableOf = (candidates: Candidate[], routes = [route()], teams: RoutingTable['teams'] = {}): RoutingTable => ({
  routes,
  teams,
  models: new Map(),
  timeWindows: new Map(),
  usesLanguage: false,
  candidates,
  tiers: [...new Set(candidates.map(({ tier }) => tier))].map((name) => ({
    name,
    balance: 'weighted',
    candidates: candidates.filter(({ tier }) => tier === name),
  })),
});

const three = [candidate('small', 'a'), candidate('medium', 'b'), candidate('large', 'c')];

const facts = (overrides: Partial<RequestFacts> = {}): RequestFacts => ({
  needs: new Set(),
  hasSystem: false,
  promptTokens: 10,
  answerTokens: null,
  language: null,
  native: null,
  ...overrides,
});

type Situation = {
  table?: RoutingTable;
  wishes?: Partial<Wishes>;
  facts?: Partial<RequestFacts>;
  difficulty?: number;
  states?: Record<string, UpstreamState['state']>;
  random?: number;
};

/** Selects and decides as the pipeline does; upstreams are ready unless said otherwise. */
const decideFor = ({
  table = tableOf(three),
  wishes = {},
  difficulty = 0.2,
  states = {},
  random = 0,
  ...rest
}: Situation) => {
  const all: Wishes = { model: 'auto', team: 'default', route: null, tier: null, at: 0, ...wishes };
  const requestFacts = facts(rest.facts);
  const selection = selectRoute(table, all, requestFacts);
  const input: DecideInput = {
    table,
    selection,
    facts: requestFacts,
    requestedModel: all.model,
    difficulty,
    threshold: thresholdOf(selection.route, difficulty, {
      shares: new ShareThresholds([]),
      pace: { affordableShare: () => 1 },
      classifier: { thresholdForQuality: (quality) => 1 - quality },
    }),
    isObserved: selection.route?.mode === 'observe',
    states: new Map(
      table.tiers.flatMap(({ candidates }) =>
        candidates.map(({ upstream }) => [
          upstream,
          { state: states[upstream] ?? 'ready', detail: `is ${states[upstream] ?? 'ready'}` },
        ]),
      ),
    ),
    health: new Map(),
    session: null,
    random,
  };
  const decision = decide(input);
  expect(decide(input)).toEqual(decision);
  return { ...decision, order: decision.attempts.map(({ upstream }) => upstream), reason: decision.reasons.join('; ') };
};

const failureOf = (situation: Situation): GatewayError => {
  try {
    decideFor(situation);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('expected a failure');
};

describe('difficulty', () => {
  test.each([
    [0, 'small', 'difficulty 0.00 < 0.50'],
    [0.49, 'small', 'difficulty 0.49 < 0.50'],
    [0.5, 'large', 'difficulty 0.50 >= 0.50'],
    [1, 'large', 'difficulty 1.00 >= 0.50'],
  ])('%d against a threshold of 0.5 chooses the %s tier', (difficulty, tier, reason) => {
    const decision = decideFor({ difficulty });
    expect(decision.tier).toBe(tier);
    expect(decision.threshold).toBe(0.5);
    expect(decision.reason).toBe(reason);
  });

  test('a threshold of 0 sends everything to the strongest tier, and of 1 all but the certainly hard', () => {
    const at = (threshold: number, difficulty: number) =>
      decideFor({ table: tableOf(three, [route({ difficulty: { threshold } })]), difficulty }).tier;
    expect([at(0, 0), at(1, 0.99), at(1, 1)]).toEqual(['large', 'small', 'large']);
  });

  test('the reason never contradicts itself where rounding would make both sides equal', () => {
    const reasonAt = (difficulty: number) =>
      decideFor({ table: tableOf(three, [route({ difficulty: { threshold: 0.55 } })]), difficulty }).reason;
    expect(reasonAt(0.5463)).toBe('difficulty 0.546 < 0.55');
    expect(reasonAt(0.54999)).toBe('difficulty 0.549 < 0.55');
  });
});

describe('fallback', () => {
  test.each([
    ['up', 0.2, ['a', 'b', 'c']],
    ['up', 0.9, ['c']],
    ['any', 0.2, ['a', 'b', 'c']],
    ['any', 0.9, ['c', 'b', 'a']],
    ['none', 0.2, ['a']],
    ['none', 0.9, ['c']],
  ] as const)('%s from difficulty %d tries %j', (fallback, difficulty, order) => {
    expect(decideFor({ table: tableOf(three, [route({ fallback })]), difficulty }).order).toEqual(order);
  });

  test.each([
    ['tier', { tier: 'medium', difficulty: undefined }, ['b', 'c'], 'route default uses tier medium'],
    [
      'tier and any',
      { tier: 'medium', difficulty: undefined, fallback: 'any' as const },
      ['b', 'c', 'a'],
      'route default uses tier medium',
    ],
  ])('from a route with a %s', (_, overrides, order, reason) => {
    const decision = decideFor({ table: tableOf(three, [route(overrides)]), difficulty: 0.9 });
    expect(decision).toMatchObject({ order, reason, threshold: null, tier: 'medium' });
  });
});

describe('weights', () => {
  const table = tableOf(
    [
      candidate('small', 'a', { weight: 1 }),
      candidate('small', 'b', { weight: 3 }),
      candidate('small', 'spare', { weight: 0 }),
    ],
    [route({ fallback: 'none' })],
  );

  test.each([
    [0, ['a', 'b', 'spare']],
    [0.249, ['a', 'b', 'spare']],
    [0.25, ['b', 'a', 'spare']],
    [0.999999, ['b', 'a', 'spare']],
  ])('a draw of %d tries %j', (random, order) => {
    expect(decideFor({ table, random }).order).toEqual(order);
  });

  test('a model of weight 0 answers where the others cannot', () => {
    expect(decideFor({ table, states: { a: 'down', b: 'disabled' } })).toMatchObject({
      order: ['spare'],
      reason: 'difficulty 0.20 < 0.50; a: is down; b: is disabled',
    });
  });
});

describe('what the client names', () => {
  const routes = [
    route({ name: 'code', match: { model: ['auto', 'gpt-4o'], has: ['tools'] }, tier: 'large', difficulty: undefined }),
    route({ name: 'default', match: { model: 'auto' } }),
  ];
  const table = tableOf(three, routes);

  test.each<[Partial<Wishes>, string, string[], string]>([
    [{ model: 'auto' }, 'default', ['a', 'b', 'c'], 'difficulty 0.20 < 0.50'],
    [{ model: 'small' }, 'default', ['a', 'b', 'c'], 'tier small named by the client'],
    [{ model: 'medium' }, 'default', ['b', 'c'], 'tier medium named by the client'],
    [{ tier: 'large' }, 'default', ['c'], 'tier large named by the client'],
    [{ model: 'small', tier: 'large' }, 'default', ['c'], 'tier large named by the client'],
    [{ model: 'code' }, 'code', ['c'], 'route code uses tier large'],
    [{ route: 'code' }, 'code', ['c'], 'route code uses tier large'],
    [{ route: 'code', tier: 'medium' }, 'code', ['b', 'c'], 'tier medium named by the client'],
    [{ model: 'gpt-4o', route: 'default' }, 'default', ['a', 'b', 'c'], 'difficulty 0.20 < 0.50'],
    [{ model: 'b-model' }, 'direct', ['b'], 'model b-model named by the client'],
    [{ model: 'b/b-model' }, 'direct', ['b'], 'model b-model named by the client'],
  ])('%j is decided by route %s and tries %j', (wishes, routeName, order, reason) => {
    expect(decideFor({ table, wishes })).toMatchObject({ route: routeName, order, reason });
  });

  test('the first route whose conditions all hold decides', () => {
    const has = (...needs: Capability[]) => decideFor({ table, facts: { needs: new Set(needs) } }).route;
    expect([has(), has('tools'), has('tools', 'json'), has('json')]).toEqual(['default', 'code', 'code', 'default']);
  });

  test('a tier named by header leaves the model to choose the route', () => {
    const named = tableOf(three, [
      route({ name: 'named', match: { model: 'gpt-4o' } }),
      route({ match: { model: 'auto' } }),
    ]);
    const routeFor = (model: string) => decideFor({ table: named, wishes: { model, tier: 'medium' } }).route;
    expect([routeFor('gpt-4o'), routeFor('auto'), routeFor('gpt-99')]).toEqual(['named', 'default', 'default']);
  });

  test('sizes and the system message are conditions', () => {
    const sized = tableOf(three, [
      route({ name: 'long', match: { minTokens: 100 } }),
      route({ name: 'system', match: { has: ['system'] } }),
      route({ name: 'short', match: { maxTokens: 20 } }),
      route({ name: 'rest' }),
    ]);
    const routeOf = (overrides: Partial<RequestFacts>) => decideFor({ table: sized, facts: overrides }).route;
    expect(routeOf({ promptTokens: 100 })).toBe('long');
    expect(routeOf({ promptTokens: 99, hasSystem: true })).toBe('system');
    expect(routeOf({ promptTokens: 20 })).toBe('short');
    expect(routeOf({ promptTokens: 21 })).toBe('rest');
  });

  test.each<[Partial<Wishes>, string, string]>([
    [{ model: 'gpt-99' }, 'model_not_found', 'model'],
    [{ model: 'gpt-4o' }, 'model_not_found', 'model'],
    [{ tier: 'huge' }, 'invalid_value', 'x-rightsize-tier'],
    [{ route: 'nope' }, 'invalid_value', 'x-rightsize-route'],
  ])('%j is refused', (wishes, code, param) => {
    expect(failureOf({ table, wishes })).toMatchObject({ code, param, isRetryable: false });
  });
});

describe('teams', () => {
  const routes = [route({ name: 'dear', match: { has: ['tools'] } }), route({ name: 'cheap' })];
  const table = tableOf(three, routes, { guests: { limits: {}, routes: ['cheap'] } });
  const guest = { team: 'guests' };

  test('a team skips the routes it may not use', () => {
    const needs = new Set<Capability>(['tools']);
    expect(decideFor({ table, wishes: guest, facts: { needs } }).route).toBe('cheap');
    expect(decideFor({ table, facts: { needs } }).route).toBe('dear');
  });

  test.each<[Partial<Wishes>]>([[{ route: 'dear' }], [{ model: 'dear' }]])('%j is not allowed', (wishes) => {
    expect(failureOf({ table, wishes: { ...guest, ...wishes } })).toMatchObject({
      code: 'route_not_allowed',
      status: 403,
    });
  });

  test('a team with a list of routes cannot go around it by naming a model', () => {
    const narrow = tableOf(three, [route({ match: { model: 'auto' } })], {
      guests: { limits: {}, routes: ['default'] },
    });
    expect(failureOf({ table: narrow, wishes: { ...guest, model: 'c-model' } })).toMatchObject({
      code: 'model_not_allowed',
    });
    expect(decideFor({ table: narrow, wishes: { model: 'c-model' } }).order).toEqual(['c']);
  });

  test('a route for a team is for nobody else', () => {
    const only = tableOf(three, [route({ match: { team: ['platform'] } })]);
    expect(decideFor({ table: only, wishes: { team: 'platform' } }).route).toBe('default');
    expect(failureOf({ table: only })).toMatchObject({ code: 'model_not_found' });
  });
});

describe('what a model can do', () => {
  const weak = [candidate('small', 'a', { capabilities: new Set(), contextTokens: 100 }), candidate('large', 'c')];

  test.each<[Capability]>([['tools'], ['images'], ['audio'], ['json']])(
    'a request that needs %s passes over a model without',
    (need) => {
      expect(decideFor({ table: tableOf(weak), facts: { needs: new Set([need]) } })).toMatchObject({
        tier: 'small',
        order: ['c'],
        reason: `difficulty 0.20 < 0.50; ${need} need a capable model; answered by large`,
      });
    },
  );

  test('a prompt beyond a context window passes over that model', () => {
    const at = (promptTokens: number) => decideFor({ table: tableOf(weak), facts: { promptTokens } }).order;
    expect([at(100), at(101)]).toEqual([['a', 'c'], ['c']]);
  });

  test('where the route’s tiers cannot, any other tier that can answers, and the reason says so', () => {
    const table = tableOf(weak, [route({ fallback: 'none' })]);
    expect(decideFor({ table, facts: { needs: new Set(['tools']) } })).toMatchObject({ order: ['c'] });
    const strongest = tableOf([candidate('small', 'a'), candidate('large', 'c', { capabilities: new Set() })]);
    expect(decideFor({ table: strongest, difficulty: 0.9, facts: { needs: new Set(['json']) } })).toMatchObject({
      order: ['a'],
      reason: expect.stringMatching(/^difficulty 0\.90 >= 0\.50?; json need a capable model; answered by small$/),
    });
  });

  test('where no model can, it is an error that says why', () => {
    const error = failureOf({ table: tableOf([weak[0]!]), facts: { needs: new Set(['images']) } });
    expect(error).toMatchObject({ code: 'no_upstream_available', status: 503 });
    expect(error.message).toContain('images need a capable model');
  });

  test('a model that the client names is asked whatever it can do', () => {
    const table = tableOf(weak, [route({ match: { model: 'auto' } })]);
    expect(decideFor({ table, wishes: { model: 'a-model' }, facts: { needs: new Set(['tools']) } }).order).toEqual([
      'a',
    ]);
  });
});

describe('the state of upstreams', () => {
  test.each([
    ['disabled', ['b', 'c'], /; a: is disabled; answered by medium$/],
    ['down', ['b', 'c'], /; a: is down; answered by medium$/],
    ['starting', ['b', 'c', 'a'], /; a: is starting; answered by medium$/],
  ] as const)('a %s upstream gives way, and the reason says so', (state, order, reason) => {
    const decision = decideFor({ states: { a: state } });
    expect(decision).toMatchObject({ tier: 'small', order });
    expect(decision.reason).toMatch(reason);
  });

  test('an upstream that is starting is waited for where nothing else is there', () => {
    expect(decideFor({ states: { a: 'starting', b: 'down', c: 'disabled' } }).order).toEqual(['a']);
    expect(
      decideFor({ table: tableOf(three, [route({ fallback: 'none' })]), states: { a: 'starting' } }).order,
    ).toEqual(['a']);
  });

  test('a hard request is answered by a weaker tier when the strongest has no key', () => {
    expect(decideFor({ difficulty: 0.9, states: { c: 'disabled' } })).toMatchObject({
      tier: 'large',
      order: ['b', 'a'],
      reason: expect.stringContaining('c: is disabled; answered by medium'),
    });
  });

  test('with every upstream gone it is an error to be retried, that names each', () => {
    const error = failureOf({ states: { a: 'down', b: 'disabled', c: 'down' } });
    expect(error).toMatchObject({ code: 'no_upstream_available', retryAfterSeconds: 5 });
    for (const words of ['a: is down', 'b: is disabled', 'c: is down']) expect(error.message).toContain(words);
  });
});

describe('observe mode', () => {
  const table = tableOf(three, [route({ mode: 'observe', match: { model: ['auto', 'b-model'] } })]);

  test('auto goes to the strongest tier as it would have without us, and says what would have been', () => {
    expect(decideFor({ table })).toMatchObject({
      tier: 'large',
      order: ['c'],
      reason: expect.stringMatching(/^observe: would have chosen small \(difficulty 0\.20 < 0\.50?\)$/),
    });
  });

  test('a named model gets what it asked for', () => {
    expect(decideFor({ table, wishes: { model: 'b-model' } })).toMatchObject({ tier: 'medium', order: ['b'] });
  });
});

describe('a share of requests', () => {
  test.each([0, 0.1, 0.3, 0.9, 1])('of %d is held, whatever the traffic looks like', (share) => {
    const shares = new ShareThresholds(Array.from({ length: 100 }, (_, index) => index / 100));
    let large = 0;
    const total = 4_000;
    for (let request = 0; request < total; request++) {
      // Skewed traffic, and it drifts: hardly any prompt is as hard as the prior says.
      const difficulty = ((request * 0.6180339887) % 1) ** 2 * (request < total / 2 ? 0.2 : 0.6);
      if (difficulty >= shares.thresholdFor('default', share, difficulty)) large++;
    }
    expect(Math.abs(large / total - share)).toBeLessThan(0.06);
  });

  test('routes keep their own', () => {
    const shares = new ShareThresholds([0.5]);
    for (let request = 0; request < 10; request++) shares.thresholdFor('a', 0.5, 0.9);
    expect(shares.thresholdFor('b', 1, 0.1)).toBe(0.5);
  });
});

describe('what only one wire format can say', () => {
  const need = { param: 'tools[0]', what: 'The tool "web_search"' };
  const native = { api: 'responses', need } as const;
  const speaks = (tier: string, upstream: string, ...apis: Api[]) => candidate(tier, upstream, { apis: new Set(apis) });

  test('goes to an upstream that speaks it, however easy it is', () => {
    const table = tableOf([speaks('small', 'a', 'chat'), speaks('large', 'c', 'chat', 'responses')]);
    expect(decideFor({ table, facts: { native } })).toMatchObject({
      order: ['c'],
      reason: expect.stringContaining('The tool "web_search" needs an upstream that speaks responses'),
    });
    expect(decideFor({ table, facts: { native: { ...native, need: null } } }).order).toEqual(['a', 'c']);
  });

  test('is refused by name where no upstream speaks it, and where the client named one that does not', () => {
    const table = tableOf([speaks('small', 'a', 'chat'), speaks('large', 'c', 'chat')]);
    expect(failureOf({ table, facts: { native } })).toMatchObject({ code: 'unsupported_parameter', param: 'tools[0]' });
    const routes = [route({ match: { model: 'auto' } })];
    const mixed = tableOf([speaks('small', 'a', 'chat'), speaks('large', 'c', 'responses')], routes);
    const wishes = { model: 'a-model' };
    expect(failureOf({ table: mixed, wishes, facts: { native } })).toMatchObject({ code: 'unsupported_parameter' });
  });

  test('is a matter of time where the one that speaks it is down', () => {
    const table = tableOf([speaks('small', 'a', 'chat'), speaks('large', 'c', 'responses')]);
    expect(failureOf({ table, facts: { native }, states: { c: 'down' } })).toMatchObject({
      code: 'no_upstream_available',
    });
  });

  test('chat never goes to an upstream that does not speak it', () => {
    const table = tableOf([speaks('small', 'a', 'responses'), speaks('large', 'c', 'chat')]);
    expect(decideFor({ table }).order).toEqual(['c']);
  });
});
