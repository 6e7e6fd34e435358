import type { ChatCompletionChunk } from './openai.ts';

/**
 * One `data:` of a stream: its JSON text as it goes to a client of chat completions, and the same parsed. `native`: it
 * came from an upstream that speaks the client's own format, and this is the whole event as that client gets it; `chunk`
 * is how the gateway reads it.
 */
export type StreamPart = { text: string; chunk: ChatCompletionChunk; native?: string };

export const toPart = (chunk: ChatCompletionChunk): StreamPart => ({ text: JSON.stringify(chunk), chunk });
