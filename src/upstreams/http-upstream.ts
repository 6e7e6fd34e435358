import { buildConnector, type Dispatcher, Pool } from 'undici';
import type { Timeouts } from '../config/upstream-schema.ts';
import { hasContent } from '../contract/chunk-content.ts';
import { completionToChunks } from '../contract/completion-to-chunks.ts';
import type { GatewayError } from '../contract/errors.ts';
import type { NativeForm } from '../contract/native-form.ts';
import { toPart } from '../contract/stream-part.ts';
import type { Api, UpstreamKind } from '../contract/vocabulary.ts';
import type { Clock } from '../lib/clock.ts';
import { CallLimits } from './call-limits.ts';
import { toolsAsFunction } from './legacy-functions.ts';
import { PARAMETERS } from './presets/parameters.ts';
import { type Preset, presetOf } from './presets/preset.ts';
import { parseNativeAnswer, readNativeStream } from './read-native.ts';
import { MAX_ANSWER_BYTES, parsePlainAnswer, readText } from './read-plain.ts';
import { readStream } from './read-stream.ts';
import type {
  ChatAnswer,
  ChatCall,
  ForwardAnswer,
  ForwardCall,
  PartStream,
  Upstream,
  UpstreamState,
} from './upstream.ts';
import { fromErrorStatus, fromTransportError, invalidResponse } from './upstream-errors.ts';
import { toUpstreamBody } from './upstream-request.ts';

const MAX_ERROR_BYTES = 64 * 1024;

export type HttpUpstreamOptions = {
  name: string;
  kind: UpstreamKind;
  /** Base URL that ends before `/chat/completions`. */
  url: string;
  /** Chat completions alone where nothing is said. */
  apis?: ReadonlySet<Api>;
  /** Unix socket to connect to in place of the URL's host: the local model host. A function is asked with each new connection. */
  socketPath?: string | (() => string);
  apiKey?: string;
  headers?: Record<string, string>;
  /** Most connections open at one time; further calls wait for one within their own limits. */
  connections: number;
  timeouts: Timeouts;
  clock: Clock;
  /** Whether it can be asked now; always ready where nothing else is known. */
  state?: () => UpstreamState;
  /** Waits for a server that is still starting; rejects when it will not be ready in time. */
  untilReady?: (signal: AbortSignal) => Promise<void>;
};

const CHAT_ALONE: ReadonlySet<Api> = new Set(['chat']);
const READY: UpstreamState = { state: 'ready', detail: 'ready' };

/** Any OpenAI-compatible server over a pool of kept connections: a cloud, a local runtime, or our own model host. */
export class HttpUpstream implements Upstream {
  readonly name: string;
  readonly kind: UpstreamKind;
  readonly apis: ReadonlySet<Api>;
  readonly #options: HttpUpstreamOptions;
  readonly #pool: Pool;
  readonly #preset: Preset;
  readonly #basePath: string;
  readonly #query: string;
  readonly #headers: Record<string, string>;

  constructor(options: HttpUpstreamOptions) {
    this.name = options.name;
    this.kind = options.kind;
    this.apis = options.apis ?? CHAT_ALONE;
    this.#options = options;
    this.#preset = presetOf(options.kind);
    const url = new URL(options.url);
    this.#basePath = url.pathname.replace(/\/+$/, '');
    this.#query = url.search;
    this.#headers = { ...options.headers };
    this.#pool = new Pool(url.origin, {
      connections: options.connections,
      connect: connectorOf(options),
      // CallLimits owns these two waits, so that each has its own error.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  state(): UpstreamState {
    return this.#options.state?.() ?? READY;
  }

