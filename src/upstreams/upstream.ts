import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { ChatRequest } from '../contract/chat-request.ts';
import type { ChatCompletion } from '../contract/openai.ts';
import type { StreamPart } from '../contract/stream-part.ts';
import type { Api, UpstreamKind } from '../contract/vocabulary.ts';

/**
 * Whether an upstream can be asked now. `starting` will be ready by itself; `down` failed and may come back;
 * `disabled` lacks something only its owner can give (a key). `detail` is words for people.
 */
export type UpstreamState = { state: 'ready' | 'starting' | 'down' | 'disabled'; detail: string };

/**
 * A stream in batches, one batch per read from the network, so that a burst of small events costs one write.
 * Ends normally only when the answer is complete; otherwise it throws.
 */
export type PartStream = AsyncIterable<StreamPart[]>;

export type ChatAnswer =
  /** `native`: the answer as it came, in the client's own wire format; `completion` and `text` are how chat sees it. */
  { kind: 'plain'; completion: ChatCompletion; text: string; native?: string } | { kind: 'stream'; parts: PartStream };

export type ChatCall = {
  model: string;
  request: ChatRequest;
  /** Whether to ask for a stream; a plain answer may be wanted as one, to be judged while it comes. */
  isStream: boolean;
  /** Ask in the client's own wire format (`request.native`); only where the upstream speaks it. */
  isNative?: boolean;
  /** The upstream to which what only its maker can read belongs. */
  home?: string | null;
  /** Ask how sure the model is over so many first tokens; it tells in the chunks (see `execution/confidence.ts`). */
  certaintyTokens?: number;
  /** Opaque name of the caller's tenant: a local host never shares a KV prefix between two of them. */
  partition: string;
  /** Opaque key of the conversation: a local host looks for its KV prefix by it. */
  session: string;
  /** Aborts the call and closes its connection at once; its reason is thrown. */
  signal: AbortSignal;
};

/** A request that is sent on as it is. */
export type ForwardCall = {
  method: string;
  /** Below the base URL, with its query: `/embeddings`. */
  path: string;
  /** Beside the upstream's own and its key. */
  headers: Record<string, string>;
  /** A stream is read as fast as the upstream takes it. */
  body: string | Buffer | Readable | null;
  /** Whether the first byte of the answer has a limit of its own: a plain answer's comes only when all of it is written. */
  isStream: boolean;
  signal: AbortSignal;
};

/** An answer with its status and its bytes as they come. The body must be iterated to its end, or returned. */
export type ForwardAnswer = { status: number; headers: IncomingHttpHeaders; body: AsyncIterable<Uint8Array> };

/** Port: one configured endpoint that answers requests. */
export interface Upstream {
  readonly name: string;
  readonly kind: UpstreamKind;
  /** The wire formats it speaks; at least one. */
  readonly apis: ReadonlySet<Api>;
  state(): UpstreamState;
  /**
   * Sends one chat request. Resolves with a complete plain answer, or with a stream whose headers have come.
   * @throws GatewayError `upstream_*`, or the signal's reason; `isRetryable` says whether another may succeed.
   */
  chat(call: ChatCall): Promise<ChatAnswer>;
  /**
   * Sends any other request. Resolves with the upstream's answer, whatever its status; iterating its body throws as
   * `chat` does, and leaving it early ends the call.
   * @throws GatewayError `upstream_*` when there is no answer, or the signal's reason.
   */
  forward(call: ForwardCall): Promise<ForwardAnswer>;
  /**
   * Opens a WebSocket; absent where there are none. Resolves when the upstream has taken it, with a socket for its bytes.
   * @throws GatewayError `upstream_*`, or the signal's reason.
   */
  upgrade?(call: {
    path: string;
    headers: Record<string, string>;
    signal: AbortSignal;
  }): Promise<{ headers: IncomingHttpHeaders; socket: Duplex }>;
  /** Lets running calls end, then closes the connections. */
  close(): Promise<void>;
}
