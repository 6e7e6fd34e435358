import { toGatewayError } from '../contract/errors.ts';
import type { Candidate } from '../routing/routing-table.ts';
import { type Answered, attempt } from './attempt.ts';
import { beginCall, type Call } from './call.ts';
import { cascade, type Escalation, type Unsure } from './cascade.ts';
import type { ExecuteOptions } from './execute.ts';
import { CANCELLED, openLane } from './lane.ts';

/**
 * A cascade that does not make the client wait for it: when its verdict is not there within the time to hold, the
 * stronger model is asked beside it. The first that can answer does, and the other is cancelled. The price is that some
 * requests pay for both. @throws GatewayError when both fail: the first one's.
 */
export const hedge = async (
  first: Call,
  stronger: Candidate,
  escalation: Escalation,
  options: ExecuteOptions,
): Promise<Answered | Unsure> => {
  const lane = openLane(options.signal);
  const patient = { ...escalation, maxHoldMs: Number.POSITIVE_INFINITY };
  const verdict = cascade(first, patient, { ...options, signal: lane.signal });
  const isLate = new Promise<'late'>((resolve) => {
    const cancel = options.clock.after(escalation.maxHoldMs, () => resolve('late'));
    verdict.then(cancel, cancel);
  });
  const early = await Promise.race([verdict, isLate]);
  if (early !== 'late') return early;
  const second = await beginCall(stronger, options, false);
  if ('reason' in second) return verdict;

  const other = openLane(options.signal);
  const answer = attempt(second, { ...options, signal: other.signal }).catch((error: unknown) => {
    second.recorder.fail(toGatewayError(error));
    options.health.ended(stronger, toGatewayError(error));
    return null;
  });
  const sure = verdict.then(
    (outcome) => (outcome.kind === 'unsure' ? null : outcome),
    (error: unknown) => {
      first.recorder.fail(toGatewayError(error));
      return null;
    },
  );
  const winner = await firstOf(sure, answer);
  if (winner === null) return verdict;
  if (winner.by === first) {
    options.health.ended(stronger, CANCELLED);
    second.recorder.fail(CANCELLED);
    other.cancel();
    discard(answer);
  } else {
    first.recorder.fail(CANCELLED);
    lane.cancel();
    // Its circuit must hear of its end, or a probe that lost would keep its place for ever.
    verdict.then(
      () => options.health.succeeded(first.candidate, first.recorder.firstContentMs),
      (error: unknown) => options.health.ended(first.candidate, toGatewayError(error)),
    );
    discard(sure);
  }
  return winner;
};

/** Closes an answer that comes after all: beginning to read it and leaving ends its upstream's call. */
const discard = (late: Promise<Answered | null>): void => {
  late
    .then(async (answered) => {
      if (answered?.answer.kind !== 'stream') return;
      for await (const _batch of answered.answer.parts) break;
    })
    .catch(() => {});
};

/** The first of the two that is not null; null when neither is. */
const firstOf = async (a: Promise<Answered | null>, b: Promise<Answered | null>): Promise<Answered | null> =>
  (await Promise.race([a, b])) ?? (await a) ?? (await b);
