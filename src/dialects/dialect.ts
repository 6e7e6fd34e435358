import type { RouteConfig } from '../config/route-schema.ts';
import type { ChatRequest } from '../contract/chat-request.ts';
import type { GatewayError } from '../contract/errors.ts';
import type { TokenCounts } from '../contract/ledger-entry.ts';
import type { StreamPart } from '../contract/stream-part.ts';
import type { Answer, ServedBy } from '../passage.ts';

/**
 * A wire format of clients. The pipeline knows chat completions alone: a dialect turns a client's body into a chat
 * request on the way in, and the answer into its own shape on the way out. An answer that came from an upstream in the
 * dialect's own format has it beside the chat view (`native`), and goes out as it came.
 */
export interface Dialect {
  /**
   * @throws GatewayError for a body that cannot be read, with the field in `param` by the client's own name for it.
   */
  read(bytes: Buffer, origin: RequestOrigin): DialectRequest | Promise<DialectRequest>;
  /** The body, JSON, of the answer to a request that failed before anything was sent. */
  failure(error: GatewayError): string;
}

export type RequestOrigin = {
  /** `req_…`. */
  id: string;
  team: string;
  headers: Record<string, string | string[] | undefined>;
};

export type DialectRequest = {
  chat: ChatRequest;
  /** Begins to write the one answer of this request. */
  answer(facts: AnswerFacts): AnswerWriter;
};

export type AnswerFacts = {
  served: ServedBy;
  /** Null where the client named a model directly. */
  route: RouteConfig | null;
  /** Key of the conversation; null for an answer from the cache. */
  session: string | null;
};

/** Writes one answer: `plain` once, or `events` for each batch and then `end` or `fail`. Rejects only for a fault of ours. */
export interface AnswerWriter {
  /** The whole answer as a body. The ledger has its entry already. */
  plain(answer: Answer & { kind: 'plain' }): string | Promise<string>;
  /** Server-sent events for a batch, each with its blank line; empty where nothing goes out. */
  events(parts: StreamPart[]): string;
  /**
   * What is left of a complete stream. The ledger has its entry already, so whatever tells a client that the answer is
   * complete belongs here.
   * @param trailer comments to put before the last event.
   */
  end(tokens: TokenCounts, trailer: string): string | Promise<string>;
  /** What tells the client of a failure after something has left. */
  fail(error: GatewayError): string;
}
