import type { ChatRequest } from '../contract/chat-request.ts';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { AttemptRecorder } from '../ledger/attempt-recorder.ts';
import type { Clock } from '../lib/clock.ts';
import type { Candidate } from '../routing/routing-table.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import { type AttemptAnswer, attempt } from './attempt.ts';
import { cascade, type Escalation } from './cascade.ts';
import type { ModelHealth } from './model-health.ts';
import { pause, retryDelayMs } from './retry-budget.ts';

/** An answer that is certain to begin: the first content of a stream has come, but none of it has left. */
export type Completion = {
  candidate: Candidate;
  /** Why earlier attempts did not answer, in words for the reason header. */
  failures: string[];
  /** What the answer has used so far; complete once it has ended. */
  recorder: Pick<AttemptRecorder, 'tokens'>;
} & AttemptAnswer;

export type ExecuteOptions = {
  attempts: Candidate[];
  request: ChatRequest;
  upstreams: ReadonlyMap<string, Upstream>;
  partition: string;
  /** The conversation's key: a local host finds its KV prefix by it. */
  session: string;
  signal: AbortSignal;
  /** Starts the record of one attempt. */
  record(candidate: Candidate): AttemptRecorder;
  /** How an unsure answer is handed to a stronger tier; null where the route does not ask for it. */
  escalation: Escalation | null;
  /** Times that the whole list may be gone through again after every model in it failed. */
  retries: number;
  health: ModelHealth;
  clock: Clock;
  random(): number;
};

/**
 * Asks the models in order until one answers. Each attempt starts from the untouched request; none starts once content
 * of another has left, so a client sees one answer from one model. After a failure the next model is asked at once; only
 * when all have failed is there a pause, and each upstream's retry budget says whether it may be asked again.
 * @throws GatewayError of the last attempt, or the signal's reason as soon as the client leaves.
 */
export const execute = async (options: ExecuteOptions): Promise<Completion> => {
  const failures: string[] = [];
  let last: GatewayError | null = null;
  for (let round = 0; round <= options.retries; round++) {
    if (round > 0) {
      const delay = retryDelayMs(round, options.random(), last?.retryAfterSeconds);
      if (delay > LONGEST_PAUSE_MS) break;
      await pause(delay, options.clock, options.signal);
    }
    const outcome = await goThrough(options, round > 0, failures);
    if ('candidate' in outcome) return outcome;
    last = outcome.error ?? last;
  }
  throw last ?? new GatewayError('no_upstream_available', `No model can be asked now: ${failures.join('; ')}.`, LATER);
};

/** A client had better hear of a longer wait than sit through it. */
const LONGEST_PAUSE_MS = 5_000;
const LATER = { isRetryable: true, retryAfterSeconds: 5 };

const goThrough = async (
  options: ExecuteOptions,
  isRetry: boolean,
  failures: string[],
): Promise<Completion | { error: GatewayError | null }> => {
  const { health, escalation } = options;
  let error: GatewayError | null = null;
  /** Tiers up to this rank were not sure enough. */
  let unsureRank = -1;
  for (const candidate of options.attempts) {
    const upstream = options.upstreams.get(candidate.upstream);
    if (upstream === undefined || rankOf(escalation, candidate) <= unsureRank) continue;
    const budget = health.budgetOf(candidate.upstream);
    if (isRetry && !budget.trySpend()) continue;
    if (!isRetry) budget.earn();
    if (!health.tryAcquire(candidate)) {
      failures.push(`${candidate.upstream}/${candidate.model}: circuit open`);
      continue;
    }
    const recorder = options.record(candidate);
    let isOut = false;
    // A stream that breaks after its answer has gone out says as much of the model as one that breaks before.
    const onFailure = (broken: GatewayError) => {
      if (isOut) health.ended(candidate, broken);
    };
    try {
      const canEscalate =
        escalation !== null && options.attempts.some((other) => isStronger(escalation, other, candidate));
      const outcome = canEscalate
        ? await cascade(upstream, candidate, recorder, escalation, options, onFailure)
        : await attempt(upstream, candidate, recorder, options, onFailure);
      health.succeeded(candidate, recorder.firstContentMs);
      isOut = outcome.kind === 'stream';
      if (outcome.kind !== 'unsure') return { candidate, failures, recorder, ...outcome };
      failures.push(outcome.reason);
      unsureRank = rankOf(escalation, candidate);
    } catch (thrown) {
      error = toGatewayError(thrown);
      recorder.fail(error);
      health.ended(candidate, error);
      if (!error.isRetryable || options.signal.aborted) throw error;
      failures.push(`${candidate.upstream} failed: ${error.code}`);
    }
  }
  return { error };
};

const rankOf = (escalation: Escalation | null, { tier }: Candidate): number => escalation?.ranks.get(tier) ?? 0;

const isStronger = (escalation: Escalation, other: Candidate, candidate: Candidate): boolean =>
  rankOf(escalation, other) > rankOf(escalation, candidate);
