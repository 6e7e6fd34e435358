import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { getLlama, LlamaLogLevel, type LlamaModel, type Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChatMessage } from '../../src/contract/openai.ts';
import { checkGgufFile } from '../../src/model-host/gguf-file.ts';
import { toModelFacts } from '../../src/model-host/model-facts.ts';
import { parseModelSpec } from '../../src/model-host/model-source.ts';
import { renderConversation } from '../../src/model-host/render-conversation.ts';
import { toTemplateMessages } from '../../src/model-host/template-messages.ts';
import type { ToolFunction } from '../../src/model-host/tool-request.ts';

const FILE = 'models/nano/rightsize-nano.gguf';
const LARGEST_BYTES = 16 * 1024 * 1024;
/** The engine rounds what it multiplies with eight-bit weights to eight bits as well; the training code does not. */
const LARGEST_DIFFERENCE = 0.04;

/** The renderer that the model host uses; it comes with the engine. */
const { Template } = createRequire(import.meta.resolve('node-llama-cpp'))('@huggingface/jinja') as {
  Template: new (text: string) => { render(values: Record<string, unknown>): string };
};

/** Written by the training code together with the file. */
type Frozen = {
  texts: { text: string; tokens: Token[] }[];
  prompts: {
    messages: ChatMessage[];
    tools: { function: ToolFunction }[];
    prompt: string;
    tokens: Token[];
    next: { token: Token; chance: number }[];
  }[];
};
const frozen = JSON.parse(readFileSync('test/fixtures/nano/frozen.json', 'utf8')) as Frozen;

test('the committed file is the one that the manifest names, is what builtin:nano means, and is small', () => {
  const { bytes, sha256, parameters } = JSON.parse(readFileSync('models/nano/manifest.json', 'utf8'));
  const file = readFileSync(FILE);
  expect(createHash('sha256').update(file).digest('hex')).toBe(sha256);
  expect(file.length).toBe(bytes);
  expect(file.length).toBeLessThanOrEqual(LARGEST_BYTES);
  expect(parseModelSpec('builtin:nano')).toEqual({ kind: 'path', path: expect.stringMatching(new RegExp(`${FILE}$`)) });
  const { header } = checkGgufFile(FILE);
  expect(header.metadata.get('general.name')).toBe('rightsize-nano');
  expect(toModelFacts([header])).toMatchObject({ parameters: parameters.total });
  // The card's figures are those of this file.
  expect(readFileSync('models/nano/README.md', 'utf8')).toContain(`SHA-256: \`${sha256}\``);
});

describe('the engine and the training code agree', () => {
  let model: LlamaModel;
  beforeAll(async () => {
    const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error });
    model = await llama.loadModel({ modelPath: FILE });
  });
  afterAll(() => model.dispose());

  test('on how text is cut into tokens', () => {
    for (const { text, tokens } of frozen.texts) expect([text, model.tokenize(text)]).toEqual([text, tokens]);
    for (const { prompt, tokens } of frozen.prompts) expect(model.tokenize(prompt, true)).toEqual(tokens);
  });

  test('on how a conversation is written, with functions, calls and their results', () => {
    const text = String(model.fileInfo.metadata.tokenizer.chat_template);
    const template = { text, render: (values: Record<string, unknown>) => new Template(text).render(values) };
    for (const { messages, tools, prompt } of frozen.prompts) {
      const functions = tools.map((tool) => tool.function);
      const conversation = { messages: toTemplateMessages(messages), functions, options: {} };
      const { parts, syntax } = renderConversation(template, conversation);
      expect(parts.map(({ text }) => text).join('')).toBe(prompt);
      expect(syntax.family).toBe('hermes');
    }
  });

  test('on how likely each next token is', async () => {
    const context = await model.createContext({ contextSize: 1024 });
    const sequence = context.getSequence();
    const differences: number[] = [];
    for (const { tokens, next } of frozen.prompts) {
      await sequence.clearHistory();
      const filter = { tokens: next.map(({ token }) => token), includeTop: 1 };
      const generateNext = { totalLogitWeight: true, logits: { filter }, options: { temperature: 0 } };
      const told = await sequence.controlledEvaluate([...tokens.slice(0, -1), [tokens.at(-1)!, { generateNext }]]);
      const { logits, totalLogitWeight } = told.at(-1)!.next as unknown as {
        logits: Map<Token, number>;
        totalLogitWeight: number;
      };
      const highest = Math.max(...logits.values());
      for (const { token, chance } of next) {
        differences.push(Math.abs(Math.exp(logits.get(token)! - highest) / totalLogitWeight - chance));
      }
    }
    expect(Math.max(...differences)).toBeLessThan(LARGEST_DIFFERENCE);
    expect(differences.reduce((sum, difference) => sum + difference, 0) / differences.length).toBeLessThan(0.004);
    await context.dispose();
  });
});
