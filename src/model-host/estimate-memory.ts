import type { HeaderFacts } from './model-facts.ts';

export type MemoryEstimate = { weightBytes: number; contextBytes: number; overheadBytes: number; totalBytes: number };

/** The host's own process with the engine loaded: measured on Linux x64 with the engine's CPU binaries. */
const PROCESS_BYTES = 120 * 2 ** 20;
const BATCH_TOKENS = 512;
const HALF_BYTES = 2;

/**
 * What a model takes in memory, from its header alone: the weights exactly; keys and values of `parallel` sequences of
 * `contextTokens` in 16 bits (never more context than it was trained on); working memory roughly, from its widths.
 * Measured on Linux x64 with the CPU binaries: 395 and 587 MiB were estimated for a 215 MB model of experts with 1 and 4
 * sequences of 8192 tokens, and the process had 375 and 568 (proportional set size).
 * Architectures that compress what they keep of a token (MLA) or keep a state of fixed size take less than is said here.
 */
export const estimateMemory = (
  { weightBytes, shape, trainedContextTokens, task }: HeaderFacts,
  { contextTokens, parallel }: { contextTokens: number; parallel: number },
): MemoryEstimate => {
  const tokens = trainedContextTokens > 0 ? Math.min(contextTokens, trainedContextTokens) : contextTokens;
  const contextBytes =
    task === 'chat'
      ? shape.keptPerToken.reduce((sum, kept, layer) => {
          const seen = shape.isWindowed[layer] ? Math.min(tokens, shape.windowTokens + BATCH_TOKENS) : tokens;
          return sum + kept * seen * parallel * HALF_BYTES;
        }, 0)
      : 0;
  const width = 4 * shape.embedding + 2 * shape.feedForward + shape.vocabulary;
  const overheadBytes = PROCESS_BYTES + width * BATCH_TOKENS * 4;
  return { weightBytes, contextBytes, overheadBytes, totalBytes: weightBytes + contextBytes + overheadBytes };
};
