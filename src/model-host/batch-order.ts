import type { BatchItem, EvaluationPriority, PrioritizedBatchItem } from 'node-llama-cpp';

/** Carries a sequence's place in its context to `inOrderOfPlaces`; the engine hands the number on as it is. */
export const toPriority = (place: number): EvaluationPriority => place as EvaluationPriority;

/**
 * What of each sequence goes into the next batch: of all as much, the rest to those with more, in the order of their
 * places. llama.cpp computes as one only sequences whose numbers follow each other, each the last plus one, and takes
 * what comes after a gap or a step back in another pass over the whole model (`llama_batch_allocr::split_equal`).
 */
export const inOrderOfPlaces = (batch: { items: readonly BatchItem[]; size: number }): PrioritizedBatchItem[] => {
  const items = batch.items.toSorted((a, b) => a.evaluationPriority - b.evaluationPriority);
  const share = Math.max(1, Math.floor(batch.size / items.length));
  const amounts = items.map(({ tokens }) => Math.min(tokens.length, share));
  let left = batch.size - amounts.reduce((sum, amount) => sum + amount, 0);
  return items.map((item, index) => {
    const more = Math.max(0, Math.min(item.tokens.length - amounts[index]!, left));
    left -= more;
    return { item, processAmount: amounts[index]! + more };
  });
};
