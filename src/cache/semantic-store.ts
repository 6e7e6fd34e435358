import type { CachePlace } from './cache-key.ts';
import type { CacheFilter, CacheUsage } from './cache-store.ts';
import type { Observation } from './learned-threshold.ts';
import type { QuestionFacts } from './question-facts.ts';

/** Questions that may be compared. Two partitions share nothing; team and route are in `id` once more, to be found by. */
export type SemanticPartition = {
  /** SHA-256 in hex over the tenant, the route, its models and all of the request but the question. */
  id: string;
  team: string;
  route: string;
};

/** One question that was answered. */
export type SemanticEntry = {
  /** Where the exact cache has the answer: gone there, gone here. Its key names the entry. */
  place: CachePlace;
  /** What the guards read from the question. */
  facts: QuestionFacts;
  /** The question, for the verifier. */
  text: string;
  /** Oldest first. */
  observations: readonly Observation[];
};

export type Neighbour = { entry: SemanticEntry; similarity: number };

/** Of one partition at most so many questions. */
export const MAX_QUESTIONS = 10_000;

/**
 * Port: answered questions by meaning, in partitions that share nothing. Vectors are of length 1, so that their product
 * is the similarity. Bounded; may forget at any time; one that cannot be reached knows nothing and keeps nothing. Never
 * rejects, but for `usage` and `clear`.
 */
export interface SemanticStore {
  /** Nearest first, at most `count`, none below `minSimilarity`. */
  nearest(
    partition: SemanticPartition,
    vector: Float32Array,
    options: { minSimilarity: number; count: number },
  ): Promise<Neighbour[]>;
  /** Adds a question for `lifeMs`, in place of one of the same `place`. */
  add(partition: SemanticPartition, vector: Float32Array, entry: SemanticEntry, lifeMs: number): Promise<void>;
  /** What a check showed. Whether the entry was there. */
  observe(partition: SemanticPartition, key: string, observation: Observation): Promise<boolean>;
  /** Whether it was there. */
  remove(partition: SemanticPartition, key: string): Promise<boolean>;
  /** What is held, by team and route. @throws GatewayError `cache_unavailable`. */
  usage(filter: CacheFilter): Promise<CacheUsage[]>;
  /** Forgets questions. @returns what was forgotten. @throws GatewayError `cache_unavailable`. */
  clear(filter: CacheFilter): Promise<CacheUsage[]>;
}
