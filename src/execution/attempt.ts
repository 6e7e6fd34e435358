import { hasContent } from '../contract/chunk-content.ts';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { ChatCompletion } from '../contract/openai.ts';
import type { StreamPart } from '../contract/stream-part.ts';
import type { PartStream } from '../upstreams/upstream.ts';
import type { Call } from './call.ts';
import type { ExecuteOptions } from './execute.ts';

/** An answer as one attempt gives it. */
export type AttemptAnswer =
  | { kind: 'plain'; completion: ChatCompletion; text: string; native?: string }
  | { kind: 'stream'; parts: PartStream };

/** An answer, and the call that gave it. */
export type Answered = { kind: 'answered'; answer: AttemptAnswer; by: Call };

/**
 * Asks one model and waits until its answer is certain to begin: a plain one is complete, of a stream the first content
 * has come.
 * @throws GatewayError what it fails with before that: another attempt may follow.
 */
export const attempt = async (
  call: Call,
  options: Pick<ExecuteOptions, 'request' | 'partition' | 'session' | 'home' | 'signal'>,
): Promise<Answered> => {
  const { upstream, recorder, isNative } = call;
  const { model } = call.candidate;
  const { request, partition, session, home = null, signal } = options;
  const { isStream } = request;
  const answer = await upstream.chat({ model, request, isStream, isNative, partition, session, home, signal });
  if (answer.kind === 'plain') {
    recorder.completion(answer.completion);
    recorder.succeed();
    return { kind: 'answered', answer, by: call };
  }
  const rest = recorded(answer.parts, call)[Symbol.asyncIterator]();
  const held: StreamPart[] = [];
  while (true) {
    const { done, value } = await rest.next();
    if (done) break;
    held.push(...value);
    if (value.some(({ chunk }) => hasContent(chunk))) break;
  }
  return { kind: 'answered', answer: { kind: 'stream', parts: resume(held, rest) }, by: call };
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

/** Tells the call of everything that passes, and how it ended: complete, broken, or left by its reader. */
export async function* recorded(parts: PartStream, { recorder, onFailure }: Call): AsyncGenerator<StreamPart[]> {
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
