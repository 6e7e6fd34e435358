import type { Caller } from './caller.ts';
import type { GatewayError } from './errors.ts';
import type { LedgerEntry } from './ledger-entry.ts';

/** A request as the pipeline sees it: no HTTP library in sight. */
export type Incoming = {
  /** `req_…`. */
  id: string;
  /** The client's own id for it, up to 128 visible ASCII characters. */
  clientRequestId?: string | null;
  /** Path as OpenAI names it, e.g. `/v1/chat/completions`. */
  endpoint: string;
  /** Lower-case names. */
  headers: Record<string, string | string[] | undefined>;
  /** Who sends it, where somebody has looked that up on its way; rejects as that did. */
  caller?: Promise<Caller>;
  /** @throws GatewayError `body_too_large`, `body_timeout`. */
  readBody(): Promise<Buffer>;
  /** Aborts, with `client_closed_request` as its reason, when the client leaves before its answer is complete. */
  signal: AbortSignal;
  /** Told of its ledger entry before that is stored. */
  recorded?(entry: LedgerEntry): void;
};

/**
 * What goes back. `events` are pieces of server-sent events, each fit to be written as it is; iterating them drives the
 * upstream, and they must be iterated to their end or returned, for that is what closes the ledger entry.
 */
export type Reply =
  | { kind: 'json'; headers: Record<string, string>; text: string }
  | { kind: 'stream'; headers: Record<string, string>; events: AsyncIterable<string> }
  /** Bytes as they come. `body` must be iterated to its end or returned, as `events`. */
  | { kind: 'bytes'; status: number; headers: Record<string, string>; body: AsyncIterable<Uint8Array> }
  /** `text`: the body, JSON; OpenAI's envelope where there is none. */
  | { kind: 'failure'; headers: Record<string, string>; error: GatewayError; text?: string };
