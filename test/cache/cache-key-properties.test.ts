import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cachePlace } from '../../src/cache/cache-key.ts';
import { semanticQuestion } from '../../src/cache/semantic-question.ts';
import { parseChatRequest } from '../../src/contract/chat-request.ts';

const word = fc.string({ unit: 'grapheme', maxLength: 6 });
/** Without backslashes in keys: such requests are refused before they come here. */
const json = fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes('\\\\'));
const message = fc.record({
  role: fc.constantFrom('system', 'user', 'assistant'),
  content: fc.oneof(word, fc.array(fc.record({ type: fc.constant('text'), text: word }), { maxLength: 2 })),
});
const tool = fc.record({
  type: fc.constant('function'),
  function: fc.record({
    name: fc.constantFrom('f', 'g'),
    parameters: fc.record({
      type: fc.constant('object'),
      properties: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.record({ const: json })),
    }),
  }),
});
const request = fc.record(
  {
    model: fc.constantFrom('auto', 'default'),
    messages: fc.array(message, { minLength: 1, maxLength: 3 }),
    temperature: fc.constantFrom(0, 0.5, 1),
    seed: fc.oneof(fc.integer(), fc.constantFrom(2 ** 53)),
    stop: fc.array(word, { minLength: 1, maxLength: 2 }),
    tools: fc.array(tool, { minLength: 1, maxLength: 2 }),
    top_k: fc.integer(),
    extra: json,
  },
  { requiredKeys: ['model', 'messages'] },
);
const scope = fc.record({
  team: fc.constantFrom('a', 'b', 'a","b'),
  route: fc.constantFrom('x', 'y'),
  forcedTier: fc.constantFrom(null, 'large'),
  models: fc.array(fc.constantFrom('m1', 'm2'), { maxLength: 2 }),
});

type Scope = Parameters<typeof cachePlace>[0];
const keyOfText = (where: Scope, text: string) => cachePlace(where, parseChatRequest(Buffer.from(text))).key;
const keyOf = (where: Scope, body: object) => keyOfText(where, JSON.stringify(body));

/** What a request means, for these requests: a text that is equal exactly when the meaning is. */
const meaning = (value: unknown, isProperties = false): string => {
  if (Array.isArray(value)) return `[${value.map((item) => meaning(item))}]`;
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '0' : JSON.stringify(value);
  const keys = Object.keys(value);
  if (!isProperties) keys.sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${meaning((value as never)[key], key === 'properties')}`)}}`;
};

test('two requests have one place exactly when tenant, route, tier, models and meaning are the same', () => {
  fc.assert(
    fc.property(scope, request, scope, request, (scopeA, bodyA, scopeB, bodyB) => {
      const { extra: a = null, ...restA } = bodyA;
      const { extra: b = null, ...restB } = bodyB;
      // `extra` may hold objects named `properties`, whose order counts in schemas only.
      const sorted = (value: unknown) => meaning(JSON.parse(JSON.stringify(value).replaceAll('"properties"', '"p"')));
      const same = meaning(scopeA) === meaning(scopeB) && meaning(restA) === meaning(restB) && sorted(a) === sorted(b);
      const equal = keyOf(scopeA, bodyA) === keyOf(scopeB, bodyB);
      expect(equal).toBe(same);
    }),
    { numRuns: 120 },
  );
});

test('no two tenants ever share a place', () => {
  const teams = fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 8 }), { minLength: 2, maxLength: 2 });
  fc.assert(
    fc.property(teams, scope, request, ([one = '', two = ''], where, body) => {
      expect(keyOf({ ...where, team: one }, body)).not.toBe(keyOf({ ...where, team: two }, body));
    }),
    { numRuns: 100 },
  );
});

/** Turns the order of keys around, except where order has meaning, and writes every number another way. */
const respelled = (value: unknown, isProperties = false): string => {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 1e15) return `${value}.0`;
  if (Array.isArray(value)) return ` [ ${value.map((item) => respelled(item)).join(' , ')} ] `;
  if (typeof value === 'string')
    return `"${[...value].map((c) => (c.length === 1 ? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}` : c)).join('')}"`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value);
  if (!isProperties) entries.reverse();
  return `{\n${entries.map(([key, member]) => `${JSON.stringify(key)} : ${respelled(member, key === 'properties')}`)}}`;
};

test('another order of keys, another spelling of texts and numbers, and what does not count make no difference', () => {
  fc.assert(
    fc.property(scope, request, (where, body) => {
      const fields = { ...body, stream: true, user: 'u', metadata: { a: '1' }, logit_bias: null };
      expect(keyOfText(where, respelled(fields))).toBe(keyOf(where, body));
    }),
    { numRuns: 120 },
  );
});

