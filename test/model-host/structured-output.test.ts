import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { Agent, fetch as socketFetch } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startHost, type TestHost } from './support/test-host.ts';

let host: TestHost;
let client: OpenAI;
beforeAll(async () => {
  host = await startHost({ contextTokens: 4096 });
  const dispatcher = new Agent({ connect: { socketPath: host.socketPath } });
  const fetch = (url: string, init: object) => socketFetch(url, { ...init, dispatcher });
  client = new OpenAI({
    baseURL: 'http://host/v1',
    apiKey: 'none',
    maxRetries: 0,
    fetch: fetch as unknown as typeof globalThis.fetch,
  });
});
afterAll(() => host.stop());

const SCHEMAS: [string, z.ZodType][] = [
  ['an event', z.object({ name: z.string(), date: z.iso.date(), participants: z.array(z.string()) })],
  [
    'nested',
    z.object({
      user: z.object({ id: z.int().min(1), address: z.object({ city: z.string(), zip: z.string().nullable() }) }),
    }),
  ],
  [
    'choices',
    z.object({ color: z.enum(['red', 'green']), level: z.union([z.literal(1), z.literal(2)]), on: z.boolean() }),
  ],
  ['numbers', z.object({ score: z.number().min(0).max(1), count: z.int().max(100), total: z.number() })],
  [
    'optional',
    z.object({
      a: z.string().nullable().optional(),
      b: z
        .array(z.object({ c: z.int().optional() }))
        .max(3)
        .nullish(),
    }),
  ],
];

test('.parse() of the official client returns a valid object, 100 times of 100', async () => {
  let valid = 0;
  for (const [name, schema] of SCHEMAS) {
    // Optional properties have no form in strict mode: those go as a plain schema, and are parsed the same way.
    const response_format =
      name === 'optional'
        ? ({
            type: 'json_schema',
            json_schema: { name, schema: z.toJSONSchema(schema) as Record<string, unknown> },
          } as const)
        : zodResponseFormat(schema, name.replaceAll(' ', '_'));
    for (let batch = 0; batch < 5; batch++) {
      const answers = Array.from({ length: 4 }, (_, index) =>
        client.chat.completions.parse({
          model: 'nano',
          messages: [{ role: 'user', content: `Write ${name}` }],
          response_format,
          seed: batch * 10 + index,
        }),
      );
      for (const { choices } of await Promise.all(answers)) {
        expect(choices[0]!.finish_reason).toBe('stop');
        schema.parse(choices[0]!.message.parsed ?? JSON.parse(choices[0]!.message.content!));
        valid++;
      }
    }
  }
  expect(valid).toBe(100);
}, 120_000);

test('a schema that cannot be honoured is refused by name and place', async () => {
  const schema = { type: 'object', properties: { a: { type: 'string', format: 'uri' } } };
  const refused = client.chat.completions.create({
    model: 'nano',
    messages: [{ role: 'user', content: 'x' }],
    response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
  });
  await expect(refused).rejects.toMatchObject({
    status: 400,
    code: 'unsupported_parameter',
    param: 'response_format.json_schema.schema',
    message: expect.stringContaining('#/properties/a/format'),
  });
});

test('the official client puts streamed calls and objects together', async () => {
  const parameters = { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] };
  const common = { model: 'nano', messages: [{ role: 'user' as const, content: 'x' }], seed: 5 };
  const called = await client.chat.completions
    .stream({
      ...common,
      tools: [{ type: 'function', function: { name: 'look_up', parameters } }],
      tool_choice: 'required',
      n: 2,
    })
    .finalChatCompletion();
  expect(called.choices).toHaveLength(2);
  for (const { finish_reason, message } of called.choices) {
    expect(finish_reason).toBe('tool_calls');
    for (const call of message.tool_calls!) {
      expect(call.id).toMatch(/^call_/);
      expect(call.type === 'function' && JSON.parse(call.function.arguments)).toEqual({ id: expect.any(Number) });
    }
  }
  const schema = z.object({ a: z.string(), b: z.int() });
  const stream = client.chat.completions.stream({ ...common, response_format: zodResponseFormat(schema, 'x') });
  schema.parse((await stream.finalChatCompletion()).choices[0]!.message.parsed);
});

test('what is cut by max_tokens ends with length, as the client expects', async () => {
  const cut = client.chat.completions.parse({
    model: 'nano',
    messages: [{ role: 'user', content: 'x' }],
    response_format: zodResponseFormat(z.object({ a: z.string() }), 'x'),
    max_tokens: 3,
  });
  await expect(cut).rejects.toThrow(/length limit/);
});
