import type { NativeNeed } from '../../contract/native-form.ts';
import type { ChatCompletionRequest, ChatMessage } from '../../contract/openai.ts';
import type { Block, MessagesBody } from './request-body.ts';

/** A request as chat says it, and what of it chat cannot say. */
export type ToChat = { body: ChatCompletionRequest; need: NativeNeed | null };

type Part = Record<string, unknown> & { type: string };

/** Thinking that was meant for so many tokens, as an effort; the bounds are ours. */
const EFFORTS: [upTo: number, effort: string][] = [
  [2_048, 'low'],
  [16_384, 'medium'],
];

/**
 * Anthropic's request in chat. Thoughts of earlier answers are left out: they are signed for the model that had them. The
 * results of tools become messages of their own, before the words that came with them.
 */
export const toChat = (request: MessagesBody): ToChat => {
  const needs: NativeNeed[] = [];
  const system = textOf(request.system ?? '');
  const messages: ChatMessage[] = system === '' ? [] : [{ role: 'system', content: system }];
  for (const [index, { role, content }] of request.messages.entries()) {
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    const at = `messages[${index}].content`;
    if (role === 'system') messages.push({ role, content: textOf(content) });
    else messages.push(...(role === 'user' ? userMessages(blocks, at, needs) : [assistantMessage(blocks, at, needs)]));
  }
  const body: Record<string, unknown> = { model: request.model, messages, max_tokens: request.max_tokens };
  const set = (key: string, value: unknown) => {
    if (value != null) body[key] = value;
  };
  set('temperature', request.temperature);
  set('top_p', request.top_p);
  set('top_k', request.top_k);
  if (request.stop_sequences?.length) body['stop'] = request.stop_sequences;
  set('user', request.metadata?.user_id);
  set('reasoning_effort', effortOf(request));
  set('response_format', formatOf(request));
  if (request.tools?.length) {
    body['tools'] = request.tools.map((tool, index) => toTool(tool, `tools[${index}]`, needs));
    set('tool_choice', toToolChoice(request.tool_choice));
    if (request.tool_choice?.disable_parallel_tool_use === true) body['parallel_tool_calls'] = false;
  }
  if (request.stream === true) {
    body['stream'] = true;
    body['stream_options'] = { include_usage: true };
  }
  for (const field of ['mcp_servers', 'container']) {
    const value = request[field];
    if (value != null && !(Array.isArray(value) && value.length === 0))
      needs.push({ param: field, what: `\`${field}\`` });
  }
  return { body: body as ChatCompletionRequest, need: needs[0] ?? null };
};

const textOf = (content: string | Block[]): string =>
  typeof content === 'string'
    ? content
    : content.map((block) => (typeof block['text'] === 'string' ? block['text'] : '')).join('\n');

const userMessages = (blocks: Block[], at: string, needs: NativeNeed[]): ChatMessage[] => {
  const results: ChatMessage[] = [];
  const parts: Part[] = [];
  for (const [index, block] of blocks.entries()) {
    if (block.type !== 'tool_result') {
      parts.push(...toPart(block, `${at}[${index}]`, needs));
      continue;
    }
    const content = (block['content'] ?? '') as string | Block[];
    const text = textOf(content);
    const id = String(block['tool_use_id'] ?? '');
    results.push({ role: 'tool', tool_call_id: id, content: block['is_error'] === true ? `Error: ${text}` : text });
    // A result in chat is text alone, so its images follow in the words of the user.
    const images = typeof content === 'string' ? [] : content.filter(({ type }) => type !== 'text');
    parts.push(...images.flatMap((image) => toPart(image, `${at}[${index}].content`, needs)));
  }
  if (parts.length === 0 && results.length > 0) return results;
  const isText = parts.length === 1 && parts[0]?.type === 'text';
  return [...results, { role: 'user', content: isText ? String(parts[0]?.['text']) : parts }];
};

const toPart = (block: Block, at: string, needs: NativeNeed[]): Part[] => {
  const source = (block['source'] ?? {}) as Record<string, unknown>;
  if (block.type === 'text') return [{ type: 'text', text: String(block['text'] ?? '') }];
  if (block.type === 'image' && (source['type'] === 'base64' || source['type'] === 'url')) {
    return [{ type: 'image_url', image_url: { url: urlOf(source) } }];
  }
  if (block.type === 'document' && source['type'] === 'base64') {
    const filename = typeof block['title'] === 'string' ? block['title'] : 'document.pdf';
    return [{ type: 'file', file: { filename, file_data: urlOf(source) } }];
  }
  if (block.type === 'document' && source['type'] === 'text') {
    return [{ type: 'text', text: String(source['data'] ?? '') }];
  }
  needs.push({ param: at, what: `Content of type "${block.type}"` });
  return [];
};

const urlOf = (source: Record<string, unknown>): string =>
  source['type'] === 'url' ? String(source['url']) : `data:${source['media_type']};base64,${source['data']}`;

const assistantMessage = (blocks: Block[], at: string, needs: NativeNeed[]): ChatMessage => {
  const texts: string[] = [];
  const calls: NonNullable<ChatMessage['tool_calls']> = [];
  for (const [index, block] of blocks.entries()) {
    if (block.type === 'text') texts.push(String(block['text'] ?? ''));
    else if (block.type === 'tool_use') {
      const call = { name: String(block['name']), arguments: JSON.stringify(block['input'] ?? {}) };
      calls.push({ id: String(block['id']), type: 'function', function: call });
    } else if (block.type !== 'thinking' && block.type !== 'redacted_thinking') {
      needs.push({ param: `${at}[${index}]`, what: `Content of type "${block.type}"` });
    }
  }
  const content = texts.length === 0 && calls.length > 0 ? null : texts.join('');
  return { role: 'assistant', content, ...(calls.length > 0 && { tool_calls: calls }) };
};

const toTool = (tool: NonNullable<MessagesBody['tools']>[number], param: string, needs: NativeNeed[]): Part => {
  if (tool.type != null && tool.type !== 'custom') needs.push({ param, what: `The tool "${tool.type}"` });
  const { name, description, input_schema } = tool;
  const strict = tool['strict'];
  return {
    type: 'function',
    function: {
      name,
      ...(typeof description === 'string' && { description }),
      parameters: input_schema ?? { type: 'object', properties: {} },
      ...(typeof strict === 'boolean' && { strict }),
    },
  };
};

const toToolChoice = (choice: MessagesBody['tool_choice']): unknown => {
  if (choice == null) return undefined;
  if (choice.type === 'any') return 'required';
  if (choice.type === 'tool') return { type: 'function', function: { name: choice.name } };
  return choice.type === 'none' ? 'none' : 'auto';
};

const effortOf = ({ thinking, output_config }: MessagesBody): string | undefined => {
  if (output_config?.effort != null) return output_config.effort;
  if (thinking == null || thinking.type === 'disabled') return undefined;
  const { budget_tokens: budget } = thinking;
  if (budget == null) return thinking.type === 'enabled' ? 'medium' : undefined;
  return EFFORTS.find(([upTo]) => budget <= upTo)?.[1] ?? 'high';
};

/** Structured output: Anthropic's schema, which is strict and has no name. */
const formatOf = ({ output_config, ...request }: MessagesBody): unknown => {
  const format = (output_config?.format ?? request['output_format']) as { type?: string; schema?: unknown } | undefined;
  if (format?.type !== 'json_schema') return undefined;
  return { type: 'json_schema', json_schema: { name: 'answer', schema: format.schema, strict: true } };
};
