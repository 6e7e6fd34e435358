import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

/**
 * The same questions to each local runtime that is on this machine, through a gateway, with the official client. A
 * runtime is started where its variable names its program, and left out otherwise:
 *
 *   LLAMA_SERVER=…/llama-server OLLAMA=…/ollama MLX_PYTHON=…/bin/python MLX_MODEL=<folder> \
 *     FOUNDRY_PYTHON=…/bin/python VLLM=…/vllm VLLM_MODEL=<folder> npm run test:live -- test/live/runtimes.test.ts
 *
 * llama-server and Ollama get the model in the box unless LLAMA_MODEL (a file) or OLLAMA_MODEL (a name it has) says
 * otherwise. OLLAMA_EMBEDDINGS is the file of a model to embed with. FOUNDRY_MODEL is a folder with a genai_config.json;
 * else one is made, for which FOUNDRY_PYTHON needs the package `onnx` beside `foundry-local-sdk`. Of a runtime that runs
 * already, RUNTIME_KIND, RUNTIME_URL (with /v1) and RUNTIME_MODEL say what and where. With RECORD=1 its answers are kept
 * in test/fixtures/runtimes, which belongs into the repository only from a model made for it.
 */
type Runtime = {
  kind: string;
  program: string | undefined;
  model: string;
  start(port: number): { args: string[]; env?: Record<string, string> };
  /** What is done once it answers. */
  prepare?(port: number): void;
  /** What becomes of a prompt beyond the context; `unnoticed` where it is read all the same. */
  tooLong: 'told' | 'unnoticed';
  hasLogprobs: boolean;
  /** Whether an order to call a tool reaches it, whatever it makes of that. */
  readsToolChoice: boolean;
  /** mlx-lm looks into the cache of Hugging Face for it, and answers nothing at all where there is none. */
  listsModels: boolean;
  /** The name of a model to embed with. */
  embedder?: string | undefined;
};

const NANO = join(import.meta.dirname, '../../models/nano/rightsize-nano.gguf');
const { LLAMA_SERVER, LLAMA_MODEL = NANO, MLX_PYTHON, MLX_MODEL = '' } = process.env;
const { OLLAMA, OLLAMA_MODEL, OLLAMA_EMBEDDINGS, RECORD } = process.env;
const { FOUNDRY_PYTHON, FOUNDRY_MODEL } = process.env;
const { VLLM, VLLM_MODEL = '' } = process.env;
const { RUNTIME_KIND = '', RUNTIME_URL, RUNTIME_MODEL = '' } = process.env;
// vLLM takes minutes on a CPU.
const START_LIMIT_MS = 400_000;
const usual = {
  tooLong: 'unnoticed',
  hasLogprobs: false,
  readsToolChoice: true,
  listsModels: true,
} as const;

/** What Ollama is asked to do with its store, which is an empty one where no model of the user's is named. */
const ollamaEnv = (port: number): Record<string, string> => ({
  OLLAMA_HOST: `127.0.0.1:${port}`,
  ...(!OLLAMA_MODEL && { OLLAMA_MODELS: scratch }),
});
const createInOllama = (port: number, name: string, file: string): void => {
  const modelfile = join(scratch, 'Modelfile');
  writeFileSync(modelfile, `FROM ${file}\n`);
  const env = { ...process.env, ...ollamaEnv(port) };
  execFileSync(OLLAMA!, ['create', name, '--file', modelfile], { env, stdio: 'ignore' });
};

