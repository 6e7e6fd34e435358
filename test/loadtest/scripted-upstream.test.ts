import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createScriptedUpstream } from '../../loadtest/scripted-upstream.ts';

const messages = [{ role: 'user' as const, content: 'Hello' }];

describe.each([{ chunkDelayMs: 0 }, { chunkDelayMs: 1 }])(
  'the scripted upstream, $chunkDelayMs ms a chunk',
  (delay) => {
    let server: Server;
    let client: OpenAI;

    beforeAll(async () => {
      server = createScriptedUpstream({ chunks: 3, firstDelayMs: 0, ...delay }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
      client = new OpenAI({ apiKey: 'any', baseURL, maxRetries: 0 });
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });

    test('a plain answer is what the official client expects', async () => {
      const { choices, usage } = await client.chat.completions.create({ model: 'any', messages });
      expect(choices[0]?.message.content).toBe('scripted scripted scripted ');
      expect(choices[0]?.finish_reason).toBe('stop');
      expect(usage).toEqual({ prompt_tokens: 256, completion_tokens: 3, total_tokens: 259 });
    });

    test("a streamed answer passes the official client's own checks, with the usage that was asked for", async () => {
      const options = { model: 'any', messages, stream_options: { include_usage: true } };
      const completion = await client.chat.completions.stream(options).finalChatCompletion();
      expect(completion.choices[0]?.message.content).toBe('scripted scripted scripted ');
      expect(completion.usage?.total_tokens).toBe(259);
    });

    test('a stream carries no usage that was not asked for', async () => {
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      const stream = await client.chat.completions.create({ model: 'any', messages, stream: true });
      for await (const chunk of stream) chunks.push(chunk);
      expect(chunks.map(({ choices }) => choices.length)).toEqual([1, 1, 1, 1, 1]);
      expect(chunks.every(({ usage }) => usage == null)).toBe(true);
    });

    test('models are listed, and what is wrong is refused in the envelope', async () => {
      expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['scripted']);
      const bad = client.post('/chat/completions', { body: Buffer.from('{"model":') });
      await expect(bad).rejects.toMatchObject({ status: 400, code: 'invalid_json' });
      await expect(client.models.retrieve('other')).rejects.toMatchObject({ status: 404, code: 'not_found' });
    });
  },
);
