import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';

export type Script = {
  /** Content chunks of a streamed answer; a plain answer has the same text. */
  chunks: number;
  /** Before the answer begins. */
  firstDelayMs: number;
  /** Between two chunks of a stream; 0 sends the whole stream in one write. */
  chunkDelayMs: number;
};

export const DEFAULT_SCRIPT: Script = { chunks: 16, firstDelayMs: 0, chunkDelayMs: 0 };

const MODEL = 'scripted';
const PROMPT_TOKENS = 256;
const WORD = 'scripted ';
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * An OpenAI-compatible upstream that costs next to nothing: each answer is the same bytes, made before the first request.
 * It reads of a request only `stream` and `stream_options.include_usage`. The caller listens on it and closes it.
 */
export const createScriptedUpstream = (script: Script): Server => {
  const answers = prepare(script);
  return createServer({ noDelay: true, keepAliveTimeout: 65_000 }, (request, response) => {
    if (request.method === 'GET' && request.url === '/v1/models') send(response, 200, answers.models);
    else if (request.method !== 'POST' || request.url !== '/v1/chat/completions')
      send(response, 404, answers.unknownPath);
    else readJson(request, (body) => reply(response, body, answers, script));
  });
};

type Answers = ReturnType<typeof prepare>;
type Wanted = { stream?: unknown; stream_options?: { include_usage?: unknown } | null };

const reply = (response: ServerResponse, body: Wanted | null, answers: Answers, script: Script): void => {
  if (body === null) send(response, 400, answers.invalidJson);
  else if (script.firstDelayMs > 0) setTimeout(() => answer(response, body, answers, script), script.firstDelayMs);
  else answer(response, body, answers, script);
};

const answer = (response: ServerResponse, body: Wanted, answers: Answers, { chunkDelayMs }: Script): void => {
  if (body.stream !== true) {
    send(response, 200, answers.plain);
    return;
  }
  const wantsUsage = body.stream_options?.include_usage === true;
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  const pieces = wantsUsage ? answers.streamWithUsage : answers.stream;
  if (chunkDelayMs === 0) response.end(wantsUsage ? answers.wholeStreamWithUsage : answers.wholeStream);
  else trickle(response, pieces, 0, chunkDelayMs);
};

const trickle = (response: ServerResponse, pieces: Buffer[], at: number, delayMs: number): void => {
  if (response.destroyed) return;
  const piece = pieces[at];
  if (piece === undefined) {
    response.end();
    return;
  }
  response.write(piece);
  setTimeout(() => trickle(response, pieces, at + 1, delayMs), delayMs);
};

const send = (response: ServerResponse, status: number, body: Buffer): void => {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
};

/** Hands over the body's object, or null for anything else. */
const readJson = (request: IncomingMessage, take: (body: Wanted | null) => void): void => {
  const pieces: Buffer[] = [];
  let size = 0;
  request.on('data', (piece: Buffer) => {
    size += piece.length;
    if (size > MAX_BODY_BYTES) request.destroy();
    else pieces.push(piece);
  });
  request.on('end', () => take(parseObject(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces))));
  request.on('error', () => {});
};

const parseObject = (bytes: Buffer): Wanted | null => {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    return null;
  }
};

const prepare = ({ chunks }: Script) => {
  const common = { id: 'chatcmpl-scripted', created: 1_700_000_000, model: MODEL };
  const usage = { prompt_tokens: PROMPT_TOKENS, completion_tokens: chunks, total_tokens: PROMPT_TOKENS + chunks };
  const message = { role: 'assistant', content: WORD.repeat(chunks), refusal: null };
  const event = (data: unknown) => Buffer.from(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
  const chunk = (choices: unknown[], extra = {}) =>
    event({ ...common, object: 'chat.completion.chunk', choices, ...extra });
  const delta = (value: object, finish: string | null = null) =>
    chunk([{ index: 0, delta: value, logprobs: null, finish_reason: finish }]);

  const first = Buffer.concat([delta({ role: 'assistant', content: '', refusal: null }), delta({ content: WORD })]);
  const content = [first, ...Array.from({ length: chunks - 1 }, () => delta({ content: WORD })), delta({}, 'stop')];
  const stream = [...content, event('[DONE]')];
  const streamWithUsage = [...content, chunk([], { usage }), event('[DONE]')];
  const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }];
  const model = { id: MODEL, object: 'model', created: common.created, owned_by: 'loadtest' };
  return {
    plain: toBytes({ ...common, object: 'chat.completion', choices, usage }),
    stream,
    wholeStream: Buffer.concat(stream),
    streamWithUsage,
    wholeStreamWithUsage: Buffer.concat(streamWithUsage),
    models: toBytes({ object: 'list', data: [model] }),
    invalidJson: toBytes(toError('The request body is not a JSON object.', 'invalid_json')),
    unknownPath: toBytes(toError('No such path.', 'not_found')),
  };
};

const toBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const toError = (text: string, code: string) => ({
  error: { message: text, type: 'invalid_request_error', param: null, code },
});

const wholeNumber = (name: string, text: string | undefined, fallback: number, least: number): number => {
  const value = Number(text ?? fallback);
  if (Number.isInteger(value) && value >= least) return value;
  process.stderr.write(`${name} must be a whole number of at least ${least}, not "${text}"\n`);
  process.exit(2);
};

/** `node loadtest/scripted-upstream.ts [--port 0] [--chunks 16] [--first-delay 0] [--chunk-delay 0]` prints its base URL. */
if (import.meta.main) {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { port: text, chunks: text, 'first-delay': text, 'chunk-delay': text } });
  const server = createScriptedUpstream({
    chunks: wholeNumber('--chunks', values.chunks, DEFAULT_SCRIPT.chunks, 1),
    firstDelayMs: wholeNumber('--first-delay', values['first-delay'], DEFAULT_SCRIPT.firstDelayMs, 0),
    chunkDelayMs: wholeNumber('--chunk-delay', values['chunk-delay'], DEFAULT_SCRIPT.chunkDelayMs, 0),
  });
  server.listen(wholeNumber('--port', values.port, 0, 0), '127.0.0.1');
  await once(server, 'listening');
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1\n`);
}
