import type { SemanticPartition } from './semantic-store.ts';

/** The entry that a request was answered from, or added; `similarity` null where it added it. */
export type Served = { partition: SemanticPartition; key: string; similarity: number | null };

/** Port: which entry of the semantic cache each of the last requests had to do with, so that feedback finds it. Never rejects. */
export interface ServedSimilar {
  note(requestId: string, served: Served): Promise<void>;
  /** Null for requests of other teams, and for those it does not know. */
  find(requestId: string, team: string): Promise<Served | null>;
}
