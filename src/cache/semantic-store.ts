import type { CachePlace } from './cache-key.ts';
import type { Observation } from './learned-threshold.ts';
import type { QuestionFacts } from './question-facts.ts';

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

/**
 * Port: answered questions by meaning, in partitions that share nothing. Vectors are of length 1, so that their product
 * is the similarity. Bounded; may forget at any time. Never rejects.
 */
export interface SemanticStore {
  /** Nearest first, at most `count`, none below `minSimilarity`. */
  nearest(
    partition: string,
    vector: Float32Array,
    options: { minSimilarity: number; count: number },
  ): Promise<Neighbour[]>;
  /** Adds a question, in place of one of the same `place`. */
  add(partition: string, vector: Float32Array, entry: SemanticEntry): Promise<void>;
  /** What a check showed; without effect where the entry is gone. */
  observe(partition: string, key: string, observation: Observation): Promise<void>;
  remove(partition: string, key: string): Promise<void>;
}
