import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { countPrompt, countText } from './token-counter.ts';
import { until } from './until.ts';

/** What one call made the upstream produce, by its own count: all zero while it has produced nothing. */
export type Produced = { promptTokens: number; completionTokens: number };

type WireBody = {
  model: string;
  messages: { role: string; content?: unknown }[];
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean; continuous_usage_stats?: boolean } | null;
  [key: string]: unknown;
};

/** How the upstream answers one call. */
export type Behaviour = (call: UpstreamCall) => void | Promise<void>;

export const ANSWER_PIECES = ['The', ' answer', ' is', ' forty', '-two', ', né', ' ☃ 🙂', '.'] as const;
export const ANSWER = ANSWER_PIECES.join('');

/** In which words an upstream answers, so that a client can tell whose they are, and how sure it is of each. */
export type Voice = {
  pieces: readonly string[];
  /** Probability of each piece, told in log-probabilities where they are asked for; null where it tells nothing. */
  certainty: number | null;
};

const PLAIN_VOICE: Voice = { pieces: ANSWER_PIECES, certainty: null };

/** One call that the upstream received, and the means to answer it. What is said is counted as it is said. */
export class UpstreamCall {
  /** The request's body, byte for byte. */
  readonly bytes: Buffer;
  readonly body: WireBody;
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  readonly response: ServerResponse;
  /** Resolves when the connection or the answer is over: whether all of the answer had been taken. */
  readonly closed: Promise<'complete' | 'cut'>;
  isClosed = false;
  /** `performance.now()` when the connection or the answer was over. */
  closedAt: number | null = null;
  readonly id: string;
  readonly #voice: Voice;
  #hasBegun = false;
  #text = '';

  constructor(request: IncomingMessage, response: ServerResponse, bytes: Buffer, id: string, voice: Voice) {
    this.#voice = voice;
    this.bytes = bytes;
    this.body = JSON.parse(bytes.toString('utf8') || '{}') as WireBody;
    this.headers = request.headers;
    this.path = request.url ?? '';
    this.response = response;
    this.id = id;
    response.on('error', () => {});
    this.closed = new Promise((resolve) => {
      response.once('close', () => {
        this.isClosed = true;
        this.closedAt = performance.now();
        resolve(response.writableFinished ? 'complete' : 'cut');
      });
    });
  }

  get isStream(): boolean {
    return this.body.stream === true;
  }

  /** The pieces of a whole answer, as a stream cuts it. */
  get pieces(): readonly string[] {
    return this.#voice.pieces;
  }

  /** A whole answer. */
  get answer(): string {
    return this.pieces.join('');
  }

