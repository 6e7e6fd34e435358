import type { ChatRequest } from '../contract/chat-request.ts';
import { hasContent } from '../contract/chunk-content.ts';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { ChatCompletion } from '../contract/openai.ts';
import type { AttemptRecorder } from '../ledger/attempt-recorder.ts';
import type { Candidate } from '../routing/routing-table.ts';
import type { PartStream, StreamPart, Upstream } from '../upstreams/upstream.ts';

/** An answer that is certain to begin: the first content of a stream has come, but none of it has left. */
export type Completion = {
  candidate: Candidate;
  /** Why earlier attempts did not answer, in words for the reason header. */
  failures: string[];
  /** What the answer has used so far; complete once it has ended. */
  recorder: Pick<AttemptRecorder, 'tokens'>;
} & ({ kind: 'plain'; completion: ChatCompletion; text: string } | { kind: 'stream'; parts: PartStream });

export type ExecuteOptions = {
  attempts: Candidate[];
  request: ChatRequest;
  upstreams: ReadonlyMap<string, Upstream>;
  partition: string;
  signal: AbortSignal;
  /** Starts the record of one attempt. */
  record(candidate: Candidate): AttemptRecorder;
};

/**
 * Asks the models in order until one answers. Each attempt starts from the untouched request; none starts once content
 * of another has come, so a client sees one answer from one model. Stops at once when the client leaves.
 * @throws GatewayError of the last attempt.
 */
export const execute = async (options: ExecuteOptions): Promise<Completion> => {
  const failures: string[] = [];
  let last: GatewayError | null = null;
  for (const candidate of options.attempts) {
    const upstream = options.upstreams.get(candidate.upstream);
    if (upstream === undefined) continue;
    const recorder = options.record(candidate);
    try {
      return { candidate, failures, recorder, ...(await attempt(upstream, candidate, recorder, options)) };
    } catch (thrown) {
      const error = toGatewayError(thrown);
      recorder.fail(error);
      if (!error.isRetryable || options.signal.aborted) throw error;
      failures.push(`${candidate.upstream} failed: ${error.code}`);
      last = error;
    }
  }
  throw last ?? new GatewayError('no_upstream_available', 'No configured upstream can answer this request.');
};

const attempt = async (
  upstream: Upstream,
  candidate: Candidate,
  recorder: AttemptRecorder,
  { request, partition, signal }: ExecuteOptions,
) => {
  const answer = await upstream.chat({ model: candidate.model, request, partition, signal });
  if (answer.kind === 'plain') {
    recorder.completion(answer.completion);
    recorder.succeed();
    return answer;
  }
  return { kind: 'stream' as const, parts: await untilContent(answer.parts, recorder) };
};

/**
 * Waits for the first content of a stream; what came before it is held and sent along.
 * @throws GatewayError what the stream fails with before its first content: another attempt may follow.
 */
const untilContent = async (parts: PartStream, recorder: AttemptRecorder): Promise<PartStream> => {
  const iterator = parts[Symbol.asyncIterator]();
  const held: StreamPart[] = [];
  while (true) {
    const { done, value } = await iterator.next();
    if (done) break;
    for (const { chunk } of value) recorder.chunk(chunk);
    held.push(...value);
    if (value.some(({ chunk }) => hasContent(chunk))) break;
  }
  return resume(held, iterator, recorder);
};

async function* resume(
  held: StreamPart[],
  iterator: AsyncIterator<StreamPart[]>,
  recorder: AttemptRecorder,
): AsyncGenerator<StreamPart[]> {
  let end: 'complete' | GatewayError = LEFT_EARLY;
  try {
    yield held;
    while (true) {
      const { done, value } = await iterator.next();
      if (done) break;
      for (const { chunk } of value) recorder.chunk(chunk);
      yield value;
    }
    end = 'complete';
  } catch (error) {
    end = toGatewayError(error);
    throw error;
  } finally {
    if (end === 'complete') recorder.succeed();
    else recorder.fail(end);
    await iterator.return?.();
  }
}

const LEFT_EARLY = new GatewayError('client_closed_request', 'The client closed the connection.');
