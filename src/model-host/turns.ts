import { GatewayError } from '../contract/errors.ts';

/**
 * One at a time, first come, first served: a context that makes vectors reads one text at once. Requests take a turn for
 * each of their texts, so that a short request is not kept waiting by a batch of two thousand.
 */
export class Turns {
  readonly #maxRequests: number;
  #requests = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(maxRequests: number) {
    this.#maxRequests = maxRequests;
  }

  /**
   * Runs `work` for each item in its turn; the results in the items' order.
   * @throws GatewayError `no_upstream_available` when too many requests are under way; the signal's reason between two
   * items; whatever `work` throws.
   */
  async each<Item, Result>(
    items: Item[],
    signal: AbortSignal,
    work: (item: Item) => Promise<Result>,
  ): Promise<Result[]> {
    if (this.#requests >= this.#maxRequests) {
      throw new GatewayError('no_upstream_available', 'The local model is busy. Try again shortly.', {
        retryAfterSeconds: 2,
        isRetryable: true,
      });
    }
    this.#requests++;
    try {
      const results: Result[] = [];
      for (const item of items) results.push(await this.#take(signal, () => work(item)));
      return results;
    } finally {
      this.#requests--;
    }
  }

  #take<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(() => {
      signal.throwIfAborted();
      return work();
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}
