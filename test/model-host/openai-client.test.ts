import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import OpenAI, { AuthenticationError, BadRequestError } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from './support/test-host.ts';

const MAIN = 'src/model-host/main.ts';
const KEY = 'a key of this test';
const flags = [
  '--name',
  'nano',
  '--model',
  'builtin:nano',
  '--gpu',
  'off',
  '--threads',
  '1',
  '--listen',
  '127.0.0.1:0',
];

let host: ReturnType<typeof spawn>;
let baseURL: string;
beforeAll(async () => {
  host = spawn(process.execPath, [MAIN, ...flags], {
    env: { ...process.env, RIGHTSIZE_MODEL_HOST_KEY: KEY },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let port = '';
  for await (const line of createInterface({ input: host.stderr! })) {
    port = /listening on 127.0.0.1:(\d+)/.exec(line)?.[1] ?? port;
    if (line.includes('ready')) break;
  }
  baseURL = `http://127.0.0.1:${port}/v1`;
});
afterAll(() => host.kill('SIGTERM'));

const client = (apiKey = KEY) => new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: 'user' as const, content: 'Hello' }];

test('the official client reads plain and streamed answers over TCP', async () => {
  const plain = await client().chat.completions.create({ model: 'nano', messages, seed: 3 });
  const stream = client().chat.completions.stream({ model: 'nano', messages, seed: 3 });
  expect(await stream.finalContent()).toBe(plain.choices[0]!.message.content);
  expect((await client().models.list()).data.map(({ id }) => id)).toEqual(['nano']);
});

test('without the key nothing is served but health', async () => {
  await expect(client('wrong').chat.completions.create({ model: 'nano', messages })).rejects.toThrow(
    AuthenticationError,
  );
  expect((await fetch(`${baseURL}/models`)).status).toBe(401);
  expect((await fetch(baseURL.replace('/v1', '/healthz'))).status).toBe(200);
});

test('errors have the class and the param that the client expects', async () => {
  const refused = client().chat.completions.create({ model: 'nano', messages, logit_bias: { 5: 1 } });
  await expect(refused).rejects.toThrow(BadRequestError);
  await expect(refused).rejects.toMatchObject({ code: 'unsupported_parameter', param: 'logit_bias' });
});

test('a client that breaks off its loop leaves the sequence free', async () => {
  const stream = await client().chat.completions.create({ model: 'nano', messages, stream: true });
  for await (const _ of stream) break;
  await until(async () => {
    const health = (await (await fetch(baseURL.replace('/v1', '/healthz'))).json()) as { sequences: { free: number } };
    return health.sequences.free === 4;
  });
});

test('--listen without a key is a usage error', async () => {
  const env = { ...process.env, RIGHTSIZE_MODEL_HOST_KEY: '' };
  const refused = spawn(process.execPath, [MAIN, ...flags], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  for await (const piece of refused.stderr) words += piece;
  expect(words).toMatch(/RIGHTSIZE_MODEL_HOST_KEY.*\n.*usage/);
  expect(refused.exitCode ?? (await new Promise((resolve) => refused.once('exit', resolve)))).toBe(2);
});
