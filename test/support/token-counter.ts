import { get_encoding } from 'tiktoken';

/** Counts like a provider that uses o200k_base and OpenAI's published overheads for chat messages. */
const encoding = get_encoding('o200k_base');

export const countText = (text: string): number => encoding.encode_ordinary(text).length;

/** 3 tokens for each message and 3 that prime the answer, beside the role and the text of each message. */
export const countPrompt = (messages: readonly { role: string; content?: unknown }[]): number =>
  messages.reduce((sum, { role, content }) => sum + 3 + countText(role) + countText(String(content ?? '')), 3);
