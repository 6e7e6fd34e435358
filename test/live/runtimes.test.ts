import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

/**
 * The same questions to each local runtime that is on this machine, through a gateway, with the official client. A
 * runtime is started where its variable names its program, and left out otherwise:
 *
 *   LLAMA_SERVER=…/llama-server LLAMA_MODEL=<file> MLX_PYTHON=…/bin/python MLX_MODEL=<folder> OLLAMA=…/ollama OLLAMA_MODEL=<name> \
 *     npm run test:live -- test/live/runtimes.test.ts
 *
 * Of one that runs already, RUNTIME_KIND, RUNTIME_URL (with /v1) and RUNTIME_MODEL say what and where. With RECORD=1 its
 * answers are kept in test/fixtures/runtimes, which belongs into the repository only from a model made for it.
 */
type Runtime = {
  kind: string;
  program: string | undefined;
  model: string;
  start(port: number): { args: string[]; env?: Record<string, string> };
  /** What becomes of a prompt beyond the context; `unnoticed` where it is read all the same, or cut. */
  tooLong: 'told' | 'unnoticed';
  hasLogprobs: boolean;
  /** Not by the model in the box, which is the default of llama-server here and too small even for a forced call. */
  callsTools: boolean;
  /** mlx-lm looks into the cache of Hugging Face for it, and answers nothing at all where there is none. */
  listsModels: boolean;
};

const NANO = join(import.meta.dirname, '../../models/nano/rightsize-nano-untrained.gguf');
const { LLAMA_SERVER, LLAMA_MODEL = NANO, MLX_PYTHON, MLX_MODEL = '', OLLAMA, OLLAMA_MODEL = '', RECORD } = process.env;
const { RUNTIME_KIND = '', RUNTIME_URL, RUNTIME_MODEL = '' } = process.env;
const START_LIMIT_MS = 120_000;

const RUNTIMES: Runtime[] = [
  {
    ...{ kind: 'llama-server', program: LLAMA_SERVER, model: 'nano', tooLong: 'told', hasLogprobs: true },
    ...{ callsTools: LLAMA_MODEL !== NANO, listsModels: true },
    start: (port) => ({
      args: [
        '--model',
        NANO,
        '--alias',
        'nano',
        '--port',
        `${port}`,
        '--ctx-size',
        '1024',
        '--threads',
        '1',
        '--jinja',
      ],
    }),
  },
  {
    ...{ kind: 'mlx', program: MLX_PYTHON, model: MLX_MODEL, tooLong: 'unnoticed', hasLogprobs: false },
    ...{ callsTools: true, listsModels: false },
    start: (port) => ({ args: ['-m', 'mlx_lm.server', '--model', MLX_MODEL, '--port', `${port}`] }),
  },
  {
    ...{ kind: 'ollama', program: OLLAMA, model: OLLAMA_MODEL, tooLong: 'unnoticed', hasLogprobs: false },
    ...{ callsTools: true, listsModels: true },
    start: (port) => ({ args: ['serve'], env: { OLLAMA_HOST: `127.0.0.1:${port}` } }),
  },
  {
    ...{ kind: RUNTIME_KIND, program: RUNTIME_URL, model: RUNTIME_MODEL, tooLong: 'unnoticed', hasLogprobs: false },
    ...{ callsTools: true, listsModels: true },
    start: () => ({ args: [] }),
  },
];

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

  test.runIf(runtime.callsTools)('calls a tool that must be called', async () => {
    const { choices } = await client.chat.completions.create({
      ...{ ...question, temperature: 0, max_tokens: 128 },
      ...{ tools: [{ type: 'function', function: TOOL }], tool_choice: 'required' },
    });
    const [call] = choices[0]!.message.tool_calls ?? [];
    expect(call?.type === 'function' && [call.function.name, JSON.parse(call.function.arguments)]).toEqual([
      ...['get_weather', { city: 'Paris' }],
    ]);
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

  test.runIf(RECORD === '1')('is recorded', () => {
    const out = join(import.meta.dirname, '../fixtures/runtimes', runtime.kind);
    const program = join(import.meta.dirname, 'record-runtime.ts');
    execFileSync(process.execPath, [program, '--url', url, '--model', runtime.model, '--out', out], {
      stdio: 'inherit',
    });
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
