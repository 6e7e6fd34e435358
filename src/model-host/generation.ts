import type { LlamaModel, Token } from 'node-llama-cpp';
import type { LoadedModel } from './loaded-model.ts';
import { type SampledToken, type Sampling, type ScoredToken, sampleTokens } from './sampling.ts';
import type { SequencePool } from './sequence-pool.ts';
import { StopGate } from './stop-gate.ts';
import { TokenText } from './token-text.ts';

export type GenerationRequest = {
  promptTokens: Token[];
  /** At least 1; already cut to what the context has left. */
  maxTokens: number;
  sampling: Sampling;
  stops: string[];
  /** See `sampleTokens`. */
  topLogprobs: number | null;
  /** Whose prefixes this request may reuse and leave behind. */
  partition: string;
};

/** `completionTokens` are those sampled so far, without the one that ends the answer. */
export type GenerationPart =
  | { type: 'prompt-read'; cachedTokens: number }
  | { type: 'text-delta'; text: string; scores: ScoredToken[]; completionTokens: number }
  | { type: 'finish'; reason: 'stop' | 'length'; completionTokens: number };

/** Prompt tokens for each step: small enough that answers that are already being written do not stall. */
const PREFILL_TOKENS = 64;

/**
 * Reads the prompt and writes the answer: one `prompt-read`, then text, then one `finish`. An abort takes effect
 * within one token, and however the iteration ends the sequence is free again.
 * @throws what `SequencePool.acquire` throws; the signal's reason when it aborts; any engine failure.
 */
export async function* generate(
  { model }: LoadedModel,
  pool: SequencePool,
  request: GenerationRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerationPart> {
  const lease = await pool.acquire(request.promptTokens, request.partition, signal);
  let isDamaged = false;
  try {
    const { sequence } = lease;
    const cachedTokens = sequence.nextTokenIndex;
    const lastIndex = request.promptTokens.length - 1;
    for (let start = cachedTokens; start < lastIndex; start += PREFILL_TOKENS) {
      signal.throwIfAborted();
      const end = Math.min(start + PREFILL_TOKENS, lastIndex);
      await sequence.evaluateWithoutGeneratingNewTokens(request.promptTokens.slice(start, end));
    }
    yield { type: 'prompt-read', cachedTokens };
    const lastToken = request.promptTokens[lastIndex]!;
    yield* write(model, sampleTokens(sequence, lastToken, request.sampling, request.topLogprobs), request, signal);
  } catch (error) {
    isDamaged = !signal.aborted;
    throw error;
  } finally {
    lease.release({ isDamaged });
  }
}

async function* write(
  model: LlamaModel,
  tokens: AsyncGenerator<SampledToken>,
  request: GenerationRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerationPart> {
  const tokenText = new TokenText(model);
  const gate = new StopGate(request.stops);
  const scores = new ScoreQueue();
  let completionTokens = 0;
  for await (const { token, score } of tokens) {
    signal.throwIfAborted();
    const isEnd = model.isEogToken(token);
    if (!isEnd) completionTokens++;
    const piece = isEnd ? tokenText.flush() : tokenText.push(token);
    if (score && !isEnd) scores.push(score, piece);
    const isFull = completionTokens === request.maxTokens;
    const { text, isStopped } = gate.push(isFull ? piece + tokenText.flush() : piece);
    const isLast = isEnd || isFull || isStopped;
    const visible = isLast && !isStopped ? text + gate.flush() : text;
    const shown = scores.take(visible, isLast && !isStopped);
    if (visible !== '' || shown.length > 0) {
      yield { type: 'text-delta', text: visible, scores: shown, completionTokens };
    }
    if (isLast) {
      yield { type: 'finish', reason: isEnd || isStopped ? 'stop' : 'length', completionTokens };
      return;
    }
  }
}

/** Keeps the scores of tokens whose text is still held back; those of a stop string are never shown. */
class ScoreQueue {
  #queue: { score: ScoredToken; end: number }[] = [];
  #received = 0;
  #shown = 0;

  push(score: ScoredToken, piece: string): void {
    this.#received += piece.length;
    // A token that completes no character goes with the one that does.
    this.#queue.push({ score, end: piece === '' ? this.#received + 1 : this.#received });
  }

  take(text: string, isAll: boolean): ScoredToken[] {
    this.#shown += text.length;
    const ready = this.#queue.filter(({ end }) => isAll || end <= this.#shown);
    this.#queue = this.#queue.slice(ready.length);
    return ready.map(({ score }) => score);
  }
}
