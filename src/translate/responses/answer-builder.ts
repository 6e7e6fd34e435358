import type { GatewayError } from '../../contract/errors.ts';
import type { TokenCounts } from '../../contract/ledger-entry.ts';
import type { ChatCompletionChunk, WireToolCall } from '../../contract/openai.ts';
import { CallItem } from './call-item.ts';
import { type Logprob, MessageItem } from './message-item.ts';
import type { ToolKind } from './read-tools.ts';
import { ReasoningItem } from './reasoning-item.ts';
import type { Item } from './request-body.ts';
import { type OutputItem, ResponseEvents } from './response-events.ts';
import { type ResponseFrame, type ResponseState, toResponseError, toResponseObject } from './response-object.ts';

export type BuilderOptions = {
  frame: Omit<ResponseFrame, 'model'>;
  /** What tools are to the client, by name. */
  kinds: ReadonlyMap<string, ToolKind>;
  /** A new id with this prefix. */
  newItemId(prefix: string): string;
};

/**
 * A chat answer as a response, chunk by chunk: the events of a stream, and at the end the whole object. Only the first
 * choice counts, for responses have one. Items stand in the order in which they began; all but reasoning stay open to
 * the end, since chat may go on with any of them.
 */
export class AnswerBuilder {
  readonly #options: BuilderOptions;
  readonly #events = new ResponseEvents();
  readonly #items: OutputItem[] = [];
  readonly #open = new Set<OutputItem>();
  readonly #calls = new Map<number, CallItem>();
  #reasoning: ReasoningItem | null = null;
  #message: MessageItem | null = null;
  #model = '';
  #hasBegun = false;
  #finish: string | null = null;

  constructor(options: BuilderOptions) {
    this.#options = options;
  }

  /** The events that a chunk makes. */
  add(chunk: ChatCompletionChunk): string {
    this.#begin(chunk.model);
    for (const { index, delta, finish_reason, logprobs } of chunk.choices) {
      if (index !== 0) continue;
      const reasoning = delta.reasoning_content ?? delta.reasoning;
      if (reasoning) this.#openReasoning().addText(reasoning);
      if (delta.content) this.#openMessage().addText(delta.content, toLogprobs(logprobs));
      if (delta.refusal) this.#openMessage().addRefusal(delta.refusal);
      for (const call of delta.tool_calls ?? []) this.#addCall(call);
      this.#finish = finish_reason ?? this.#finish;
    }
    return this.#events.take();
  }

  /** Closes what is open. `last` is the event that says that the response is complete, and `response` what it holds. */
  end(tokens: TokenCounts): { events: string; last: string; response: Record<string, unknown> } {
    this.#begin('');
    const reason = INCOMPLETE[this.#finish ?? ''];
    for (const item of this.#open) {
      // What was cut off is what came last.
      item.close(reason === 'max_output_tokens' && item === this.#items.at(-1) ? 'incomplete' : 'completed');
    }
    this.#open.clear();
    const events = this.#events.take();
    const state: ResponseState =
      reason === undefined ? { status: 'completed', tokens } : { status: 'incomplete', reason, tokens };
    const response = this.#response(state);
    this.#events.emit(`response.${state.status}`, { response });
    return { events, last: this.#events.take(), response };
  }

  /** Clients that follow events by their names look for the first of these two, those that follow the response for the second. */
  fail(error: GatewayError): string {
    this.#begin('');
    const { code, message } = toResponseError(error);
    this.#events.emit('error', { code, message, param: error.param });
    this.#events.emit('response.failed', { response: this.#response({ status: 'failed', error }) });
    return this.#events.take();
  }

  #begin(model: string): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#model = model;
    this.#events.emit('response.created', { response: this.#response({ status: 'in_progress' }) });
    this.#events.emit('response.in_progress', { response: this.#response({ status: 'in_progress' }) });
  }

  #response(state: ResponseState): Record<string, unknown> {
    const output = this.#items.map(({ item }): Item => item);
    return toResponseObject({ ...this.#options.frame, model: this.#model }, state, output);
  }

  #openReasoning(): ReasoningItem {
    if (this.#reasoning !== null) return this.#reasoning;
    const { frame, newItemId } = this.#options;
    const isSummary = frame.request.reasoning?.summary != null;
    this.#reasoning = this.#append(new ReasoningItem(this.#events, newItemId('rs'), this.#items.length, isSummary));
    return this.#reasoning;
  }

  #openMessage(): MessageItem {
    this.#closeReasoning();
    this.#message ??= this.#append(new MessageItem(this.#events, this.#options.newItemId('msg'), this.#items.length));
    return this.#message;
  }

  #addCall({ index = 0, id, function: called }: WireToolCall): void {
    this.#closeReasoning();
    let call = this.#calls.get(index);
    if (call === undefined) {
      const { kinds, newItemId } = this.#options;
      const name = called?.name ?? '';
      const kind = kinds.get(name) ?? 'function';
      const start = { id: newItemId(PREFIXES[kind]), callId: id ?? newItemId('call'), name, kind };
      call = this.#append(new CallItem(this.#events, start, this.#items.length));
      this.#calls.set(index, call);
    }
    if (called?.arguments) call.addArguments(called.arguments);
  }

  /** Thinking is over when speaking begins. */
  #closeReasoning(): void {
    if (this.#reasoning === null) return;
    this.#reasoning.close('completed');
    this.#open.delete(this.#reasoning);
    this.#reasoning = null;
  }

  #append<Kind extends OutputItem>(item: Kind): Kind {
    this.#items.push(item);
    this.#open.add(item);
    return item;
  }
}

const PREFIXES: Record<ToolKind, string> = { function: 'fc', custom: 'ctc', local_shell: 'lsh' };

const INCOMPLETE: Record<string, 'max_output_tokens' | 'content_filter' | undefined> = {
  length: 'max_output_tokens',
  content_filter: 'content_filter',
};

const toLogprobs = (logprobs: unknown): Logprob[] => {
  const { content } = (logprobs ?? {}) as { content?: Logprob[] | null };
  return (content ?? []).map((entry) => ({ ...entry, top_logprobs: entry.top_logprobs ?? [] }));
};
