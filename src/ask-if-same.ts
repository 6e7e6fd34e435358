import { checkChatRequest } from './contract/chat-request.ts';
import { GatewayError, toGatewayError } from './contract/errors.ts';
import type { ChatCompletion } from './contract/openai.ts';
import { AttemptRecorder } from './ledger/attempt-recorder.ts';
import { acquire } from './limits/acquire.ts';
import type { Passage } from './passage.ts';
import type { Ports, Runtime } from './ports.ts';

/** Longest wait for the verifier. */
export const VERIFIER_LIMIT_MS = 1_000;
/** Least share of the probability that is on yes. */
const LEAST_YES = 0.9;
/** Least probability on yes and no together: below it the model says something else. */
const LEAST_TOLD = 0.5;
const ESTIMATE = { promptTokens: 200, completionTokens: 1, isGuessed: false };

/**
 * Asks the weakest tier's first model for one token, yes or no, and reads how sure it is. False where it is not sure,
 * tells no log-probabilities, fails or takes too long. Never rejects.
 */
export const askIfSame = async (
  [one, other]: [string, string],
  { requestId, team, signal }: { requestId: string; team: string; signal: AbortSignal },
  passage: Passage,
  runtime: Runtime,
  { clock, counters, health }: Pick<Ports, 'clock' | 'counters' | 'health'>,
): Promise<boolean> => {
  const candidate = runtime.table.tiers[0]?.candidates[0];
  const upstream = candidate && runtime.upstreams.get(candidate.upstream);
  if (candidate === undefined || upstream?.state().state !== 'ready' || !health.tryAcquire(candidate)) return false;
  const body = {
    model: candidate.model,
    messages: [
      { role: 'system', content: 'Do these two questions have exactly the same answer? Reply with yes or no.' },
      { role: 'user', content: `Question 1: ${one}\n\nQuestion 2: ${other}` },
    ],
    max_tokens: 1,
    temperature: 0,
    logprobs: true,
    top_logprobs: 5,
  };
  const request = checkChatRequest({ text: JSON.stringify(body), body });
  const limit = new AbortController();
  const cancel = clock.after(VERIFIER_LIMIT_MS, () => limit.abort(TOO_LATE));
  let recorder: AttemptRecorder | null = null;
  try {
    const limits = runtime.config.routes.upstreams[candidate.upstream]?.limits;
    const place = await acquire(requestId, candidate.upstream, limits, ESTIMATE, counters);
    if (place.refusal !== null) throw place.refusal;
    recorder = new AttemptRecorder(passage.beginAside(candidate, place.hold), request);
    const answer = await upstream.chat({
      model: candidate.model,
      request,
      isStream: false,
      partition: team,
      session: `${requestId}.same`,
      signal: AbortSignal.any([signal, limit.signal]),
    });
    if (answer.kind !== 'plain') throw new GatewayError('internal_error', 'A plain answer was asked for.');
    recorder.completion(answer.completion);
    recorder.succeed();
    health.succeeded(candidate, recorder.firstContentMs);
    return isYes(answer.completion);
  } catch (thrown) {
    const error = toGatewayError(thrown);
    recorder?.fail(error);
    health.ended(candidate, error);
    return false;
  } finally {
    cancel();
  }
};

const TOO_LATE = new GatewayError('upstream_total_timeout', 'The verifier did not answer in time.', {
  isRetryable: true,
});

type WireToken = { token: string; logprob: number; top_logprobs?: { token: string; logprob: number }[] };

/** @see https://platform.openai.com/docs/api-reference/chat/object, `choices[].logprobs`. */
const isYes = ({ choices }: ChatCompletion): boolean => {
  const { content } = (choices[0]?.['logprobs'] ?? {}) as { content?: WireToken[] | null };
  const [first] = content ?? [];
  if (first === undefined) return false;
  const told = (first.top_logprobs?.length ?? 0) > 0 ? first.top_logprobs! : [first];
  const massOf = (word: string) =>
    told.reduce((sum, { token, logprob }) => sum + (token.trim().toLowerCase() === word ? Math.exp(logprob) : 0), 0);
  const [yes, no] = [massOf('yes'), massOf('no')];
  return yes + no >= LEAST_TOLD && yes / (yes + no) >= LEAST_YES;
};
