import type { Readable } from 'node:stream';
import type { ChatCompletion } from '../contract/openai.ts';
import { contentAsText } from './content-as-text.ts';
import { takeOutKeys } from './presets/own-keys.ts';
import { repairToolCalls } from './repair-tool-calls.ts';
import type { ChatAnswer } from './upstream.ts';
import { fromErrorBody, invalidResponse } from './upstream-errors.ts';

/** A plain answer of an upstream may have at most this many bytes. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * The bytes of an answer as text. Listens to events: an async iterator costs some ten microseconds for each answer.
 * @param onPiece called for each piece that comes.
 * @throws GatewayError `upstream_invalid_response` beyond `limit` bytes; what the body fails with.
 */
export const readText = (upstream: string, body: Readable, limit: number, onPiece: () => void): Promise<string> =>
  new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    body
      .on('data', (piece: Buffer) => {
        onPiece();
        size += piece.byteLength;
        pieces.push(piece);
        if (size > limit) reject(invalidResponse(upstream, `sent an answer beyond ${limit} bytes`));
      })
      .once('end', () =>
        resolve(pieces.length === 1 ? pieces[0]!.toString('utf8') : Buffer.concat(pieces).toString('utf8')),
      )
      .once('error', reject)
      .once('close', () => reject(new Error('the body was closed before its end')));
  });

/**
 * A plain answer, checked for what clients need of it and without the keys in `ownKeys`.
 * @throws GatewayError `upstream_invalid_response` when it is no chat completion; `upstream_error` when a status of
 * 200 carries an error, which clients would take for an answer.
 */
export const parsePlainAnswer = (
  upstream: string,
  text: string,
  ownKeys: readonly string[] = [],
  now = 0,
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
  const repairs = completion.choices.map(({ message }) => contentAsText(message));
  repairs.push(repairToolCalls(completion, now), takeOutKeys(completion, ownKeys));
  const isChanged = repairs.includes(true);
  return { kind: 'plain', completion, text: isChanged ? JSON.stringify(completion) : text };
};
