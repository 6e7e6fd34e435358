import type { ChatRequest } from '../contract/chat-request.ts';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import { FoldedAnswer } from '../contract/fold-chunks.ts';
import type { Clock } from '../lib/clock.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import { resume } from './attempt.ts';
import type { Certainty } from './confidence.ts';
import { holdBack } from './hold-back.ts';
import { pause, retryDelayMs } from './retry-budget.ts';

export type AskOptions = {
  upstream: Upstream;
  model: string;
  request: ChatRequest;
  /** Scored tokens that certainty is drawn from, as a route's `escalate.tokens`. */
  tokens: number;
  session: string;
  signal: AbortSignal;
  clock: Clock;
  random(): number;
};

/** A whole answer with the certainty that a cascade would have judged it by; null where the upstream told none. */
export type CertainAnswer = { text: string; certainty: Certainty | null };

const RETRIES = 2;

/**
 * Asks as a cascade asks and reads certainty as it does, but takes all the time that the tokens need, and then the
 * whole answer. What may succeed later is tried twice more.
 * @throws GatewayError as `Upstream.chat`, or the signal's reason.
 */
export const askWithCertainty = async (options: AskOptions): Promise<CertainAnswer> => {
  const { clock, signal, random } = options;
  for (let retry = 1; ; retry++) {
    try {
      return await askOnce(options);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (signal.aborted || !error.isRetryable || retry > RETRIES) throw error;
      await pause(retryDelayMs(retry, random(), error.retryAfterSeconds), clock, signal);
    }
  }
};

const askOnce = async (options: AskOptions): Promise<CertainAnswer> => {
  const { upstream, model, request, tokens, session, signal, clock } = options;
  const answer = await upstream.chat({
    model,
    request,
    isStream: true,
    certaintyTokens: tokens,
    partition: 'calibration',
    session,
    signal,
  });
  if (answer.kind === 'plain') {
    throw new GatewayError('internal_error', 'A stream was asked for and a plain answer came.');
  }
  const limits = { tokens, ms: Number.POSITIVE_INFINITY, isToldOnce: upstream.kind === 'llama' };
  const held = await holdBack(answer.parts, limits, clock);
  const folded = new FoldedAnswer();
  for await (const batch of resume(held.parts, held.rest)) for (const { chunk } of batch) folded.add(chunk);
  const content = folded.completion()?.choices[0]?.message.content;
  return { text: typeof content === 'string' ? content : '', certainty: held.certainty };
};
