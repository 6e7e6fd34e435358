import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parseChatRequest } from '../../src/contract/chat-request.ts';
import { GatewayError } from '../../src/contract/errors.ts';
import { FoldedAnswer } from '../../src/contract/fold-chunks.ts';
import type { ChatCompletion, ChatCompletionChunk } from '../../src/contract/openai.ts';
import type { UpstreamKind } from '../../src/contract/vocabulary.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { HttpUpstream } from '../../src/upstreams/http-upstream.ts';
import { saysTooLong } from '../../src/upstreams/presets/too-long.ts';

/** The answers of real runtimes, byte for byte, and where they come from: test/fixtures/runtimes/README.md. */
const FIXTURES = join(import.meta.dirname, '../fixtures/runtimes');
const OPENAI_KEYS = ['id', 'object', 'created', 'model', 'choices', 'usage', 'system_fingerprint', 'service_tier'];
const CHOICE_KEYS = ['index', 'message', 'delta', 'finish_reason', 'logprobs'];

type Case = { file: string; status: number; contentType: string };

const kinds = readdirSync(FIXTURES, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);
const casesOf = (kind: string): Record<string, Case> =>
  JSON.parse(readFileSync(join(FIXTURES, kind, 'cases.json'), 'utf8'));
const textOf = (kind: string, { file }: Case) => readFileSync(join(FIXTURES, kind, file), 'utf8');
const isStream = ({ file }: Case) => file.endsWith('.sse');

let server: Server | undefined;
let upstream: HttpUpstream | undefined;
afterEach(async () => {
  await upstream?.close();
  server?.close();
  server?.closeAllConnections();
});

/** Asks a server that gives the recorded answer, in pieces of `pieceBytes`, whatever it is asked. */
const replay = async (kind: string, recorded: Case, asksStream: boolean, pieceBytes = 7) => {
  const bytes = Buffer.from(textOf(kind, recorded));
  server = createServer((request, response) => {
    request.resume();
    response.writeHead(recorded.status, { 'content-type': recorded.contentType });
    for (let at = 0; at < bytes.length; at += pieceBytes) response.write(bytes.subarray(at, at + pieceBytes));
    response.end();
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  upstream = new HttpUpstream({
    name: 'runtime',
    kind: kind as UpstreamKind,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    connections: 1,
    timeouts: { connect: 5_000, firstByte: 5_000, idle: 5_000, total: 10_000 },
    clock: systemClock,
  });
  const body = { model: 'auto', stream: asksStream, messages: [{ role: 'user', content: 'Say good morning.' }] };
  return upstream.chat({
    model: 'm',
    request: parseChatRequest(Buffer.from(JSON.stringify(body))),
    isStream: asksStream,
    partition: 'team',
    session: 'conversation',
    signal: new AbortController().signal,
  });
};

const plainAnswer = async (kind: string, recorded: Case): Promise<ChatCompletion> => {
  const answer = await replay(kind, recorded, false);
  if (answer.kind !== 'plain') throw new Error('not a plain answer');
  expect(JSON.parse(answer.text)).toEqual(answer.completion);
  return answer.completion;
};

const chunksOf = async (kind: string, recorded: Case): Promise<ChatCompletionChunk[]> => {
  const answer = await replay(kind, recorded, true);
  if (answer.kind !== 'stream') throw new Error('not a stream');
  const chunks: ChatCompletionChunk[] = [];
  for await (const batch of answer.parts) {
    for (const { text, chunk } of batch) {
      expect(JSON.parse(text)).toEqual(chunk);
      chunks.push(chunk);
    }
  }
  return chunks;
};

const fold = (chunks: ChatCompletionChunk[]): ChatCompletion => {
  const folded = new FoldedAnswer();
  for (const chunk of chunks) folded.add(chunk);
  const completion = folded.completion();
  if (completion === null) throw new Error('a choice never finished');
  return completion;
};

const failureOf = async (kind: string, recorded: Case): Promise<GatewayError> => {
  const answered = isStream(recorded) ? chunksOf(kind, recorded) : plainAnswer(kind, recorded);
  const failure = await answered.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(GatewayError);
  return failure as GatewayError;
};

/** What a client reads of an answer; ids differ between two answers and are left out. */
const essence = ({ choices }: ChatCompletion) =>
  choices.map(({ index, message, finish_reason }) => ({
    index,
    finish_reason,
    role: message.role,
    content: message.content || null,
    tools: (message.tool_calls ?? []).map((call) => ({
      hasId: Boolean(call.id),
      type: call.type,
      name: call.function?.name,
      arguments: JSON.parse(call.function?.arguments ?? ''),
    })),
  }));

const expectOpenAiKeys = (answer: ChatCompletion | ChatCompletionChunk) => {
  expect(OPENAI_KEYS).toEqual(expect.arrayContaining(Object.keys(answer)));
  for (const choice of answer.choices) expect(CHOICE_KEYS).toEqual(expect.arrayContaining(Object.keys(choice)));
};

describe.each(kinds)('%s', (kind) => {
  const cases = casesOf(kind);
  const pairs = (
    [
      ['plain', 'stream'],
      ['tools', 'tools-stream'],
    ] as const
  ).filter(([plain]) => plain in cases);

  test.each(pairs)('%s and %s are the same answer, with the keys of OpenAI alone', async (plain, stream) => {
    const completion = await plainAnswer(kind, cases[plain]!);
    await upstream?.close();
    server?.close();
    const chunks = await chunksOf(kind, cases[stream]!);
    expect(essence(fold(chunks))).toEqual(essence(completion));
    for (const answer of [completion, ...chunks]) expectOpenAiKeys(answer);
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
    expect(new Set(chunks.map(({ object }) => object))).toEqual(new Set(['chat.completion.chunk']));
    if (plain === 'tools')
      expect(essence(completion)[0]).toMatchObject({ finish_reason: 'tool_calls', tools: [{ hasId: true }] });
  });

  test('a plain answer has its usage', async () => {
    const { usage } = await plainAnswer(kind, cases['plain']!);
    expect(usage).toMatchObject({ prompt_tokens: expect.any(Number), completion_tokens: expect.any(Number) });
  });

  const tooLong = Object.entries(cases).filter(([, recorded]) => saysTooLong(textOf(kind, recorded)));
  test.each(tooLong)('%s is told as OpenAI would tell it', async (_, recorded) => {
    const failure = await failureOf(kind, recorded);
    expect(failure).toMatchObject({ code: 'context_length_exceeded', isRetryable: true, status: 400 });
    expect(failure.message).toContain("This model's maximum context length is");
    expect(failure.message).not.toContain('{');
  });

  const refusals = Object.entries(cases).filter(
    ([name, recorded]) => recorded.status >= 400 && !tooLong.some(([other]) => other === name),
  );
  test.each(refusals)('%s is an error with words', async (_, recorded) => {
    const failure = await failureOf(kind, recorded);
    expect(failure).toMatchObject({ code: recorded.status === 404 ? 'upstream_error' : 'upstream_refused' });
    expect(failure.message.length).toBeGreaterThan('Upstream "runtime" failed (404).'.length);
  });
});
