import { getLlama, type Llama, LlamaGrammarEvaluationState, LlamaLogLevel, type LlamaModel } from 'node-llama-cpp';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { GrammarBuilder } from '../../src/model-host/gbnf.ts';
import { SchemaCompiler } from '../../src/model-host/json-schema-grammar.ts';
import { untrainedNanoFile } from './support/test-models.ts';

let llama: Llama;
let model: LlamaModel;
let write: (schema: unknown, seed: number) => Promise<string>;
beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.disabled });
  model = await llama.loadModel({ modelPath: untrainedNanoFile() });
  const context = await model.createContext({ contextSize: 4096 });
  const sequence = context.getSequence();
  const prompt = model.tokenize('<|im_start|>assistant\n', true);
  write = async (schema, seed) => {
    await sequence.clearHistory();
    const grammar = await llama.createGrammar({ grammar: compile(schema) });
    const state = new LlamaGrammarEvaluationState({ model, grammar });
    const tokens = [];
    const options = { temperature: 1, topK: 0, topP: 1, seed, grammarEvaluationState: state };
    for await (const token of sequence.evaluate(prompt, options)) {
      tokens.push(token);
      if (tokens.length > 3000) throw new Error('it does not end');
    }
    return model.detokenize(tokens);
  };
  return () => llama.dispose();
});

const compile = (schema: unknown): string => {
  const grammar = new GrammarBuilder();
  return grammar.build(new SchemaCompiler(grammar, schema, 'schema').compile());
};

// biome-ignore lint/suspicious/noExplicitAny: a type that refers to itself
const tree: any = z.object({ value: z.int(), kids: z.lazy(() => z.array(tree).max(2)) });

describe('what a model without a mind writes is valid', () => {
  test.each<[string, z.ZodType]>([
    ['an object', z.object({ a: z.string(), b: z.int(), c: z.number(), d: z.boolean(), e: z.null() })],
    [
      'optional properties',
      z.object({ a: z.int().optional(), b: z.int().optional(), c: z.int(), d: z.int().optional() }),
    ],
    ['nothing but optional ones', z.object({ a: z.int().optional(), b: z.boolean().optional() })],
    ['nesting and odd names', z.object({ 'a "b" \\ é': z.object({ c: z.enum(['"', '\\', '☃\n']) }) })],
    [
      'arrays',
      z.object({
        a: z.array(z.int()),
        b: z
          .array(z.enum(['x']))
          .min(2)
          .max(4),
        c: z.array(z.null()).length(1),
      }),
    ],
    [
      'integers between bounds',
      z.object({
        a: z.int().min(-5).max(17),
        b: z.int().gt(99).lt(1234),
        c: z.int().max(-7),
        d: z.int().min(7).max(7),
      }),
    ],
    [
      'numbers between bounds',
      z.object({
        a: z.number().min(0).max(1),
        b: z.number().min(-2.5).max(3.25),
        c: z.number().gt(0).lt(1),
        d: z.number().positive(),
        e: z.number().lt(-1.5),
      }),
    ],
    [
      'lengths',
      z.object({
        a: z.string().min(2).max(5),
        b: z.string().min(3),
        c: z.string().length(4),
        d: z.string().max(0),
        e: z.string().max(700),
      }),
    ],
    [
      'formats',
      z.object({ a: z.iso.date(), b: z.iso.time(), c: z.iso.datetime(), d: z.uuid(), e: z.email(), f: z.ipv4() }),
    ],
    [
      'patterns',
      z.object({
        a: z.string().regex(/^[A-Z]{2}-\d+$/),
        b: z.string().regex(/^(foo|ba[rz])+\s?"[^x]$/),
        c: z.string().regex(/abc/),
        d: z.string().regex(/^[ -~]{3}$/),
      }),
    ],
    ['alternatives', z.object({ a: z.union([z.string(), z.number(), z.array(z.int())]), b: z.string().nullable() })],
    [
      'alternatives told apart',
      z.discriminatedUnion('k', [z.object({ k: z.literal('p'), v: z.int() }), z.object({ k: z.literal('q') })]),
    ],
    ['both of two', z.intersection(z.object({ a: z.string() }), z.object({ b: z.int().optional() }))],
    ['free names', z.object({ a: z.record(z.string(), z.int()), b: z.partialRecord(z.enum(['x', 'y']), z.int()) })],
    ['tuples', z.object({ a: z.tuple([z.string(), z.int()]), b: z.tuple([z.int()], z.boolean()) })],
    ['anything', z.object({ a: z.any(), b: z.unknown() })],
    ['a tree', tree],
    ['a value alone', z.enum(['a', 'b'])],
  ])('%s', async (_, schema) => {
    for (let seed = 1; seed <= 8; seed++) {
      const text = await write(z.toJSONSchema(schema), seed);
      expect(() => schema.parse(JSON.parse(text)), text).not.toThrow();
    }
  });
});

describe('refused with its place', () => {
  const object = (properties: object) => ({ type: 'object', properties });
  test.each([
    ['a negation', object({ a: { not: { type: 'null' } } }), '#/properties/a/not'],
    ['unique items', object({ a: { type: 'array', uniqueItems: true } }), '#/properties/a/uniqueItems'],
    ['lookahead', object({ a: { type: 'string', pattern: '^(?!x)y$' } }), '#/properties/a/pattern'],
    ['a reference back', object({ a: { type: 'string', pattern: '^(x)\\1$' } }), '#/properties/a/pattern'],
    ['an unknown format', object({ a: { type: 'string', format: 'uri' } }), '#/properties/a/format'],
    ['multiples', object({ a: { type: 'number', multipleOf: 0.5 } }), '#/properties/a/multipleOf'],
    ['conditions', { if: { type: 'null' } }, '#/if'],
    ['patterns of names', { type: 'object', patternProperties: {} }, '#/patternProperties'],
    ['an undeclared name', { type: 'object', properties: { a: {} }, required: ['b'] }, '#/required'],
    ['a lost reference', { $ref: '#/$defs/none' }, '#/$ref'],
    ['an unknown type', { type: 'text' }, '#/type'],
    ['nothing', object({ a: false }), '#/properties/a'],
    ['no possible value', { allOf: [{ type: 'string' }, { type: 'integer' }] }, '#/allOf/1'],
    ['an empty range', { type: 'integer', minimum: 3, maximum: 2 }, '#'],
  ])('%s', (_, schema, path) => {
    expect(() => compile(schema)).toThrow(
      expect.objectContaining({
        code: 'unsupported_parameter',
        param: 'schema',
        message: expect.stringContaining(`at ${path},`),
      }),
    );
  });

  test('what grows without end', () => {
    let schema: object = { type: 'null' };
    for (let depth = 0; depth < 100; depth++) schema = { type: 'array', items: schema };
    expect(() => compile(schema)).toThrow(/64 levels/);
    const wide = object(
      Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`name${index}`, { type: 'null' }])),
    );
    expect(() => compile(wide)).toThrow(/too large/);
  });

  test('a value that only refers to itself', async () => {
    await expect(llama.createGrammar({ grammar: compile({ $ref: '#' }) })).rejects.toThrow();
  });
});