test('any change of a field that has a meaning is another place', () => {
  const change = fc.oneof(
    fc.record({ top_p: fc.constantFrom(0.1, 0.2) }),
    fc.record({ n: fc.constantFrom(2, 3) }),
    fc.record({ max_tokens: fc.constantFrom(5, 6) }),
    fc.record({ response_format: fc.constantFrom({ type: 'json_object' }) }),
    fc.record({ reasoning_effort: fc.constantFrom('low') }),
    fc.record({ logprobs: fc.constant(true) }),
    fc.record({ never_heard_of: fc.constantFrom(0, '', false) }),
  );
  fc.assert(
    fc.property(scope, request, change, (where, body, changed) => {
      expect(keyOf(where, { ...body, ...changed })).not.toBe(keyOf(where, body));
    }),
    { numRuns: 100 },
  );
});

/** Where the question that ends a request is compared by meaning; without tools and numbers of 16 digits it is. */
const partitionOf = (
  where: Scope,
  { tools: _, seed: __, extra: ___, ...body }: Record<string, unknown>,
  question: string,
  write = JSON.stringify,
) => {
  const messages = [...(body['messages'] as object[]), { role: 'user', content: question }];
  return semanticQuestion(where, parseChatRequest(Buffer.from(write({ ...body, messages }))))?.partition.id;
};
const question = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => text.trim() !== '');

test('questions are compared within one tenant and one request, whatever the question and its spelling', () => {
  const change = fc.oneof(
    fc.record({ top_p: fc.constantFrom(0.1, 0.2) }),
    fc.record({ n: fc.constant(2) }),
    fc.record({ response_format: fc.constant({ type: 'json_object' }) }),
    fc.record({ never_heard_of: fc.constantFrom(0, '', false) }),
    fc.record({ messages: fc.constant([{ role: 'system', content: 'Another prompt, of more than six letters.' }]) }),
  );
  const teams = fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 8 }), { minLength: 2, maxLength: 2 });
  fc.assert(
    fc.property(
      scope,
      request,
      question,
      question,
      change,
      teams,
      (where, body, one, other, changed, [a = '', b = '']) => {
        const id = partitionOf(where, body, one);
        expect(id).toMatch(/^[0-9a-f]{64}$/);
        const same = { ...body, stream: true, user: 'u', metadata: { a: '1' }, logit_bias: null };
        expect(partitionOf(where, same, other, (value) => respelled(value))).toBe(id);
        expect(partitionOf(where, { ...body, ...changed }, one)).not.toBe(id);
        expect(partitionOf({ ...where, team: a }, body, one)).not.toBe(partitionOf({ ...where, team: b }, body, one));
      },
    ),
    { numRuns: 100 },
  );
});

test.each([
  ['seeds beyond the precision of a double', '"seed":9007199254740993', '"seed":9007199254740992'],
  ['Unicode normal forms', '"top":"\u00e9"', '"top":"e\u0301"'],
  ['white space in a text', '"top":"a "', '"top":"a"'],
  ['the order of tools', '"functions":[{"name":"a"},{"name":"b"}]', '"functions":[{"name":"b"},{"name":"a"}]'],
  [
    'the order of the properties of a schema',
    '"response_format":{"type":"json_schema","json_schema":{"schema":{"properties":{"a":{},"b":{}}}}}',
    '"response_format":{"type":"json_schema","json_schema":{"schema":{"properties":{"b":{},"a":{}}}}}',
  ],
  [
    'null inside a schema and its absence',
    '"tools":[{"type":"function","function":{"parameters":{"const":null}}}]',
    '"tools":[{"type":"function","function":{"parameters":{}}}]',
  ],
  ['an empty list and its absence', '"tools":[]', '"top_k":null'],
])('tells apart %s', (_, one, two) => {
  const where = { team: 'a', route: 'x', forcedTier: null, models: [] };
  const text = (field: string) => `{"model":"auto","messages":[{"role":"user","content":"hi"}],${field}}`;
  expect(keyOfText(where, text(one))).not.toBe(keyOfText(where, text(two)));
});

test.each([
  ['one stop text and a list of it', '"stop":"x"', '"stop":["x"]'],
  ['a long integer in another place', '"seed":12345678901234567890', ' "seed" : 12345678901234567890 '],
  ['a null in a message', '"top_k":1', '"top_k":1.0,"tool_choice":null'],
])('takes for the same %s', (_, one, two) => {
  const where = { team: 'a', route: 'x', forcedTier: null, models: [] };
  const text = (field: string) => `{"model":"auto","messages":[{"role":"user","content":"hi"}],${field}}`;
  expect(keyOfText(where, text(one))).toBe(keyOfText(where, text(two)));
});
