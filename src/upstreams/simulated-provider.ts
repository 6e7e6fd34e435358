import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { completionToChunks } from '../contract/completion-to-chunks.ts';
import type { ChatCompletion } from '../contract/openai.ts';
import { newId } from '../lib/id.ts';

/** The name under which the simulation answers, so that nobody takes it for a real model. */
export const SIMULATED_MODEL = 'simulated-large';

const MAX_BODY_BYTES = 32 * 1024 * 1024;

/**
 * A stand-in for a large cloud model, for `rightsize demo`: an OpenAI-compatible server on loopback whose every answer
 * says that it is simulated. It counts words as tokens. The caller listens on it and closes it.
 */
export const createSimulatedProvider = (): Server =>
  createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > MAX_BODY_BYTES) throw new Error('the body is too large');
    pieces.push(piece);
  }
  const body = JSON.parse(Buffer.concat(pieces).toString('utf8')) as { stream?: boolean; messages: unknown };
  const completion = simulate(JSON.stringify(body.messages));
  if (body.stream !== true) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(completion));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const chunk of completionToChunks(completion)) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  response.end('data: [DONE]\n\n');
};

const simulate = (prompt: string): ChatCompletion => {
  const content =
    'This answer is simulated: it stands where a large cloud model would answer. ' +
    'Set a cloud key and run `rightsize serve` to get real ones.';
  const promptTokens = countWords(prompt);
  const completionTokens = countWords(content);
  return {
    id: newId('chatcmpl', Date.now()),
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model: SIMULATED_MODEL,
    choices: [
      { index: 0, message: { role: 'assistant', content, refusal: null }, logprobs: null, finish_reason: 'stop' },
    ],
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  };
};

const countWords = (text: string): number => text.split(/\s+/).filter((word) => word !== '').length;
