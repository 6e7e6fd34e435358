import type { Token } from 'node-llama-cpp';
import type { AnswerPlan } from './answer-plan.ts';
import { AnswerWriter, type Step, type WriterOptions } from './answer-writer.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { Sampling } from './sampling.ts';
import type { Borrower, Lease, SequencePool } from './sequence-pool.ts';
import { TokenSource } from './token-source.ts';

export type GenerationRequest = WriterOptions & { sampling: Sampling; borrower: Borrower };

export type GenerationPart = { type: 'prompt-read'; cachedTokens: number } | ({ type: 'step' } & Step);

/** Tokens that may be written for the model in the middle of its answer. */
const FORCED_TOKENS = 16;

/** How many tokens an answer may have: what the client allows and the context has left. */
export const tokenBudget = ({ contextTokens }: LoadedModel, plan: AnswerPlan, asked: number | null): number => {
  const isForced = plan.calls !== null || plan.contentGrammar !== null;
  const left = contextTokens - plan.promptTokens.length - (isForced ? FORCED_TOKENS : 0);
  return Math.max(1, Math.min(asked ?? Number.POSITIVE_INFINITY, left));
};

/**
 * Reads the prompt and writes the answer: one `prompt-read`, when the first token is chosen, then steps, the last with
 * `finish`. An abort takes effect within one step of the engine, and however the iteration ends the sequence is free
 * again.
 * @throws what `SequencePool.acquire` throws; the signal's reason when it aborts; any engine failure.
 */
export async function* generate(
  loaded: LoadedModel,
  pool: SequencePool,
  request: GenerationRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerationPart> {
  const { engine, model, internals, batches, readingPace } = loaded;
  const { promptTokens, forcedText } = request.plan;
  const tokens = [...promptTokens, ...(forcedText === '' ? [] : model.tokenize(forcedText, true))];
  const lease = await pool.acquire(tokens, request.borrower, signal);
  const pace = readingPace.begin();
  const leave = batches.join();
  let isDamaged = false;
  let source: TokenSource | null = null;
  try {
    const { sequence, place } = lease;
    const cachedTokens = Math.min(sequence.nextTokenIndex, promptTokens.length);
    const unread = await readAllButLast(loaded, lease, tokens, signal);
    source = new TokenSource({
      ...{ engine, model, internals, batches, sequence, place, unread, signal },
      sampling: request.sampling,
      scoredTokens: request.wantsScores ? Number.POSITIVE_INFINITY : request.confidenceTokens,
      maxTokens: request.maxTokens,
      isSteady: isSteady(request),
    });
    const writer = new AnswerWriter(model, source, request);
    await writer.begin();
    pace.write();
    yield { type: 'prompt-read', cachedTokens };
    for await (const step of writer.steps(signal)) yield { type: 'step', ...step };
  } catch (error) {
    isDamaged = !signal.aborted;
    throw error;
  } finally {
    pace.end();
    leave();
    await source?.end();
    lease.release({ isDamaged });
  }
}

/** Whether only the model's own end and `maxTokens` end the answer, and no grammar takes over in the middle of it. */
const isSteady = ({ plan, stops }: GenerationRequest): boolean =>
  stops.length === 0 && plan.calls === null && (plan.contentGrammar === null || plan.marks === null);

/** Reads the prompt up to its last step's share. @returns that share, which chooses the first token when it is read. */
const readAllButLast = async (
  { batches, readingPace }: LoadedModel,
  { sequence, place }: Lease,
  tokens: Token[],
  signal: AbortSignal,
): Promise<Token[]> => {
  while (tokens.length - sequence.nextTokenIndex > readingPace.stepTokens) {
    const start = sequence.nextTokenIndex;
    const end = Math.min(start + readingPace.stepTokens, tokens.length - 1);
    await batches.read({ sequence, place, signal, tokens: tokens.slice(start, end) });
  }
  return tokens.slice(sequence.nextTokenIndex);
};
