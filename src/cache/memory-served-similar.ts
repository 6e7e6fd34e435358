import { LRUCache } from 'lru-cache';
import type { Served, ServedSimilar } from './served-similar.ts';

/** Requests that can still be told good or bad; the oldest are forgotten. */
const MAX_REQUESTS = 10_000;

/** Knows the requests of this process. */
export class MemoryServedSimilar implements ServedSimilar {
  readonly #requests = new LRUCache<string, Served>({ max: MAX_REQUESTS });

  async note(requestId: string, served: Served): Promise<void> {
    this.#requests.set(requestId, served);
  }

  async find(requestId: string, team: string): Promise<Served | null> {
    const served = this.#requests.get(requestId);
    return served?.partition.team === team ? served : null;
  }
}
