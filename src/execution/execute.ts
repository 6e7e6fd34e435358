import type { ChatRequest } from '../contract/chat-request.ts';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { AttemptRecorder } from '../ledger/attempt-recorder.ts';
import type { Clock } from '../lib/clock.ts';
import type { Place } from '../limits/acquire.ts';
import type { Hold } from '../limits/counters.ts';
import type { Candidate } from '../routing/routing-table.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import { type AttemptAnswer, attempt } from './attempt.ts';
import { beginCall } from './call.ts';
import { cascade, type Escalation } from './cascade.ts';
import { hedge } from './hedge.ts';
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
  /** The upstream to which what only its maker can read belongs; null where nobody knows. */
  home?: string | null;
  signal: AbortSignal;
  /** A place at the candidate's upstream, or why there is none now. */
  acquire(candidate: Candidate): Promise<Place>;
  /** Starts the record of one attempt; its place is given back when it ends. */
  record(candidate: Candidate, hold: Hold): AttemptRecorder;
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
  const run: Run = { failures: [], error: null, unsure: null };
  for (let round = 0; round <= options.retries; round++) {
    if (round > 0) {
      const delay = retryDelayMs(round, options.random(), run.error?.retryAfterSeconds);
      if (delay > LONGEST_PAUSE_MS) break;
      await pause(delay, options.clock, options.signal);
    }
    const completion = await goThrough(options, run, round > 0);
    if (completion !== null) return completion;
  }
  const { unsure, failures } = run;
  if (unsure !== null && options.escalation?.keepsUnsure) {
    const completion = await ask(unsure, { ...options, escalation: null }, run);
    if (completion !== null) return completion;
  }
  throw (
    run.error ?? new GatewayError('no_upstream_available', `No model can be asked now: ${failures.join('; ')}.`, LATER)
  );
};

/** A client had better hear of a longer wait than sit through it. */
const LONGEST_PAUSE_MS = 5_000;
const LATER = { isRetryable: true, retryAfterSeconds: 5 };

/** What became of the attempts so far: reasons in words, the last error, and the strongest model that was not sure. */
type Run = { failures: string[]; error: GatewayError | null; unsure: Candidate | null };

const goThrough = async (options: ExecuteOptions, run: Run, isRetry: boolean): Promise<Completion | null> => {
  for (const candidate of options.attempts) {
    const isTooWeak = run.unsure !== null && rankOf(options, candidate) <= rankOf(options, run.unsure);
    if (isTooWeak || !options.upstreams.has(candidate.upstream)) continue;
    const budget = options.health.budgetOf(candidate.upstream);
    if (isRetry && !budget.trySpend()) continue;
    if (!isRetry) budget.earn();
    const completion = await ask(candidate, options, run);
    if (completion !== null) return completion;
  }
  return null;
};

/** Asks one model; null when it failed or was not sure, which `run` then tells. @throws what ends the whole request. */
const ask = async (candidate: Candidate, options: ExecuteOptions, run: Run): Promise<Completion | null> => {
  const { health, escalation } = options;
  const stronger = options.attempts.find((other) => rankOf(options, other) > rankOf(options, candidate));
  const call = await beginCall(candidate, options, escalation !== null && stronger !== undefined);
  if ('reason' in call) {
    run.failures.push(call.reason);
    run.error = call.error ?? run.error;
    return null;
  }
  try {
    const outcome =
      escalation === null || stronger === undefined || call.isNative
        ? await attempt(call, options)
        : escalation.hedge
          ? await hedge(call, stronger, escalation, options)
          : await cascade(call, escalation, options);
    if (outcome.kind === 'unsure') {
      health.succeeded(candidate, call.recorder.firstContentMs);
      run.failures.push(outcome.reason);
      run.unsure = candidate;
      return null;
    }
    const { kind: _kind, answer, by } = outcome;
    health.succeeded(by.candidate, by.recorder.firstContentMs);
    by.isOut = true;
    by.recorder.serve();
    if (by !== call) run.failures.push(`hedged: ${candidate.upstream} was not done in time`);
    return { candidate: by.candidate, recorder: by.recorder, failures: run.failures, ...answer };
  } catch (thrown) {
    const error = toGatewayError(thrown);
    call.recorder.fail(error);
    health.ended(candidate, error);
    if (!error.isRetryable || options.signal.aborted) throw error;
    run.failures.push(`${candidate.upstream} failed: ${error.code}`);
    run.error = error;
    return null;
  }
};

const rankOf = ({ escalation }: ExecuteOptions, { tier }: Candidate): number => escalation?.ranks.get(tier) ?? 0;
