import type { TokenCounts } from '../../contract/ledger-entry.ts';
import type { ChatCompletionChunk, WireMessage, WireToolCall } from '../../contract/openai.ts';
import { toStopReason } from './stop-reason.ts';
import { toMessagesUsage } from './usage.ts';

type Open = { kind: 'text' | 'thinking'; index: number } | { kind: 'tool'; index: number; tool: number };
type Tool = { id: string; name: string; pieces: string[] };

/**
 * A stream of chat as Anthropic's events, in their order: `message_start`, for each block its start, deltas and stop, then
 * `message_delta` with the reason of the end and the usage, and `message_stop`. Blocks follow one another, so calls that
 * a model writes at the same time wait for the first of them to end.
 */
export class MessagesEventWriter {
  readonly #id: string;
  readonly #showsThoughts: boolean;
  readonly #tools = new Map<number, Tool>();
  #hasStarted = false;
  #blocks = 0;
  #open: Open | null = null;
  #finish: string | null = null;

  /** @param showsThoughts whether the client asked for thinking. */
  constructor(id: string, showsThoughts: boolean) {
    this.#id = id;
    this.#showsThoughts = showsThoughts;
  }

  events(chunk: ChatCompletionChunk): string {
    let events = this.#start(chunk.model);
    for (const { index, delta, finish_reason } of chunk.choices) {
      if (index !== 0) continue;
      events += this.#delta(delta);
      if (finish_reason) this.#finish = finish_reason;
    }
    return events;
  }

  end(tokens: TokenCounts, model: string): string {
    let events = this.#start(model) + this.#close();
    for (const [tool, { pieces }] of this.#tools) {
      if (pieces.length > 0 || !this.#written.has(tool)) events += this.#openTool(tool) + this.#close();
    }
    const delta = { stop_reason: toStopReason(this.#finish), stop_sequence: null };
    events += toEvent('message_delta', { delta, usage: toMessagesUsage(tokens) });
    return events + toEvent('message_stop', {});
  }

  readonly #written = new Set<number>();

  #start(model: string): string {
    if (this.#hasStarted) return '';
    this.#hasStarted = true;
    const usage = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
    const common = { id: this.#id, type: 'message', role: 'assistant', model, content: [] };
    return toEvent('message_start', { message: { ...common, stop_reason: null, stop_sequence: null, usage } });
  }

  #delta(delta: WireMessage): string {
    let events = '';
    const thought = delta.reasoning_content ?? delta.reasoning;
    if (thought && this.#showsThoughts) {
      events += this.#into('thinking') + this.#blockDelta({ type: 'thinking_delta', thinking: thought });
    }
    const text = (delta.content ?? '') + (delta.refusal ?? '');
    if (text !== '') events += this.#into('text') + this.#blockDelta({ type: 'text_delta', text });
    for (const call of delta.tool_calls ?? []) events += this.#tool(call);
    const legacy = delta['function_call'] as WireToolCall['function'] | null | undefined;
    if (legacy) events += this.#tool({ index: 0, id: `toolu_${this.#id}`, function: legacy });
    return events;
  }

  #tool({ index: tool = 0, id = '', function: call = {} }: WireToolCall): string {
    const known = this.#tools.get(tool) ?? { id, name: call.name ?? '', pieces: [] };
    this.#tools.set(tool, known);
    if (call.arguments) known.pieces.push(call.arguments);
    const isBusy = this.#open?.kind === 'tool' && this.#open.tool !== tool;
    return isBusy || (this.#written.has(tool) && this.#open?.kind !== 'tool') ? '' : this.#openTool(tool);
  }

  /** Begins the block of a call where it is not open yet, and writes what has come of it. */
  #openTool(tool: number): string {
    const { id, name, pieces } = this.#tools.get(tool) as Tool;
    let events = '';
    if (!this.#written.has(tool)) {
      events += this.#close();
      this.#written.add(tool);
      this.#open = { kind: 'tool', index: this.#blocks++, tool };
      events += this.#blockStart({ type: 'tool_use', id, name, input: {} });
    }
    for (const partial_json of pieces.splice(0)) events += this.#blockDelta({ type: 'input_json_delta', partial_json });
    return events;
  }

  #into(kind: 'text' | 'thinking'): string {
    if (this.#open?.kind === kind) return '';
    const events = this.#close();
    this.#open = { kind, index: this.#blocks++ };
    const block = kind === 'text' ? { type: 'text', text: '' } : { type: 'thinking', thinking: '', signature: '' };
    return events + this.#blockStart(block);
  }

  #close(): string {
    if (this.#open === null) return '';
    const { index } = this.#open;
    this.#open = null;
    return toEvent('content_block_stop', { index });
  }

  #blockStart(content_block: object): string {
    return toEvent('content_block_start', { index: this.#open?.index, content_block });
  }

  #blockDelta(delta: object): string {
    return toEvent('content_block_delta', { index: this.#open?.index, delta });
  }
}

const toEvent = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
