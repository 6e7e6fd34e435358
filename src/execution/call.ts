import type { ChatRequest } from '../contract/chat-request.ts';
import type { GatewayError } from '../contract/errors.ts';
import type { AttemptRecorder } from '../ledger/attempt-recorder.ts';
import type { Candidate } from '../routing/routing-table.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import type { ExecuteOptions } from './execute.ts';
import { CANCELLED } from './lane.ts';

/** One attempt under way. */
export type Call = {
  /** It asks in the client's own wire format: its upstream speaks that as well. */
  isNative: boolean;
  candidate: Candidate;
  upstream: Upstream;
  recorder: AttemptRecorder;
  /** Its answer is the client's: from now on `onFailure` counts against the model. */
  isOut: boolean;
  /** Told when its stream breaks. Before it is out, whoever waits for the call counts the failure. */
  onFailure(error: GatewayError): void;
};

/** Why a model is not asked now, in words; `error` where its upstream is at a limit of ours. */
export type NotNow = { reason: string; error: GatewayError | null };

/**
 * Begins a call where the model's circuit and the limits of its upstream let it.
 * @param candidate one whose upstream is configured.
 * @param isJudged the answer is to be judged by its certainty, which only chat completions tell: they are asked for
 * where they can say what is wanted.
 */
export const beginCall = async (
  candidate: Candidate,
  options: ExecuteOptions,
  isJudged: boolean,
): Promise<Call | NotNow> => {
  const { upstreams, record, health, request } = options;
  if (!health.tryAcquire(candidate)) {
    return { reason: `${candidate.upstream}/${candidate.model}: circuit open`, error: null };
  }
  const place = await options.acquire(candidate).catch((error: unknown) => {
    health.ended(candidate, CANCELLED);
    throw error;
  });
  if (place.refusal !== null) {
    health.ended(candidate, CANCELLED);
    return { reason: place.reason, error: place.refusal };
  }
  const upstream = upstreams.get(candidate.upstream) as Upstream;
  const call: Call = {
    candidate,
    upstream,
    isNative: isNativeAt(upstream, request, isJudged),
    recorder: record(candidate, place.hold),
    isOut: false,
    onFailure: (error) => {
      if (call.isOut) health.ended(candidate, error);
    },
  };
  return call;
};

const isNativeAt = ({ apis }: Upstream, { native }: ChatRequest, isJudged: boolean): boolean =>
  native !== undefined && apis.has(native.api) && !(isJudged && native.need === null && apis.has('chat'));
