/** What one sequence has to read: `place` is its number in the context. */
type Item = { place: number; tokens: { length: number } };

/**
 * What of each sequence goes into the next batch: of all as much, the rest to those with more, in the order of their
 * places. llama.cpp computes as one only sequences whose numbers follow each other, each the last plus one, and takes
 * what comes after a gap or a step back in another pass over the whole model (`llama_batch_allocr::split_equal`).
 * @param size of the batch in tokens, at least as many as there are items.
 */
export const inOrderOfPlaces = <T extends Item>(waiting: readonly T[], size: number): { item: T; amount: number }[] => {
  const items = waiting.length === 1 ? waiting : waiting.toSorted((a, b) => a.place - b.place);
  const share = Math.max(1, Math.floor(size / items.length));
  const amounts = items.map(({ tokens }) => Math.min(tokens.length, share));
  let left = size - amounts.reduce((sum, amount) => sum + amount, 0);
  return items.map((item, index) => {
    const more = Math.max(0, Math.min(item.tokens.length - amounts[index]!, left));
    left -= more;
    return { item, amount: amounts[index]! + more };
  });
};
