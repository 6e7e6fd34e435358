import type { ConfidenceTable } from '../contract/confidence-table.ts';
import { GatewayError } from '../contract/errors.ts';
import { FoldedAnswer } from '../contract/fold-chunks.ts';
import { type StreamPart, toPart } from '../contract/stream-part.ts';
import type { Candidate } from '../routing/routing-table.ts';
import type { PartStream } from '../upstreams/upstream.ts';
import { faultOf } from './answer-check.ts';
import { type Answered, recorded, resume } from './attempt.ts';
import type { Call } from './call.ts';
import { type Certainty, confidenceOf } from './confidence.ts';
import type { ExecuteOptions } from './execute.ts';
import { holdBack } from './hold-back.ts';
import { openLane } from './lane.ts';
import { withoutCertainty } from './read-certainty.ts';

/** How a route hands unsure answers to a stronger tier. */
export type Escalation = {
  /** 0 to 1. */
  minConfidence: number;
  /** Scored tokens to hold back, at most. */
  tokens: number;
  /** Milliseconds to hold them back, at most. */
  maxHoldMs: number;
  /** Also judge a complete plain answer: empty, in a loop, refusing, cut off, or not the JSON that was asked for. */
  check: boolean;
  /** Ask the stronger tier beside this one once the time to hold is over, and take whichever answers first. */
  hedge: boolean;
  /** When every stronger model fails, answer with the unsure one after all. */
  keepsUnsure: boolean;
  /** Rank of each tier, from 0, the weakest. */
  ranks: ReadonlyMap<string, number>;
  tableOf(candidate: Candidate): ConfidenceTable;
};

export type Unsure = { kind: 'unsure'; reason: string };

/**
 * Asks a model and holds the beginning of its answer back until it can be judged by the model's own certainty. A sure
 * answer goes on as if nothing had been held; an unsure one is broken off, and nobody has seen any of it. An upstream
 * that tells nothing of its certainty cannot be judged: its answer goes on. @throws GatewayError as `attempt` does.
 */
export const cascade = async (
  call: Call,
  escalation: Escalation,
  options: ExecuteOptions,
): Promise<Answered | Unsure> => {
  const { upstream, candidate, recorder } = call;
  const { request, partition, session, clock } = options;
  const lane = openLane(options.signal);
  const answer = await upstream.chat({
    model: candidate.model,
    request,
    isStream: true,
    certaintyTokens: escalation.tokens,
    partition,
    session,
    signal: lane.signal,
  });
  if (answer.kind === 'plain')
    throw new GatewayError('internal_error', 'A stream was asked for and a plain answer came.');
  const limits = { tokens: escalation.tokens, ms: escalation.maxHoldMs, isToldOnce: upstream.kind === 'llama' };
  const held = await holdBack(recorded(answer.parts, call), limits, clock);
  const verdict = judge(held.certainty, candidate, escalation);
  if (verdict !== null) {
    recorder.escalate();
    lane.cancel();
    // A stalled stream ends only because it was cancelled; nobody need wait for it.
    held.rest.return?.().catch(() => {});
    return verdict;
  }
  const parts = cleaned(resume(held.parts, held.rest), request.body.logprobs === true);
  if (request.isStream) return { kind: 'answered', answer: { kind: 'stream', parts }, by: call };
  return fold(parts, call, escalation, options);
};

const judge = (
  certainty: Certainty | null,
  candidate: Candidate,
  { minConfidence, tableOf }: Escalation,
): Unsure | null => {
  if (certainty === null) return null;
  const table = tableOf(candidate);
  const confidence = confidenceOf(certainty, table);
  if (confidence >= minConfidence) return null;
  const shown = `${confidence.toFixed(2)} < ${minConfidence.toFixed(2)}`;
  return {
    kind: 'unsure',
    reason: `escalated: confidence ${shown} (${table.figure} ${certainty[table.figure].toFixed(2)})`,
  };
};

/** The rest of a plain answer, which is held to its end, so that it can be checked whole. */
const fold = async (
  parts: PartStream,
  call: Call,
  { check }: Escalation,
  { request }: ExecuteOptions,
): Promise<Answered | Unsure> => {
  const folded = new FoldedAnswer();
  for await (const batch of parts) for (const { chunk } of batch) folded.add(chunk);
  const completion = folded.completion();
  if (completion === null) {
    throw new GatewayError('upstream_interrupted', 'The answer ended without a finish reason.', { isRetryable: true });
  }
  const fault = check ? faultOf(completion, request.body) : null;
  if (fault === null) {
    return { kind: 'answered', answer: { kind: 'plain', completion, text: JSON.stringify(completion) }, by: call };
  }
  return { kind: 'unsure', reason: `escalated: the answer ${fault}` };
};

/** Takes out what we asked the upstream for and the client did not. */
async function* cleaned(parts: PartStream, keepsLogprobs: boolean): AsyncGenerator<StreamPart[]> {
  for await (const batch of parts)
    yield batch.map((part) => (isClean(part, keepsLogprobs) ? part : toPart(withoutCertainty(part.chunk))));
}

const isClean = ({ chunk }: StreamPart, keepsLogprobs: boolean): boolean =>
  keepsLogprobs || (chunk['rightsize'] === undefined && chunk.choices.every(({ logprobs }) => logprobs == null));
