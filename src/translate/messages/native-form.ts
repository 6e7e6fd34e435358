import type { NativeEvent, NativeForm, NativeNeed, NativeReader } from '../../contract/native-form.ts';
import type { ChatCompletion, ChatCompletionChunk, WireMessage, WireToolCall } from '../../contract/openai.ts';
import { spliceJson } from '../../lib/json-splice.ts';
import type { Block, MessagesBody } from './request-body.ts';
import { toFinishReason } from './stop-reason.ts';
import { type MessagesUsage, toChatUsage } from './usage.ts';

const VERSION = '2023-06-01';

/** The client's request for upstreams that speak its format: the text as it wrote it, under the model's name there. */
export const toNativeForm = (
  text: string,
  { messages }: Pick<MessagesBody, 'messages'>,
  need: NativeNeed | null,
  headers: Record<string, string | string[] | undefined>,
): NativeForm => {
  const beta = headers['anthropic-beta'];
  const hasUnsigned = messages.some(({ content }) => Array.isArray(content) && content.some(isUnsigned));
  return {
    api: 'messages',
    path: '/messages',
    headers: {
      'anthropic-version': String(headers['anthropic-version'] ?? VERSION),
      ...(beta !== undefined && { 'anthropic-beta': String(beta) }),
    },
    need,
    // Thinking that Anthropic signed may stand in a request to any of its models, and is left out in chat.
    isBound: false,
    bodyFor: ({ model, isStream }) =>
      spliceJson(text, {
        model: JSON.stringify(model),
        ...(isStream && { stream: 'true' }),
        ...(hasUnsigned && { messages: JSON.stringify(withoutUnsigned(messages)) }),
      }),
    readPlain,
    openReader: () => new MessagesReader(),
  };
};

type Wire = Record<string, unknown>;

/** A thought that we translated from another model's: nobody signed it, and it would be refused. */
const isUnsigned = (block: Block): boolean => block.type === 'thinking' && !block['signature'];

const withoutUnsigned = (messages: MessagesBody['messages']): MessagesBody['messages'] =>
  messages.map((message) =>
    Array.isArray(message.content)
      ? { ...message, content: message.content.filter((block) => !isUnsigned(block)) }
      : message,
  );

const readPlain = (answer: Wire): ChatCompletion | null => {
  if (answer['type'] !== 'message' || !Array.isArray(answer['content'])) return null;
  const message: WireMessage = { role: 'assistant', content: null };
  const calls: WireToolCall[] = [];
  for (const block of answer['content'] as Wire[]) {
    if (block['type'] === 'text') message.content = (message.content ?? '') + String(block['text'] ?? '');
    if (block['type'] === 'thinking') message.reasoning_content = String(block['thinking'] ?? '');
    if (block['type'] === 'tool_use') {
      const call = { name: String(block['name']), arguments: JSON.stringify(block['input'] ?? {}) };
      calls.push({ id: String(block['id']), type: 'function', function: call });
    }
  }
  if (calls.length > 0) message.tool_calls = calls;
  return {
    id: String(answer['id'] ?? ''),
    object: 'chat.completion',
    created: 0,
    model: String(answer['model'] ?? ''),
    choices: [{ index: 0, message, finish_reason: toFinishReason(String(answer['stop_reason'] ?? '')) }],
    usage: toChatUsage((answer['usage'] ?? {}) as Wire),
    ...tierOf(answer['usage']),
  };
};

/** Anthropic tells the service tier in its usage (https://docs.anthropic.com/en/api/service-tiers). */
const tierOf = (usage: unknown): { service_tier?: string } => {
  const tier = (usage as Wire | null | undefined)?.['service_tier'];
  return typeof tier === 'string' ? { service_tier: tier } : {};
};

/** Reads the events of one stream (https://docs.anthropic.com/en/docs/build-with-claude/streaming). */
class MessagesReader implements NativeReader {
  #common = { id: '', object: 'chat.completion.chunk' as const, created: 0, model: '' };
  #usage: Partial<MessagesUsage> = {};
  /** Of each tool's block, which tool it is. */
  readonly #tools = new Map<number, number>();

  read(_event: string | undefined, data: Wire): NativeEvent {
    switch (data['type']) {
      case 'message_start': {
        const message = (data['message'] ?? {}) as Wire;
        this.#common = { ...this.#common, id: String(message['id'] ?? ''), model: String(message['model'] ?? '') };
        return this.#delta({ role: 'assistant', content: '' }, null, message['usage']);
      }
      case 'content_block_start':
        return this.#start(Number(data['index']), (data['content_block'] ?? {}) as Wire);
      case 'content_block_delta':
        return this.#block(Number(data['index']), (data['delta'] ?? {}) as Wire);
      case 'message_delta': {
        const { stop_reason } = (data['delta'] ?? {}) as Wire;
        return this.#delta({}, stop_reason == null ? null : toFinishReason(String(stop_reason)), data['usage']);
      }
      case 'message_stop':
        return { kind: 'chunk', chunk: this.#chunk([]), isLast: true };
      case 'error':
        return { kind: 'failure', text: JSON.stringify(data) };
      default:
        return { kind: 'chunk', chunk: this.#chunk([]) };
    }
  }

  #start(index: number, block: Wire): NativeEvent {
    if (block['type'] === 'text' && block['text']) return this.#delta({ content: String(block['text']) });
    if (block['type'] !== 'tool_use') return { kind: 'chunk', chunk: this.#chunk([]) };
    const tool = this.#tools.size;
    this.#tools.set(index, tool);
    const call = { name: String(block['name']), arguments: '' };
    return this.#delta({ tool_calls: [{ index: tool, id: String(block['id']), type: 'function', function: call }] });
  }

  #block(index: number, delta: Wire): NativeEvent {
    if (delta['type'] === 'text_delta') return this.#delta({ content: String(delta['text'] ?? '') });
    if (delta['type'] === 'thinking_delta') return this.#delta({ reasoning_content: String(delta['thinking'] ?? '') });
    const tool = this.#tools.get(index);
    if (delta['type'] !== 'input_json_delta' || tool === undefined) return { kind: 'chunk', chunk: this.#chunk([]) };
    return this.#delta({ tool_calls: [{ index: tool, function: { arguments: String(delta['partial_json'] ?? '') } }] });
  }

  #delta(delta: WireMessage, finish: string | null = null, usage?: unknown): NativeEvent {
    if (typeof usage === 'object' && usage !== null) {
      const told = Object.entries(usage).filter(([, value]) => typeof value === 'number');
      this.#usage = { ...this.#usage, ...Object.fromEntries(told) };
    }
    const chunk = this.#chunk([{ index: 0, delta, finish_reason: finish }]);
    return {
      kind: 'chunk',
      chunk: usage == null ? chunk : { ...chunk, usage: toChatUsage(this.#usage), ...tierOf(usage) },
    };
  }

  #chunk(choices: ChatCompletionChunk['choices']): ChatCompletionChunk {
    return { ...this.#common, choices };
  }
}