  async chat(call: ChatCall): Promise<ChatAnswer> {
    const { timeouts, clock } = this.#options;
    const { isStream } = call;
    const limits = new CallLimits({ timeouts, clock, upstream: this.name, client: call.signal, isStream });
    let isStreaming = false;
    let response: Dispatcher.ResponseData | undefined;
    try {
      await this.#options.untilReady?.(limits.signal);
      response = await this.#send(call, limits);
      // Ending a body early makes it emit an error, and one that nobody listens to ends the process.
      response.body.on('error', () => {});
      const contentType = header(response, 'content-type') ?? '';
      if (response.statusCode !== 200) throw await this.#refusal(response, contentType, limits);
      const isEventStream = contentType.includes('text/event-stream');
      if (isStream && isEventStream) {
        isStreaming = true;
        const parts = this.#stream(response.body, limits, nativeOf(call));
        return { kind: 'stream', parts: this.#isLegacy(call) ? asFunctions(parts) : parts };
      }
      if (isEventStream) throw invalidResponse(this.name, 'answered with a stream that was not asked for');
      const native = nativeOf(call);
      const text = await this.#read(response.body, MAX_ANSWER_BYTES, limits);
      const plain = native === null ? this.#parsePlain(text, call) : parseNativeAnswer(this.name, text, native);
      return isStream ? { kind: 'stream', parts: once(completionToChunks(plain.completion).map(toPart)) } : plain;
    } catch (error) {
      throw this.#explain(error, limits);
    } finally {
      if (!isStreaming) {
        response?.body.destroy();
        limits.release();
      }
    }
  }

  async forward(call: ForwardCall): Promise<ForwardAnswer> {
    const { timeouts, clock } = this.#options;
    const { method, path, headers, body, isStream } = call;
    const limits = new CallLimits({ timeouts, clock, upstream: this.name, client: call.signal, isStream });
    try {
      await this.#options.untilReady?.(limits.signal);
      const response = await this.#pool.request({
        path: this.#pathOf(path),
        method: method as Dispatcher.HttpMethod,
        headers: { ...headers, ...this.#headers, ...this.#credentials(this.kind === 'anthropic') },
        body,
        signal: limits.signal,
      });
      response.body.on('error', () => {});
      return { status: response.statusCode, headers: response.headers, body: this.#bytes(response.body, limits) };
    } catch (error) {
      limits.release();
      throw this.#explain(error, limits);
    }
  }

  async upgrade({ path, headers, signal }: { path: string; headers: Record<string, string>; signal: AbortSignal }) {
    const { timeouts, clock } = this.#options;
    const limits = new CallLimits({ timeouts, clock, upstream: this.name, client: signal, isStream: true });
    try {
      const { headers: accepted, socket } = await this.#pool.upgrade({
        path: this.#pathOf(path),
        headers: { ...headers, ...this.#headers, ...this.#credentials(false) },
        protocol: 'websocket',
        signal: limits.signal,
      });
      return { headers: accepted, socket };
    } catch (error) {
      throw this.#explain(error, limits);
    } finally {
      limits.release();
    }
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  #send(call: ChatCall, limits: CallLimits): Promise<Dispatcher.ResponseData> {
    const native = nativeOf(call);
    const { model, isStream, home = null } = call;
    const target = { upstream: this.name, model, isStream, home, keepsAnswers: this.#preset.keepsAnswers === true };
    return this.#pool.request({
      path: this.#pathOf(native?.path ?? '/chat/completions'),
      method: 'POST',
      headers: {
        ...this.#headers,
        ...this.#credentials(native?.api === 'messages'),
        'content-type': 'application/json',
        ...native?.headers,
        accept: call.isStream ? 'text/event-stream' : 'application/json',
        ...(this.kind === 'llama' && { 'x-rightsize-partition': call.partition, 'x-rightsize-session': call.session }),
      },
      body: native?.bodyFor(target) ?? toUpstreamBody(call, this.#preset),
      signal: limits.signal,
    });
  }

  #parsePlain(text: string, call: ChatCall): ChatAnswer & { kind: 'plain' } {
    const plain = parsePlainAnswer(this.name, text, this.#preset.ownKeys, this.#options.clock.now());
    if (!this.#isLegacy(call)) return plain;
    const completion = toolsAsFunction(plain.completion);
    return { ...plain, completion, text: JSON.stringify(completion) };
  }

  /** Whether the client asked with the deprecated functions, and the upstream was asked with tools. */
  #isLegacy(call: ChatCall): boolean {
    const { functions } = call.request.body;
    return nativeOf(call) === null && functions != null && PARAMETERS[this.kind]['functions'] === 'as-tools';
  }

  /** The base URL's own query, such as Azure's `api-version`, goes with every path. */
  #pathOf(path: string): string {
    if (this.#query === '') return this.#basePath + path;
    return `${this.#basePath}${path}${path.includes('?') ? '&' : '?'}${this.#query.slice(1)}`;
  }

