import { hasContent } from '../contract/chunk-content.ts';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { ChatCompletion } from '../contract/openai.ts';
import type { StreamPart } from '../contract/stream-part.ts';
import type { AttemptRecorder } from '../ledger/attempt-recorder.ts';
import type { Candidate } from '../routing/routing-table.ts';
import type { PartStream, Upstream } from '../upstreams/upstream.ts';
import type { ExecuteOptions } from './execute.ts';

/** An answer as one attempt gives it. */
export type AttemptAnswer =
  | { kind: 'plain'; completion: ChatCompletion; text: string }
  | { kind: 'stream'; parts: PartStream };

/**
 * Asks one model and waits until its answer is certain to begin: a plain one is complete, of a stream the first content
 * has come.
 * @param onFailure told when the stream breaks, before or after that.
 * @throws GatewayError what it fails with before that: another attempt may follow.
 */
export const attempt = async (
  upstream: Upstream,
  candidate: Candidate,
  recorder: AttemptRecorder,
  { request, partition, session, signal }: Pick<ExecuteOptions, 'request' | 'partition' | 'session' | 'signal'>,
  onFailure: (error: GatewayError) => void,
): Promise<AttemptAnswer> => {
  const { isStream } = request;
  const answer = await upstream.chat({ model: candidate.model, request, isStream, partition, session, signal });
  if (answer.kind === 'plain') {
    recorder.completion(answer.completion);
    recorder.succeed();
    return answer;
  }
  const rest = recorded(answer.parts, recorder, onFailure)[Symbol.asyncIterator]();
  const held: StreamPart[] = [];
  while (true) {
    const { done, value } = await rest.next();
    if (done) break;
    held.push(...value);
    if (value.some(({ chunk }) => hasContent(chunk))) break;
  }
  return { kind: 'stream', parts: resume(held, rest) };
};

/** What was held, then what follows. Leaving it early ends the upstream's call. */
export async function* resume(held: StreamPart[], rest: AsyncIterator<StreamPart[]>): AsyncGenerator<StreamPart[]> {
  try {
    if (held.length > 0) yield held;
    while (true) {
      const { done, value } = await rest.next();
      if (done) return;
      yield value;
    }
  } finally {
    await rest.return?.();
  }
}

/** Tells the recorder of everything that passes, and how it ended: complete, broken (`onFailure`), or left by its reader. */
export async function* recorded(
  parts: PartStream,
  recorder: AttemptRecorder,
  onFailure: (error: GatewayError) => void,
): AsyncGenerator<StreamPart[]> {
  let end: 'complete' | GatewayError = LEFT_EARLY;
  try {
    for await (const batch of parts) {
      for (const { chunk } of batch) recorder.chunk(chunk);
      yield batch;
    }
    end = 'complete';
  } catch (error) {
    end = toGatewayError(error);
    onFailure(end);
    throw error;
  } finally {
    if (end === 'complete') recorder.succeed();
    else recorder.fail(end);
  }
}

const LEFT_EARLY = new GatewayError('client_closed_request', 'The client closed the connection.');
