import type { AnswerPlan } from './answer-plan.ts';
import { AnswerWriter, type Step, type WriterOptions } from './answer-writer.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { Sampling } from './sampling.ts';
import type { Borrower, SequencePool } from './sequence-pool.ts';
import { TokenSource } from './token-source.ts';

export type GenerationRequest = WriterOptions & { sampling: Sampling; borrower: Borrower };

export type GenerationPart = { type: 'prompt-read'; cachedTokens: number } | ({ type: 'step' } & Step);

/** Prompt tokens for each step: small enough that answers that are already being written do not stall. */
const PREFILL_TOKENS = 64;
/** Tokens that may be written for the model in the middle of its answer. */
const FORCED_TOKENS = 16;

/** How many tokens an answer may have: what the client allows and the context has left. */
export const tokenBudget = ({ contextTokens }: LoadedModel, plan: AnswerPlan, asked: number | null): number => {
  const isForced = plan.calls !== null || plan.contentGrammar !== null;
  const left = contextTokens - plan.promptTokens.length - (isForced ? FORCED_TOKENS : 0);
  return Math.max(1, Math.min(asked ?? Number.POSITIVE_INFINITY, left));
};

/**
 * Reads the prompt and writes the answer: one `prompt-read`, then steps, the last with `finish`. An abort takes effect
 * within one token, and however the iteration ends the sequence is free again.
 * @throws what `SequencePool.acquire` throws; the signal's reason when it aborts; any engine failure.
 */
export async function* generate(
  { model, engine }: LoadedModel,
  pool: SequencePool,
  request: GenerationRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerationPart> {
  const { promptTokens, forcedText } = request.plan;
  const tokens = [...promptTokens, ...(forcedText === '' ? [] : model.tokenize(forcedText, true))];
  const lease = await pool.acquire(tokens, request.borrower, signal);
  let isDamaged = false;
  let source: TokenSource | null = null;
  try {
    const { sequence } = lease;
    const cachedTokens = Math.min(sequence.nextTokenIndex, promptTokens.length);
    const lastIndex = tokens.length - 1;
    for (let start: number = sequence.nextTokenIndex; start < lastIndex; start += PREFILL_TOKENS) {
      signal.throwIfAborted();
      const end = Math.min(start + PREFILL_TOKENS, lastIndex);
      await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(start, end));
    }
    yield { type: 'prompt-read', cachedTokens };
    source = new TokenSource(engine, model, sequence, request.sampling, [tokens[lastIndex]!]);
    const writer = new AnswerWriter(model, source, request);
    for await (const step of writer.steps(signal)) yield { type: 'step', ...step };
  } catch (error) {
    isDamaged = !signal.aborted;
    throw error;
  } finally {
    await source?.end();
    lease.release({ isDamaged });
  }
}