  async *#bytes(body: Dispatcher.ResponseData['body'], limits: CallLimits): AsyncGenerator<Uint8Array> {
    try {
      let isFirst = true;
      for await (const piece of watched(body, limits)) {
        if (isFirst) limits.content();
        isFirst = false;
        yield piece;
      }
    } catch (error) {
      throw this.#explain(error, limits);
    } finally {
      limits.release();
      body.destroy();
    }
  }

  async *#stream(body: Dispatcher.ResponseData['body'], limits: CallLimits, native: NativeForm | null): PartStream {
    const bytes = watched(body, limits);
    let isComplete = false;
    let hasBegun = false;
    try {
      const batches =
        native === null
          ? readStream(this.name, bytes, () => this.#options.clock.now(), this.#preset.ownKeys)
          : readNativeStream(this.name, bytes, native.openReader());
      for await (const batch of batches) {
        if (!hasBegun && batch.some(({ chunk }) => hasContent(chunk))) {
          hasBegun = true;
          limits.content();
        }
        yield batch;
      }
      isComplete = true;
    } catch (error) {
      throw this.#explain(error, limits);
    } finally {
      limits.release();
      if (isComplete) this.#drain(body);
      else body.destroy();
    }
  }

  /** Reads the last bytes after `[DONE]`, so that the connection can serve another call; gives up after a second. */
  #drain(body: Dispatcher.ResponseData['body']): void {
    const cancel = this.#options.clock.after(1_000, () => body.destroy());
    body.once('close', cancel).resume();
  }

  #read(body: Dispatcher.ResponseData['body'], limit: number, limits: CallLimits): Promise<string> {
    limits.activity();
    return readText(this.name, body, limit, () => limits.activity());
  }

  async #refusal(response: Dispatcher.ResponseData, contentType: string, limits: CallLimits): Promise<GatewayError> {
    const text = await this.#read(response.body, MAX_ERROR_BYTES, limits);
    const retryAfter = header(response, 'retry-after');
    return fromErrorStatus(this.name, { status: response.statusCode, contentType, retryAfter, text });
  }

  /** An aborted call fails with whatever its transport says; the reason is the truth. */
  #explain(error: unknown, limits: CallLimits): GatewayError {
    const { signal } = limits;
    return fromTransportError(this.name, signal.aborted ? signal.reason : error);
  }

  /** @param isMessages whether the request is in Anthropic's format, whose servers read a header of their own. */
  #credentials(isMessages: boolean): Record<string, string> {
    const { apiKey } = this.#options;
    if (!apiKey) return {};
    // Others that speak the format, such as vLLM, take the usual header.
    if (isMessages && this.kind === 'anthropic') return { 'x-api-key': apiKey };
    return this.#preset.keyHeader === 'authorization'
      ? { authorization: `Bearer ${apiKey}` }
      : { [this.#preset.keyHeader]: apiKey };
  }
}

const connectorOf = ({ timeouts, socketPath }: HttpUpstreamOptions): Pool.Options['connect'] => {
  const timeout = timeouts.connect;
  if (typeof socketPath !== 'function') return { timeout, ...(socketPath && { socketPath }) };
  return (options, callback) => buildConnector({ timeout, socketPath: socketPath() })(options, callback);
};

const nativeOf = ({ isNative, request }: ChatCall): NativeForm | null =>
  isNative === true ? (request.native ?? null) : null;

/** The body's bytes; the idle limit counts only while one is waited for. Leaving early keeps the body open: its owner ends it. */
async function* watched(body: Dispatcher.ResponseData['body'], limits: CallLimits): AsyncGenerator<Uint8Array> {
  limits.activity();
  for await (const piece of body.iterator({ destroyOnReturn: false })) {
    limits.pause();
    yield piece;
    limits.activity();
  }
}

async function* asFunctions(parts: PartStream): PartStream {
  for await (const batch of parts) yield batch.map(({ chunk }) => toPart(toolsAsFunction(chunk)));
}

async function* once<Value>(value: Value): AsyncGenerator<Value> {
  yield value;
}

const header = (response: Dispatcher.ResponseData, name: string): string | null => {
  const value = response.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? null;
};
