import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ANSWER_PIECES } from '../support/faulty-upstream.ts';
import type { Random } from './random.ts';

/** What came to the upstream that must not: bodies that are no JSON, or that ask for another model than was decided. */
export type Intruder = { why: string; body: string };

export type FuzzUpstream = {
  url: string;
  intruders: Intruder[];
  /** With random numbers the streams are cut and spoiled; null answers properly. */
  spoilWith(random: Random | null): void;
  close(): Promise<void>;
};

/** An OpenAI-compatible server that remembers nothing of its calls but what is wrong with them. */
export const startFuzzUpstream = async (models: readonly string[]): Promise<FuzzUpstream> => {
  const intruders: Intruder[] = [];
  let spoiler: Random | null = null;
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    response.on('error', () => {});
    try {
      for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    } catch {
      return;
    }
    const text = Buffer.concat(pieces).toString('utf8');
    let body: Record<string, unknown>;
    try {
      body = JSON.parse(text);
    } catch (error) {
      intruders.push({ why: String(error), body: text.slice(0, 2_000) });
      response.writeHead(400).end();
      return;
    }
    if (!models.includes(String(body['model']))) {
      intruders.push({ why: `it asks for ${JSON.stringify(body['model'])}`, body: text.slice(0, 2_000) });
    }
    if (!request.url?.endsWith('/chat/completions')) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(otherAnswer(request.url ?? '', body));
      return;
    }
    const isStream = body['stream'] === true;
    const bytes = Buffer.from(isStream ? STREAM : PLAIN);
    response.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'application/json' });
    if (spoiler === null) response.end(bytes);
    else for (const piece of cutUp(bytes, spoiler)) response.write(piece);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    intruders,
    spoilWith(random) {
      spoiler = random;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

const COMMON = { id: 'chatcmpl-fuzz', created: 1, model: 'm' };
const USAGE = { prompt_tokens: 3, completion_tokens: 8, total_tokens: 11 };
const chunk = (delta: object, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ ...COMMON, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
const STREAM = [
  chunk({ role: 'assistant', content: '' }),
  ...ANSWER_PIECES.map((content) => chunk({ content })),
  chunk({ tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }] }),
  chunk({}, 'stop'),
  `data: ${JSON.stringify({ ...COMMON, object: 'chat.completion.chunk', choices: [], usage: USAGE })}\n\n`,
  'data: [DONE]\n\n',
].join('');
const PLAIN = JSON.stringify({
  ...COMMON,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: ANSWER_PIECES.join('') }, finish_reason: 'stop' }],
  usage: USAGE,
});

/** One vector for each input, one result for each document; a text for anything else. */
const otherAnswer = (url: string, { input, documents, n }: Record<string, unknown>): string => {
  if (url.endsWith('/embeddings')) {
    const count = Array.isArray(input) && typeof input[0] !== 'number' ? input.length : 1;
    const data = Array.from({ length: count }, (_, index) => ({ object: 'embedding', index, embedding: [0.5, 0.25] }));
    return JSON.stringify({ object: 'list', data, model: 'm', usage: { prompt_tokens: 1, total_tokens: 1 } });
  }
  if (url.endsWith('/rerank')) {
    const count = Array.isArray(documents) ? documents.length : 0;
    return JSON.stringify({ results: Array.from({ length: count }, (_, index) => ({ index, relevance_score: 0.5 })) });
  }
  const choices = Array.from({ length: typeof n === 'number' && n < 200 ? n : 1 }, (_, index) => ({
    ...{ text: 'x', index, logprobs: null, finish_reason: 'stop' },
  }));
  return JSON.stringify({ id: 'cmpl-1', object: 'text_completion', created: 1, model: 'm', choices, usage: USAGE });
};

/** The bytes in pieces of any size; now and then some are lost, doubled or changed. */
const cutUp = (bytes: Buffer, random: Random): Buffer[] => {
  let rest = bytes;
  if (random.chance(0.15)) {
    const from = random.below(bytes.length);
    const to = Math.min(bytes.length, from + random.below(40));
    const between = random.pick([
      Buffer.alloc(0),
      Buffer.concat([bytes.subarray(from, to), bytes.subarray(from, to)]),
      Buffer.of(random.below(256)),
    ]);
    rest = Buffer.concat([bytes.subarray(0, from), between, bytes.subarray(to)]);
  }
  const pieces: Buffer[] = [];
  while (rest.length > 0) {
    const length = 1 + random.below(random.pick([2, 30, 500]));
    pieces.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return pieces;
};
