import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chat, health, json, open, startHost, type TestHost, until } from './support/test-host.ts';
import { MULTIBYTE_SENTENCES, temporaryFolder, writeModel } from './support/test-models.ts';

const folder = temporaryFolder();
let endless: TestHost;
let multibyte: TestHost;
beforeAll(async () => {
  const bytes = { sentences: MULTIBYTE_SENTENCES, maxMerges: 0 };
  [endless, multibyte] = await Promise.all([
    startHost({ model: writeModel(join(folder, 'endless.gguf')), parallel: 2 }),
    startHost({ model: writeModel(join(folder, 'bytes.gguf'), bytes), contextTokens: 1024, parallel: 8 }),
  ]);
});
afterAll(() => Promise.all([endless.stop(), multibyte.stop()]));

const ASK = { model: 'nano', stream: true, messages: [{ role: 'user', content: 'Hello' }] };

/** A stream that runs until it is aborted; resolves when its first text is there. */
const startStream = async (headers: Record<string, string> = {}): Promise<() => Promise<void>> => {
  let started = () => {};
  const hasStarted = new Promise<void>((resolve) => {
    started = resolve;
  });
  const { answer, abort } = open(endless.socketPath, '/v1/chat/completions', ASK, headers, () => started());
  const ended = answer.then(
    () => {},
    () => {},
  );
  await hasStarted;
  return async () => {
    abort();
    await ended;
  };
};

const cachedTokens = async (host: TestHost, content: string, partition?: string): Promise<number> => {
  const headers: Record<string, string> = partition === undefined ? {} : { 'x-rightsize-partition': partition };
  const fields = { max_tokens: 1, messages: [{ role: 'user', content }] };
  return json(await chat(host, fields, headers)).usage.prompt_tokens_details.cached_tokens;
};

test('a client that leaves frees its sequence at once, whether it streamed, was waiting or was read to', async () => {
  const first = await startStream();
  const second = await startStream();
  expect((await health(endless)).sequences).toMatchObject({ free: 0, waiting: 0 });
  const waiting = open(endless.socketPath, '/v1/chat/completions', { ...ASK, stream: false });
  waiting.answer.catch(() => {});
  await until(async () => (await health(endless)).sequences.waiting === 1);
  waiting.abort();
  await until(async () => (await health(endless)).sequences.waiting === 0);
  await Promise.all([first(), second()]);
  await until(async () => (await health(endless)).sequences.free === 2, 1000);
  expect((await chat(endless, { max_tokens: 5 })).status).toBe(200);
});

test('a full queue answers 503 with retry-after, and those who waited are served', async () => {
  const running = [await startStream(), await startStream()];
  const waiting = Array.from({ length: 64 }, () => chat(endless, { max_tokens: 1 }));
  await until(async () => (await health(endless)).sequences.waiting === 64);
  const refused = await chat(endless, { max_tokens: 1 });
  expect(refused.status).toBe(503);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(json(refused).error).toMatchObject({ type: 'service_unavailable_error', param: null });
  await Promise.all(running.map((stop) => stop()));
  expect((await Promise.all(waiting)).every((answer) => answer.status === 200)).toBe(true);
});

describe('what a sequence has read', () => {
  test('is kept for the same partition and for nobody else', async () => {
    const prompt = `An own prompt that nobody has sent before. ${'More of it. '.repeat(20)}`;
    expect(await cachedTokens(endless, prompt, 'tenant-a')).toBe(0);
    expect(await cachedTokens(endless, prompt, 'tenant-a')).toBeGreaterThan(50);
    for (const other of ['tenant-b', undefined, 'tenant-c', 'tenant-d']) {
      expect(await cachedTokens(endless, prompt, other)).toBe(0);
    }
  });

  test('stays when another conversation of the same partition comes between', async () => {
    const one = `The first conversation. ${'Its words. '.repeat(30)}`;
    const two = `Something else altogether. ${'Other things. '.repeat(30)}`;
    await cachedTokens(endless, one, 'two-talks');
    await cachedTokens(endless, two, 'two-talks');
    expect(await cachedTokens(endless, `${one} And more.`, 'two-talks')).toBeGreaterThan(50);
    expect(await cachedTokens(endless, `${two} And more.`, 'two-talks')).toBeGreaterThan(50);
  });
});

test('generation stops at the end of the context with finish_reason length', async () => {
  const { choices, usage } = json(await chat(multibyte, {}));
  expect(choices[0].finish_reason).toBe('length');
  expect(usage.total_tokens).toBe(1024);
});

test('eight answers at a time, two of them aborted midway: the others are whole', async () => {
  const fields = { max_tokens: 200, temperature: 0.7 };
  const alone = json(await chat(multibyte, { ...fields, seed: 1 })).choices[0].message.content;
  const aborted = [1, 2].map(() => {
    const { answer, abort } = open(multibyte.socketPath, '/v1/chat/completions', ASK, {}, () => abort());
    return answer.catch(() => 'aborted');
  });
  const answers = await Promise.all(Array.from({ length: 6 }, () => chat(multibyte, { ...fields, seed: 1 })));
  for (const answer of answers) expect(json(answer).choices[0].message.content).toBe(alone);
  expect(await Promise.all(aborted)).toEqual(['aborted', 'aborted']);
  await until(async () => (await health(multibyte)).sequences.free === 8);
});

test('characters of several tokens are never cut in a stream', async () => {
  for (const seed of [1, 2, 3]) {
    const pieces = (await chat(multibyte, { seed, temperature: 0.1, max_tokens: 120, stream: true })).text
      .split('\n\n')
      .filter((event) => event.startsWith('data: {'))
      .map((event) => JSON.parse(event.slice(6)).choices[0].delta.content ?? '');
    // Only the end of the whole may be broken, where max_tokens cuts it.
    expect(pieces.slice(0, -2).join('')).not.toContain('\uFFFD');
    expect(pieces.join('')).toMatch(/[é☃🙂漢]/u);
  }
});