  get produced(): Produced {
    if (!this.#hasBegun) return { promptTokens: 0, completionTokens: 0 };
    return { promptTokens: countPrompt(this.body.messages), completionTokens: countText(this.#text) };
  }

  /** OpenAI's usage object for what was produced so far. */
  usage(): Record<string, unknown> {
    const { promptTokens, completionTokens } = this.produced;
    return {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    };
  }

  /** Starts an event stream. */
  open(): void {
    this.response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    this.response.flushHeaders();
  }

  /** Text as it is, without counting. */
  raw(text: string | Buffer): void {
    this.response.write(text);
  }

  event(value: unknown): void {
    this.raw(this.eventText(value));
  }

  eventText(value: unknown): string {
    return `data: ${JSON.stringify(value)}\n\n`;
  }

  /** A chunk of the stream; it carries running usage where that was asked for. */
  chunk(choices: unknown[], extra: Record<string, unknown> = {}): Record<string, unknown> {
    this.#hasBegun = true;
    const running = this.body.stream_options?.continuous_usage_stats === true && { usage: this.usage() };
    return { ...this.#common('chat.completion.chunk'), choices, ...running, ...extra };
  }

  delta(delta: Record<string, unknown>, finish: string | null = null): Record<string, unknown> {
    return this.chunk([{ index: 0, delta, logprobs: null, finish_reason: finish }]);
  }

  role(): void {
    this.event(this.delta({ role: 'assistant', content: '', refusal: null }));
  }

  /** Content as one chunk; its tokens count from now on. */
  say(text: string): void {
    this.raw(this.sayText(text));
  }

  sayText(text: string): string {
    this.spend(text);
    const choice = { index: 0, delta: { content: text }, logprobs: this.#logprobs(text), finish_reason: null };
    return this.eventText(this.chunk([choice]));
  }

  /** Counts text that is sent by other means than `say`. */
  spend(text: string): void {
    this.#hasBegun = true;
    this.#text += text;
  }

  finish(reason = 'stop'): void {
    this.event(this.delta({}, reason));
  }

  /** The usage chunk where it was asked for, and the end. */
  done(): void {
    if (this.body.stream_options?.include_usage) this.event(this.chunk([], { usage: this.usage() }));
    this.response.end('data: [DONE]\n\n');
  }

  /** What `beginAnswers` left open. */
  endAnswer(): void {
    this.say(' Second.');
    this.finish();
    this.done();
  }

  /** A plain answer; the message's text counts. */
  completion(message: Record<string, unknown> = {}, finish = 'stop'): Record<string, unknown> {
    this.spend(String(message['content'] ?? ''));
    return {
      ...this.#common('chat.completion'),
      choices: [
        { index: 0, message: { role: 'assistant', refusal: null, ...message }, logprobs: null, finish_reason: finish },
      ],
      usage: this.usage(),
    };
  }

  json(value: unknown, status = 200, headers: Record<string, string> = {}): void {
    this.response.writeHead(status, { 'content-type': 'application/json', ...headers });
    this.response.end(JSON.stringify(value));
  }

  /** Ends the connection with a reset (RST) after what was written has left. */
  reset(): void {
    this.response.write('', () => this.response.socket?.resetAndDestroy());
  }

  /** Ends the connection in order, without the end of the body. */
  cut(): void {
    this.response.write('', () => this.response.socket?.destroy());
  }

  #logprobs(token: string): Record<string, unknown> | null {
    const { certainty } = this.#voice;
    if (certainty === null || this.body['logprobs'] !== true) return null;
    const logprob = Math.log(certainty);
    const top_logprobs = [{ logprob }, { logprob: Math.log(1 - certainty) }];
    return { content: [{ token, logprob, bytes: null, top_logprobs }] };
  }

  #common(object: string) {
    return { id: this.id, object, created: 1_700_000_000, model: this.body.model, system_fingerprint: 'fp_test' };
  }
}

/**
 * A real OpenAI-compatible server on a free port that answers as its script says: each call takes the next behaviour
 * of `script`, or `fallback` when the script is empty.
 */
export class FaultyUpstream {
  readonly calls: UpstreamCall[] = [];
  readonly #server: Server;
  readonly #voice: Voice;
  #script: Behaviour[] = [];
  #fallback: Behaviour;

  private constructor(fallback: Behaviour, voice: Voice) {
    this.#fallback = fallback;
    this.#voice = voice;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(fallback: Behaviour = good, voice = PLAIN_VOICE): Promise<FaultyUpstream> {
    const upstream = new FaultyUpstream(fallback, voice);
    upstream.#server.listen(0, '127.0.0.1');
    await once(upstream.#server, 'listening');
    return upstream;
  }

  /** Base URL as routes.yaml takes it. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** The behaviours of the next calls, in order. */
  script(...behaviours: Behaviour[]): void {
    this.#script = behaviours;
  }

  /** The behaviour of every call beyond the script. */
  always(behaviour: Behaviour): void {
    this.#script = [];
    this.#fallback = behaviour;
  }

  /** Calls wait for the returned function, and are then answered. */
  gate(behaviour: Behaviour = good): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.always(async (call) => {
      await promise;
      await behaviour(call);
    });
    return resolve;
  }

  /** Calls are told `First.` and left open until `endAnswer`; resolves with the first that comes. */
  beginAnswers(): Promise<UpstreamCall> {
    const { promise, resolve } = Promise.withResolvers<UpstreamCall>();
    this.always((call) => {
      call.open();
      call.role();
      call.say('First.');
      resolve(call);
    });
    return promise;
  }

  get last(): UpstreamCall {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error('no call has come yet');
    return call;
  }

  /** Waits for the `count`-th call. */
  async untilCalls(count: number): Promise<UpstreamCall> {
    await until(() => this.calls.length >= count, 5_000, `call ${count} of the upstream`);
    return this.calls[count - 1] as UpstreamCall;
  }

  /** Waits until no call is open any more: each was answered to its end, or its connection is gone. */
  untilIdle(): Promise<boolean> {
    return until(() => this.calls.every(({ isClosed }) => isClosed), 5_000, 'the end of all upstream calls');
  }

  /** Connections that are open, idle ones included. */
  openConnections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  /** What all calls together produced. */
  get produced(): Produced {
    return this.calls.reduce(
      (sum, { produced }) => ({
        promptTokens: sum.promptTokens + produced.promptTokens,
        completionTokens: sum.completionTokens + produced.completionTokens,
      }),
      { promptTokens: 0, completionTokens: 0 },
    );
  }

  forget(): void {
    this.calls.length = 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const id = `chatcmpl-up-${this.calls.length + 1}`;
    const call = new UpstreamCall(request, response, Buffer.concat(pieces), id, this.#voice);
    this.calls.push(call);
    await (this.#script.shift() ?? this.#fallback)(call);
  }
}

/** Nothing listens there: port 1 is tcpmux, and unlike a port that was free a moment ago no other test can be given it. */
export const CLOSED_URL = 'http://127.0.0.1:1/v1';

/** A whole answer in the form asked for. */
export const good: Behaviour = (call) => {
  if (!call.isStream) return call.json(call.completion({ content: call.answer }));
  call.open();
  call.role();
  for (const piece of call.pieces) call.say(piece);
  call.finish();
  call.done();
};

export const TOOL_ARGUMENTS = '{"city":"Köln","days":3}';

/** Two tool calls, the second's arguments cut into pieces when streamed. */
export const tools: Behaviour = (call) => {
  const named = (id: string, name: string) => ({ id, type: 'function', function: { name, arguments: '' } });
  if (!call.isStream) {
    const callOf = (id: string, name: string) => ({
      ...named(id, name),
      function: { name, arguments: TOOL_ARGUMENTS },
    });
    call.spend(`get_weather${TOOL_ARGUMENTS}get_time${TOOL_ARGUMENTS}`);
    const message = { content: null, tool_calls: [callOf('call_a', 'get_weather'), callOf('call_b', 'get_time')] };
    return call.json(call.completion(message, 'tool_calls'));
  }
  call.open();
  call.event(call.delta({ role: 'assistant', content: null }));
  for (const [index, id, name] of [
    [0, 'call_a', 'get_weather'],
    [1, 'call_b', 'get_time'],
  ] as const) {
    call.spend(name + TOOL_ARGUMENTS);
    call.event(call.delta({ tool_calls: [{ index, ...named(id, name) }] }));
    for (const fragment of TOOL_ARGUMENTS.match(/.{1,5}/gu) ?? []) {
      call.event(call.delta({ tool_calls: [{ index, function: { arguments: fragment } }] }));
    }
  }
  call.finish('tool_calls');
  call.done();
};

/** Says `pieces` of the answer, then falls silent until the other side leaves. */
export const stallAfter =
  (pieces: number): Behaviour =>
  (call) => {
    call.open();
    call.role();
    for (const piece of call.pieces.slice(0, pieces)) call.say(piece);
  };

const envelope = (message: string, type: string, code: string | null) => ({
  error: { message, type, param: null, code },
});

const status =
  (code: number, body: unknown, headers: Record<string, string> = {}): Behaviour =>
  (call) =>
    call.json(body, code, headers);

const begun = (call: UpstreamCall, pieces: number): void => {
  call.open();
  call.role();
  for (const piece of call.pieces.slice(0, pieces)) call.say(piece);
};

/** Half of what `good` would send, then `end`. */
const halfOf =
  (end: (call: UpstreamCall) => void): Behaviour =>
  (call) => {
    if (call.isStream) {
      begun(call, 3);
      end(call);
      return;
    }
    const text = JSON.stringify({
      id: 'chatcmpl-half',
      object: 'chat.completion',
      choices: [{ message: { content: call.answer } }],
    });
    call.response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(text.length * 2) });
    call.raw(text.slice(0, 60));
    end(call);
  };

/** The stream of `good` in as many writes as it has bytes. */
const byteByByte: Behaviour = async (call) => {
  if (!call.isStream) {
    const bytes = Buffer.from(JSON.stringify(call.completion({ content: call.answer })));
    call.response.writeHead(200, { 'content-type': 'application/json' });
    for (const byte of bytes) {
      call.raw(Buffer.of(byte));
      await nextTurn();
    }
    call.response.end();
    return;
  }
  call.open();
  let text = call.eventText(call.delta({ role: 'assistant', content: '' }));
  for (const piece of call.pieces) text += call.sayText(piece);
  text += call.eventText(call.delta({}, 'stop'));
  for (const byte of Buffer.from(text)) {
    call.raw(Buffer.of(byte));
    await nextTurn();
  }
  call.done();
};

const toolDelta =
  (toolCall: Record<string, unknown>, spent: string): Behaviour =>
  (call) => {
    call.open();
    call.event(call.delta({ role: 'assistant', content: null }));
    call.spend(spent);
    call.event(call.delta({ tool_calls: [toolCall] }));
    call.finish('tool_calls');
    call.done();
  };

/** Ways in which answers go wrong or are odd, by name. Each serves plain and streamed requests unless it says so. */
export const behaviours = {
  good,
  tools,
  'reset before headers': (call) => void call.response.socket?.resetAndDestroy(),
  'close before headers': (call) => void call.response.socket?.destroy(),
  'stall before headers': () => {},
  'stall after headers': (call) => {
    call.response.writeHead(200, { 'content-type': call.isStream ? 'text/event-stream' : 'application/json' });
    call.response.flushHeaders();
  },
  'stall after the role chunk': stallAfter(0),
  'stall mid-answer': halfOf(() => {}),
  'stall mid-chunk': (call) => {
    begun(call, 2);
    call.raw('data: {"id":"chatcmpl-half","object":"chat.compl');
  },
  'stall mid-character': (call) => {
    begun(call, 2);
    const event = Buffer.from(call.eventText(call.delta({ content: '☃' })));
    call.raw(event.subarray(0, event.indexOf('☃') + 1));
  },
  'reset mid-answer': halfOf((call) => call.reset()),
  'close mid-answer': halfOf((call) => call.cut()),
  'half a chunk, then a close': (call) => {
    begun(call, 2);
    call.raw('data: {"id":"chatcmpl-half","object":"chat.compl');
    call.response.end();
  },
  'half a chunk before content, then a close': (call) => {
    call.open();
    call.raw('data: {"id":"chatcmpl-half","object":"chat.compl');
    call.response.end();
  },
  'clean close without finish_reason': (call) => {
    begun(call, 3);
    call.response.end();
  },
  'role chunk, then a clean close': (call) => {
    begun(call, 0);
    call.response.end();
  },
  '[DONE] without finish_reason': (call) => {
    begun(call, call.pieces.length);
    call.done();
  },
  'no [DONE]': (call) => {
    begun(call, call.pieces.length);
    call.finish();
    call.event(call.chunk([], { usage: call.usage() }));
    call.response.end();
  },
  'empty stream': (call) => {
    call.open();
    call.response.end();
  },
  '[DONE] alone': (call) => {
    call.open();
    call.response.end('data: [DONE]\n\n');
  },
  'empty body 200': (call) => {
    call.response.writeHead(200, { 'content-type': 'application/json' });
    call.response.end();
  },
  'HTML 200': (call) => {
    call.response.writeHead(200, { 'content-type': 'text/html' });
    call.response.end('<html><body>Welcome to nginx</body></html>');
  },
  'HTML 502': (call) => {
    call.response.writeHead(502, { 'content-type': 'text/html' });
    call.response.end('<html><body>Bad gateway</body></html>');
  },
  'invalid JSON 200': (call) => {
    call.response.writeHead(200, { 'content-type': 'application/json' });
    call.response.end('{"id":"chatcmpl-1","choices":[{"index":0,"mess');
  },
  'JSON without choices 200': status(200, { id: 'chatcmpl-1', object: 'chat.completion' }),
  'no choice 200': status(200, { id: 'chatcmpl-1', object: 'chat.completion', choices: [] }),
  'error body 200': status(200, envelope('The engine is on fire.', 'server_error', 'engine_on_fire')),
  'redirect 302': (call) => {
    call.response.writeHead(302, { location: '/elsewhere' });
    call.response.end();
  },
  'envelope 400': status(
    400,
    envelope('Unsupported value: temperature.', 'invalid_request_error', 'unsupported_value'),
  ),
  'context too long 400': status(
    400,
    envelope("This model's maximum context length is 8192 tokens.", 'invalid_request_error', 'context_length_exceeded'),
  ),
  'text 400': (call) => {
    call.response.writeHead(400, { 'content-type': 'text/plain' });
    call.response.end('bad');
  },
  'envelope 401': status(
    401,
    envelope('Incorrect API key provided: sk-secret.', 'invalid_request_error', 'invalid_api_key'),
  ),
  'envelope 404': status(404, envelope('The model does not exist.', 'invalid_request_error', 'model_not_found')),
  'envelope 429': status(429, envelope('Slow down.', 'requests', 'rate_limit_exceeded'), { 'retry-after': '7' }),
  'envelope 429 without retry-after': status(429, envelope('Slow down.', 'requests', 'rate_limit_exceeded')),
  'envelope 500': status(500, envelope('It broke.', 'server_error', null)),
  'envelope 529': status(529, envelope('Overloaded.', 'overloaded_error', null)),
  'envelope 529 with retry-after': status(529, envelope('Overloaded.', 'overloaded_error', null), {
    'retry-after': '1',
  }),
  'error event before content': (call) => {
    call.open();
    call.event(envelope('The engine is on fire.', 'server_error', 'engine_on_fire'));
    call.response.end();
  },
  'named error event before content': (call) => {
    call.open();
    call.raw(`event: error\n${call.eventText(envelope('The engine is on fire.', 'server_error', null))}`);
    call.response.end();
  },
  'error event after content': (call) => {
    begun(call, 3);
    call.event(envelope('The engine is on fire.', 'server_error', 'engine_on_fire'));
    call.response.end('data: [DONE]\n\n');
  },
  'an event that is not JSON, after content': (call) => {
    begun(call, 3);
    call.raw('data: oops\n\n');
    call.response.end('data: [DONE]\n\n');
  },
  'pings and comments': (call) => {
    call.open();
    call.raw(': comment\n\nevent: ping\ndata: {"type":"ping"}\n\nevent: ping\n\nretry: 100\n\nid: 7\n\n');
    call.role();
    for (const piece of call.pieces) {
      call.say(piece);
      call.raw('event: ping\ndata: {}\n\n: keep-alive\n\n');
    }
    call.finish();
    call.done();
  },
  'CRLF and no space after the colon': (call) => {
    call.open();
    const texts = [
      call.eventText(call.delta({ role: 'assistant', content: '' })),
      ...call.pieces.map((piece) => call.sayText(piece)),
      call.eventText(call.delta({}, 'stop')),
    ];
    for (const text of texts) call.raw(text.replace('data: ', 'data:').replaceAll('\n', '\r\n'));
    if (call.body.stream_options?.include_usage) call.event(call.chunk([], { usage: call.usage() }));
    call.response.end('data:[DONE]\r\n\r\n');
  },
  'a chunk without choices': (call) => {
    begun(call, 2);
    call.event({ id: call.id, object: 'chat.completion.chunk', created: 1, model: call.body.model });
    for (const piece of call.pieces.slice(2)) call.say(piece);
    call.finish();
    call.done();
  },
  'missing role': (call) => {
    call.open();
    for (const piece of call.pieces) call.say(piece);
    call.finish();
    call.done();
  },
  'missing index of the choice': (call) => {
    call.open();
    const bare = (delta: unknown, finish_reason: string | null) => call.event(call.chunk([{ delta, finish_reason }]));
    bare({ role: 'assistant', content: '' }, null);
    for (const piece of call.pieces) {
      call.spend(piece);
      bare({ content: piece }, null);
    }
    bare({}, 'stop');
    call.done();
  },
  'a chunk after the finish_reason': (call) => {
    begun(call, call.pieces.length);
    call.finish();
    call.event(call.delta({}));
    call.done();
  },
  'JSON answer to a stream request': (call) => call.json(call.completion({ content: call.answer })),
  'no usage': (call) => {
    if (!call.isStream) {
      const { usage: _, ...completion } = call.completion({ content: call.answer });
      return call.json(completion);
    }
    begun(call, call.pieces.length);
    call.finish();
    call.response.end('data: [DONE]\n\n');
  },
  'split at every byte': byteByByte,
  'everything in one write': (call) => {
    call.open();
    let text = call.eventText(call.delta({ role: 'assistant', content: '' }));
    for (const piece of call.pieces) text += call.sayText(piece);
    text += call.eventText(call.delta({}, 'stop'));
    if (call.body.stream_options?.include_usage) text += call.eventText(call.chunk([], { usage: call.usage() }));
    call.response.end(`${text}data: [DONE]\n\n`);
  },
  'tool delta without index, id and type': toolDelta(
    { function: { name: 'get_weather', arguments: TOOL_ARGUMENTS } },
    `get_weather${TOOL_ARGUMENTS}`,
  ),
  'tool arguments as an object': toolDelta(
    {
      index: 0,
      id: 'call_a',
      type: 'function',
      function: { name: 'get_weather', arguments: JSON.parse(TOOL_ARGUMENTS) },
    },
    `get_weather${TOOL_ARGUMENTS}`,
  ),
} as const satisfies Record<string, Behaviour>;

export type BehaviourName = keyof typeof behaviours;

/** Those that a plain request cannot meet. */
export const STREAM_ONLY: ReadonlySet<string> = new Set<BehaviourName>([
  'stall after the role chunk',
  'stall mid-chunk',
  'stall mid-character',
  'half a chunk, then a close',
  'half a chunk before content, then a close',
  'clean close without finish_reason',
  'role chunk, then a clean close',
  '[DONE] without finish_reason',
  'no [DONE]',
  'empty stream',
  '[DONE] alone',
  'error event before content',
  'named error event before content',
  'error event after content',
  'an event that is not JSON, after content',
  'pings and comments',
  'CRLF and no space after the colon',
  'a chunk without choices',
  'missing role',
  'missing index of the choice',
  'a chunk after the finish_reason',
  'JSON answer to a stream request',
  'everything in one write',
  'tool delta without index, id and type',
  'tool arguments as an object',
]);

const DRIP_MS = 40;

/** Says its pieces slowly, over and over if need be, for as long as the other side listens. */
const drip =
  (isEndless: boolean): Behaviour =>
  async (call) => {
    if (!call.isStream) {
      call.response.writeHead(200, { 'content-type': 'application/json' });
      const text = JSON.stringify(call.completion({ content: call.answer }));
      for (let at = 0; !call.isClosed && (isEndless || at < text.length); at += 100) {
        call.raw(text.slice(at, at + 100) || ' ');
        await delay(DRIP_MS);
      }
      call.response.end();
      return;
    }
    call.open();
    call.role();
    do {
      for (const piece of call.pieces) {
        if (call.isClosed) return;
        call.say(piece);
        await delay(DRIP_MS);
      }
    } while (isEndless);
    call.finish();
    call.done();
  };

/** Answers that take their time: a whole one in small portions, and one without an end. */
export const slowBehaviours = { 'slow drip': drip(false), 'endless stream': drip(true) } as const;
