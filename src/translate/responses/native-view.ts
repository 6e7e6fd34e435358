import type { NativeEvent, NativeReader } from '../../contract/native-form.ts';
import type { ChatCompletion, ChatCompletionChunk, WireMessage, WireUsage } from '../../contract/openai.ts';
import type { Item } from './request-body.ts';

type Wire = { [key: string]: unknown };

/** A plain response of an upstream as chat sees it; null when it is no response with an output. */
export const toChatView = (response: Wire): ChatCompletion | null => {
  const { output } = response;
  if (!Array.isArray(output)) return null;
  const message: WireMessage = { role: 'assistant', content: null };
  for (const item of output as Item[]) addItem(message, item);
  return {
    ...commonOf(response),
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason: finishOf(response) }],
    ...usageOf(response),
  };
};

/** Reads a stream of responses (https://platform.openai.com/docs/api-reference/responses-streaming) as chat sees it. */
export const createResponseReader = (): NativeReader => {
  let common = { id: '', created: 0, model: '' };
  /** By the position in the output. */
  const calls = new Map<number, number>();
  const chunk = (delta: WireMessage | null, extra: Wire = {}): ChatCompletionChunk => ({
    ...common,
    object: 'chat.completion.chunk',
    choices: delta === null ? [] : [{ index: 0, delta, finish_reason: null, ...extra }],
  });
  const spoken = (delta: WireMessage | null): NativeEvent => ({ kind: 'chunk', chunk: chunk(delta) });
  const callAt = (position: number): number => {
    const known = calls.get(position) ?? calls.size;
    calls.set(position, known);
    return known;
  };
  return {
    read(_event, data) {
      const { type, delta } = data;
      const position = Number(data['output_index'] ?? 0);
      const text = typeof delta === 'string' ? delta : '';
      switch (type) {
        case 'response.created':
          common = commonOf((data['response'] ?? {}) as Wire);
          return spoken({ role: 'assistant', content: '' });
        case 'response.output_text.delta':
          return spoken({ content: text });
        case 'response.refusal.delta':
          return spoken({ refusal: text });
        case 'response.reasoning_text.delta':
        case 'response.reasoning_summary_text.delta':
          return spoken({ reasoning_content: text });
        case 'response.output_item.added': {
          const item = data['item'] as Item;
          if (!isCall(item)) return spoken(SPOKEN_ITEMS.has(item.type ?? '') ? null : { item: item.type });
          const called = { name: String(item['name'] ?? item.type), arguments: '' };
          const id = String(item['call_id'] ?? item.id);
          return spoken({ tool_calls: [{ index: callAt(position), id, type: 'function', function: called }] });
        }
        case 'response.function_call_arguments.delta':
        case 'response.custom_tool_call_input.delta':
          return spoken({ tool_calls: [{ index: callAt(position), function: { arguments: text } }] });
        case 'response.completed':
        case 'response.incomplete': {
          const response = (data['response'] ?? {}) as Wire;
          const last = chunk({}, { finish_reason: finishOf(response, calls.size > 0) });
          return { kind: 'chunk', chunk: { ...last, ...usageOf(response) }, isLast: true };
        }
        case 'response.failed':
          return {
            kind: 'failure',
            text: JSON.stringify({ error: (data['response'] as Wire | undefined)?.['error'] }),
          };
        case 'error':
          return { kind: 'failure', text: JSON.stringify({ error: data['error'] ?? data }) };
        default:
          // Whatever else there is goes to the client as it is.
          return typeof type === 'string' ? spoken(null) : { kind: 'nothing' };
      }
    },
  };
};

const commonOf = ({ id, created_at, model }: Wire) => ({
  id: String(id ?? ''),
  created: Number(created_at ?? 0),
  model: String(model ?? ''),
});

const addItem = (message: WireMessage, item: Item): void => {
  if (item.type === 'message') {
    for (const part of (item['content'] ?? []) as Wire[]) {
      if (part['type'] === 'refusal') message.refusal = `${message.refusal ?? ''}${part['refusal']}`;
      else message.content = `${message.content ?? ''}${part['text'] ?? ''}`;
    }
  } else if (item.type === 'reasoning') {
    const parts = [...((item['summary'] ?? []) as Wire[]), ...((item['content'] ?? []) as Wire[])];
    const text = parts.map((part) => part['text'] ?? '').join('\n');
    if (text !== '') message.reasoning_content = `${message.reasoning_content ?? ''}${text}`;
  } else if (isCall(item)) {
    const called = { name: String(item['name'] ?? item.type), arguments: callText(item) };
    message.tool_calls ??= [];
    message.tool_calls.push({ id: String(item['call_id'] ?? item.id), type: 'function', function: called });
  }
};

/** Calls that the client has to make, and so the end of a turn. */
const CALLS = new Set([
  'function_call',
  'custom_tool_call',
  'local_shell_call',
  'shell_call',
  'apply_patch_call',
  'computer_call',
  'mcp_approval_request',
]);
/** Items whose content comes in events of its own. All others are something the upstream does: the answer has begun. */
const SPOKEN_ITEMS = new Set(['message', 'reasoning']);
const isCall = ({ type }: Item): boolean => CALLS.has(type ?? '');

const callText = (item: Item): string =>
  String(item['arguments'] ?? item['input'] ?? JSON.stringify(item['action'] ?? {}));

const finishOf = ({ status, incomplete_details, output }: Wire, hasCalled = false): string => {
  if (status === 'incomplete') {
    const { reason } = (incomplete_details ?? {}) as { reason?: string };
    return reason === 'content_filter' ? 'content_filter' : 'length';
  }
  return hasCalled || ((output ?? []) as Item[]).some(isCall) ? 'tool_calls' : 'stop';
};

type ResponseUsage = {
  input_tokens?: number;
  output_tokens?: number;
  total_tokens?: number;
  input_tokens_details?: Wire | null;
  output_tokens_details?: Wire | null;
};

const usageOf = ({ usage, service_tier }: Wire): { usage?: WireUsage; service_tier?: string } => {
  if (typeof usage !== 'object' || usage === null) return {};
  const { input_tokens, output_tokens, total_tokens, input_tokens_details, output_tokens_details } =
    usage as ResponseUsage;
  return {
    usage: {
      prompt_tokens: input_tokens,
      completion_tokens: output_tokens,
      total_tokens,
      prompt_tokens_details: input_tokens_details,
      completion_tokens_details: output_tokens_details,
    } as WireUsage,
    ...(typeof service_tier === 'string' && { service_tier }),
  };
};
