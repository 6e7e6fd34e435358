import type { ChatCompletion, ChatCompletionChunk, WireMessage, WireToolCall } from './openai.ts';

type Choice = ChatCompletion['choices'][number];

/**
 * Folds the chunks of a stream into the plain answer they spell: texts joined, tool calls by index, the last finish
 * reason and usage. Extra keys of chunks and deltas keep their last value.
 */
export class FoldedAnswer {
  #common: Partial<ChatCompletionChunk> = {};
  readonly #choices = new Map<number, Choice>();

  add(chunk: ChatCompletionChunk): void {
    const { choices, usage, ...common } = chunk;
    this.#common = { ...this.#common, ...common, ...(usage != null && { usage }) };
    for (const { index, delta, finish_reason, logprobs, ...extra } of choices) {
      const choice = this.#choices.get(index) ?? {
        index,
        message: { role: 'assistant', content: null },
        finish_reason: null,
      };
      Object.assign(choice, extra);
      addDelta(choice.message, delta);
      if (finish_reason) choice.finish_reason = finish_reason;
      if (logprobs != null) choice['logprobs'] = joinLogprobs(choice['logprobs'], logprobs);
      this.#choices.set(index, choice);
    }
  }

  /** The plain answer; null while any choice lacks its finish reason. */
  completion(): ChatCompletion | null {
    const choices = [...this.#choices.values()].sort((a, b) => a.index - b.index);
    if (choices.length === 0 || choices.some(({ finish_reason }) => finish_reason === null)) return null;
    const common = this.#common as Omit<ChatCompletion, 'object' | 'choices'>;
    return { ...common, object: 'chat.completion', choices } as ChatCompletion;
  }
}

const JOINED = new Set(['content', 'refusal', 'reasoning_content', 'reasoning']);

const addDelta = (message: WireMessage, delta: WireMessage): void => {
  for (const [key, value] of Object.entries(delta)) {
    if (value == null) continue;
    if (key === 'tool_calls') addToolCalls(message, value as WireToolCall[]);
    else if (JOINED.has(key) && typeof value === 'string') message[key] = `${message[key] ?? ''}${value}`;
    else message[key] = value;
  }
};

const addToolCalls = (message: WireMessage, deltas: WireToolCall[]): void => {
  message.tool_calls ??= [];
  for (const { index = 0, ...delta } of deltas) {
    const call = message.tool_calls[index] ?? {};
    const text = `${call.function?.arguments ?? ''}${delta.function?.arguments ?? ''}`;
    // Some servers repeat the name as an empty text in every later delta.
    const name = delta.function?.name || call.function?.name;
    message.tool_calls[index] = {
      ...call,
      ...delta,
      function: { ...call.function, ...delta.function, ...(name && { name }), arguments: text },
    };
  }
};

type Logprobs = Record<string, unknown[] | null>;

const joinLogprobs = (before: unknown, more: unknown): Logprobs => {
  const joined: Logprobs = { ...(before as Logprobs | undefined) };
  for (const [key, items] of Object.entries(more as Logprobs)) {
    joined[key] = items === null ? (joined[key] ?? null) : [...(joined[key] ?? []), ...items];
  }
  return joined;
};