const scratch = mkdtempSync(join(tmpdir(), 'rightsize-runtimes-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const RUNTIMES: Runtime[] = [
  {
    ...usual,
    ...{ kind: 'llama-server', program: LLAMA_SERVER, model: 'nano', tooLong: 'told', hasLogprobs: true },
    start: (port) => ({
      args: [
        ...['--model', LLAMA_MODEL, '--alias', 'nano', '--port', `${port}`],
        ...['--ctx-size', '1024', '--threads', '1', '--jinja'],
      ],
    }),
  },
  {
    ...usual,
    ...{ kind: 'mlx', program: MLX_PYTHON, model: MLX_MODEL, listsModels: false, readsToolChoice: false },
    start: (port) => ({ args: ['-m', 'mlx_lm.server', '--model', MLX_MODEL, '--port', `${port}`] }),
  },
  {
    ...usual,
    ...{ kind: 'ollama', program: OLLAMA, model: OLLAMA_MODEL ?? 'nano', tooLong: 'told', hasLogprobs: true },
    ...{ readsToolChoice: false, embedder: OLLAMA_EMBEDDINGS && 'embedder' },
    start: (port) => ({ args: ['serve'], env: ollamaEnv(port) }),
    prepare: (port) => {
      if (!OLLAMA_MODEL) createInOllama(port, 'nano', NANO);
      if (OLLAMA_EMBEDDINGS) createInOllama(port, 'embedder', OLLAMA_EMBEDDINGS);
    },
  },
  {
    ...usual,
    ...{ kind: 'onnx', program: FOUNDRY_PYTHON, model: 'model:1', tooLong: 'told' },
    start: (port) => {
      const model = FOUNDRY_MODEL ?? join(scratch, 'onnx');
      if (!FOUNDRY_MODEL) execFileSync(FOUNDRY_PYTHON!, [join(import.meta.dirname, 'make_onnx_model.py'), model]);
      return {
        args: [
          ...[join(import.meta.dirname, 'foundry_local.py'), '--model', model, '--name', 'model'],
          ...['--port', `${port}`, '--data', join(scratch, 'foundry')],
        ],
      };
    },
  },
  {
    ...usual,
    ...{ kind: 'vllm', program: VLLM, model: 'model', tooLong: 'told', hasLogprobs: true },
    start: (port) => ({
      args: [
        ...['serve', VLLM_MODEL, '--served-model-name', 'model', '--host', '127.0.0.1', '--port', `${port}`],
        ...['--max-model-len', '512', '--enforce-eager', '--enable-auto-tool-choice', '--tool-call-parser', 'hermes'],
      ],
      env: { HF_HUB_OFFLINE: '1', VLLM_NO_USAGE_STATS: '1', VLLM_CPU_KVCACHE_SPACE: '1' },
    }),
  },
];
if (RUNTIME_URL) {
  const known = RUNTIMES.find(({ kind }) => kind === RUNTIME_KIND);
  const running = { kind: RUNTIME_KIND, program: RUNTIME_URL, model: RUNTIME_MODEL, start: () => ({ args: [] }) };
  RUNTIMES.push({ ...usual, ...known, ...running });
}

const question = { model: 'auto', messages: [{ role: 'user' as const, content: 'Say good morning.' }], max_tokens: 24 };
const TOOL = {
  name: 'get_weather',
  description: 'Weather of a city.',
  parameters: { type: 'object', properties: { city: { type: 'string', enum: ['Paris'] } }, required: ['city'] },
};

describe.each(RUNTIMES.filter(({ program }) => program))('$kind', (runtime) => {
  let child: ChildProcess | undefined;
  let gateway: TestGateway;
  let client: OpenAI;
  let url: string;

  beforeAll(async () => {
    url = runtime.program === RUNTIME_URL ? RUNTIME_URL! : await launch();
    gateway = await startGateway({
      routes: {
        version: 1,
        upstreams: { local: { kind: runtime.kind, url } },
        tiers: [{ name: 'small', models: [{ upstream: 'local', model: runtime.model }] }],
        ...(runtime.embedder && { models: [{ name: 'vectors', upstream: 'local', model: runtime.embedder }] }),
        routes: [{ name: 'default', match: { model: 'auto' }, tier: 'small' }],
      },
    });
    client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
  }, START_LIMIT_MS);

  afterAll(async () => {
    await gateway?.close();
    child?.kill();
  });

  const launch = async (): Promise<string> => {
    const port = await freePort();
    const { args, env } = runtime.start(port);
    child = spawn(runtime.program!, args, { env: { ...process.env, ...env }, stdio: 'ignore' });
    const base = `http://127.0.0.1:${port}/v1`;
    const isUp = () =>
      fetch(`${base}/models`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until(isUp, START_LIMIT_MS, `${runtime.kind} to answer`);
    runtime.prepare?.(port);
    return base;
  };

  test.runIf(runtime.listsModels)('names its models', async () => {
    const { data } = (await (await fetch(`${url}/models`)).json()) as { data: { id: string }[] };
    expect(data.length).toBeGreaterThan(0);
  });

  test('answers the same streamed and not, with usage that the ledger has too', async () => {
    const plain = await client.chat.completions.create({ ...question, temperature: 0 });
    const stream = await client.chat.completions.create({
      ...{ ...question, temperature: 0, stream: true, stream_options: { include_usage: true } },
    });
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(plain.choices[0]!.message.content);
    expect(text).not.toBe('');
    expect(usage?.completion_tokens).toBe(plain.usage?.completion_tokens);
    const entries = await gateway.untilEntries(2);
    for (const { tokens } of entries) expect(tokens.completionTokens).toBe(plain.usage?.completion_tokens);
  });

  const NAMED = { type: 'function', function: { name: TOOL.name } } as const;
  test.each(['auto', 'required', NAMED] as const)('calls a tool: %j', async (tool_choice) => {
    const { choices } = await client.chat.completions.create({
      ...{ ...question, temperature: 0, max_tokens: 128, tool_choice },
      messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
      tools: [TOOL, { name: 'get_time' }].map((each) => ({ type: 'function', function: each })),
    });
    const [call] = choices[0]!.message.tool_calls ?? [];
    expect(call?.type === 'function' && [call.function.name, JSON.parse(call.function.arguments)]).toEqual([
      ...['get_weather', { city: 'Paris' }],
    ]);
    // OpenAI too says `stop` where the function was named.
    if (tool_choice !== NAMED) expect(choices[0]!.finish_reason).toBe('tool_calls');
  });

  test.runIf(!runtime.readsToolChoice)('says that an order to call a tool was left out', async () => {
    const { response } = await client.chat.completions
      .create({ ...question, tools: [{ type: 'function', function: TOOL }], tool_choice: 'required' })
      .withResponse();
    expect(response.headers.get('x-rightsize-stripped')).toBe('tool_choice');
  });

  test.runIf(runtime.hasLogprobs)('gives the log-probability of each token', async () => {
    const { choices } = await client.chat.completions.create({ ...question, logprobs: true, top_logprobs: 2 });
    const scores = choices[0]!.logprobs?.content ?? [];
    expect(scores.length).toBeGreaterThan(0);
    for (const { logprob, top_logprobs } of scores) {
      expect(logprob).toBeLessThanOrEqual(0);
      expect(top_logprobs.length).toBeGreaterThan(0);
    }
  });

  test.runIf(runtime.tooLong === 'told')('tells that a prompt is too long in OpenAI’s words', async () => {
    const messages = [{ role: 'user' as const, content: 'morning '.repeat(5_000) }];
    await expect(client.chat.completions.create({ ...question, messages })).rejects.toMatchObject({
      ...{ status: 400, code: 'context_length_exceeded' },
    });
  });

  test.runIf(runtime.embedder)('embeds, with usage that the ledger has too', async () => {
    const { data, usage } = await client.embeddings.create({
      model: 'vectors',
      input: ['good morning', 'the weather'],
    });
    expect(data.map(({ embedding }) => Math.hypot(...embedding).toFixed(2))).toEqual(['1.00', '1.00']);
    expect(usage.prompt_tokens).toBeGreaterThan(0);
    const isThere = async () =>
      (await gateway.entries()).some(({ tokens }) => tokens.promptTokens === usage.prompt_tokens);
    await until(isThere, 5_000, 'the entry of the embeddings');
  });

  test.runIf(RECORD === '1')('is recorded', () => {
    const out = join(import.meta.dirname, '../fixtures/runtimes', runtime.kind);
    const program = join(import.meta.dirname, 'record-runtime.ts');
    const args = [program, '--url', url, '--model', runtime.model, '--out', out];
    execFileSync(process.execPath, args, { stdio: 'inherit' });
  });
});

test.runIf(RUNTIMES.every(({ program }) => !program))('no runtime is named: see the head of this file', () => {});

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
};
