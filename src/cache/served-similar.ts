import { LRUCache } from 'lru-cache';

/** The entry that a request was answered from, or added; `similarity` null where it added it. */
export type Served = { team: string; route: string; partition: string; key: string; similarity: number | null };

/** Requests that can still be told good or bad; the oldest are forgotten. */
const MAX_REQUESTS = 10_000;

/** Which entry of the semantic cache each of the last requests had to do with, so that feedback finds it. */
export class ServedSimilar {
  readonly #requests = new LRUCache<string, Served>({ max: MAX_REQUESTS });

  note(requestId: string, served: Served): void {
    this.#requests.set(requestId, served);
  }

  /** Null for requests of other teams, and for those it does not know. */
  find(requestId: string, team: string): Served | null {
    const served = this.#requests.get(requestId);
    return served?.team === team ? served : null;
  }
}
