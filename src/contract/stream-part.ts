import type { ChatCompletionChunk } from './openai.ts';

/** One `data:` of a stream: its JSON text as it goes to the client, and the same parsed. */
export type StreamPart = { text: string; chunk: ChatCompletionChunk };

export const toPart = (chunk: ChatCompletionChunk): StreamPart => ({ text: JSON.stringify(chunk), chunk });
