import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chat, health, json, open, startHost, type TestHost, until } from './support/test-host.ts';
import { temporaryFolder, writeModel } from './support/test-models.ts';

let endless: TestHost;
beforeAll(async () => {
  endless = await startHost({
    model: writeModel(join(temporaryFolder(), 'endless.gguf')),
    contextTokens: 2048,
    parallel: 8,
  });
});
afterAll(() => endless.stop());

/** Numbers from 0 to 1, the same in each run. */
const seeded = (seed: number) => () => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return seed / 2 ** 32;
};

const SHAPES: object[] = [
  {},
  { logprobs: true, top_logprobs: 2 },
  { rightsize_confidence: { tokens: 4 } },
  { response_format: { type: 'json_object' } },
  { stop: ['e', 'a'] },
  { stream: false },
];

test('eight streams with aborts at random places, before, in and after their prompts: nobody waits for ever', async () => {
  const chance = seeded(7);
  const ask = async (worker: number) => {
    for (let turn = 0; turn < 8; turn++) {
      const shape = SHAPES[Math.floor(chance() * SHAPES.length)]!;
      const content = `${worker} ${turn} ${'Some words to read. '.repeat(Math.floor(chance() * 60))}`;
      const body = { model: 'nano', stream: true, max_tokens: 60, messages: [{ role: 'user', content }], ...shape };
      const { answer, abort } = open(endless.socketPath, '/v1/chat/completions', body);
      const timer = chance() < 0.6 ? setTimeout(abort, chance() * 80) : undefined;
      const status = await answer.then(
        (done) => done.status,
        () => 'aborted',
      );
      clearTimeout(timer);
      expect([200, 'aborted']).toContain(status);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, worker) => ask(worker)));
  await until(async () => (await health(endless)).sequences.free === 8);
  expect(json(await chat(endless, { max_tokens: 5 })).usage.completion_tokens).toBe(5);
});

test('equal streams advance together: none is far behind when the first is done', async () => {
  const written = Array.from({ length: 8 }, () => 0);
  let whenFirstEnded: number[] | null = null;
  await Promise.all(
    written.map(async (_, index) => {
      const messages = [{ role: 'user', content: `Hello ${index}` }];
      const body = { model: 'nano', stream: true, max_tokens: 200, seed: index, messages };
      const onText = (text: string) => {
        written[index]! += text.split('"content":').length - 1;
      };
      await open(endless.socketPath, '/v1/chat/completions', body, {}, onText).answer;
      whenFirstEnded ??= [...written];
    }),
  );
  for (const count of whenFirstEnded!) expect(count).toBeGreaterThan(150);
});

test('a stream whose client does not read holds up nobody else', async () => {
  const body = { model: 'nano', stream: true, messages: [{ role: 'user', content: 'Hello' }], max_tokens: 2000 };
  const asking = request({ socketPath: endless.socketPath, path: '/v1/chat/completions', method: 'POST' });
  asking.on('error', () => {}).end(JSON.stringify(body));
  // Nobody asks for its data, so that none is taken from the socket.
  await once(asking, 'response');
  const others = await Promise.all(Array.from({ length: 7 }, () => chat(endless, { max_tokens: 40 })));
  expect(others.every(({ status }) => status === 200)).toBe(true);
  asking.destroy();
  await until(async () => (await health(endless)).sequences.free === 8);
});
