/** Something of one of several answers that are written at the same time. */
export type OfChoice<T> = { index: number; part: T };

/**
 * What several iterations bring, as it comes; at most `limit` run at one time, started in order. When one fails or the
 * reader leaves, the others end too.
 * @param start begins the answer of this index; it ends when the signal aborts.
 * @throws what the first of them fails with.
 */
export async function* interleave<T>(
  count: number,
  limit: number,
  start: (index: number, signal: AbortSignal) => AsyncGenerator<T>,
  signal: AbortSignal,
): AsyncGenerator<OfChoice<T>> {
  if (count === 1) {
    for await (const part of start(0, signal)) yield { index: 0, part };
    return;
  }
  const others = new AbortController();
  const both = AbortSignal.any([signal, others.signal]);
  const running = new Map<number, AsyncGenerator<T>>();
  const pending = new Map<number, Promise<{ index: number; result: IteratorResult<T, void> }>>();
  const ask = (index: number, parts: AsyncGenerator<T>) =>
    pending.set(
      index,
      parts.next().then((result) => ({ index, result })),
    );
  let started = 0;
  const fill = () => {
    while (running.size < limit && started < count) {
      const index = started++;
      const parts = start(index, both);
      running.set(index, parts);
      ask(index, parts);
    }
  };
  try {
    for (fill(); pending.size > 0; fill()) {
      const { index, result } = await Promise.race(pending.values());
      pending.delete(index);
      if (result.done) running.delete(index);
      else {
        yield { index, part: result.value };
        ask(index, running.get(index)!);
      }
    }
  } finally {
    others.abort(new Error('another answer of the same request has ended it'));
    // Whoever is still writing notices at its next token; its sequence is free when this has settled.
    await Promise.allSettled(pending.values());
    await Promise.allSettled([...running.values()].map((parts) => parts.return(undefined)));
  }
}
