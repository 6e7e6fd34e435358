import type { ChatCompletion } from '../contract/openai.ts';
import { takeOutKeys } from './presets/own-keys.ts';
import type { ChatAnswer } from './upstream.ts';
import { fromErrorBody, invalidResponse } from './upstream-errors.ts';

/** A plain answer of an upstream may have at most this many bytes. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * The bytes of an answer as text.
 * @throws GatewayError `upstream_invalid_response` beyond `limit` bytes.
 */
export const readText = async (upstream: string, bytes: AsyncIterable<Uint8Array>, limit: number): Promise<string> => {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bytes) {
    size += piece.byteLength;
    if (size > limit) throw invalidResponse(upstream, `sent an answer beyond ${limit} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
};

/**
 * A plain answer, checked for what clients need of it and without the keys in `ownKeys`.
 * @throws GatewayError `upstream_invalid_response` when it is no chat completion; `upstream_error` when a status of
 * 200 carries an error, which clients would take for an answer.
 */
export const parsePlainAnswer = (
  upstream: string,
  text: string,
  ownKeys: readonly string[] = [],
): ChatAnswer & { kind: 'plain' } => {
  let completion: ChatCompletion;
  try {
    completion = JSON.parse(text) as ChatCompletion;
  } catch {
    throw invalidResponse(upstream, 'answered with something that is not JSON');
  }
  if (typeof completion === 'object' && completion !== null && completion['error'] != null) {
    throw fromErrorBody(upstream, text);
  }
  if (!Array.isArray(completion?.choices) || completion.choices.some((choice) => choice?.message == null)) {
    throw invalidResponse(upstream, 'answered without choices');
  }
  if (completion.choices.length === 0) throw invalidResponse(upstream, 'answered with no choice at all');
  return { kind: 'plain', completion, text: takeOutKeys(completion, ownKeys) ? JSON.stringify(completion) : text };
};
