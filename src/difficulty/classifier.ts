import type { Conversation } from '../contract/conversation.ts';

/** One measured fact and what it did: `contribution` is in log-odds against an average prompt, positive means harder. */
export type FeatureContribution = { name: string; value: number; contribution: number };

export type Difficulty = {
  /** 0 to 1: the calibrated probability that the small tier's answer would be worse than the large tier's. */
  difficulty: number;
  /** What was measured, in the model's order: `judge` gives the same verdict and its reasons for it again. */
  values: readonly number[];
  /** Every feature of the model, in the model's order. */
  features: FeatureContribution[];
  /** Names the weights that decided, e.g. `structural-1`. */
  modelVersion: string;
};

/**
 * The port behind which difficulty models are exchanged. `classify` is synchronous, does no I/O, never throws, and
 * stays below 5 ms whatever the conversation holds.
 */
export type DifficultyClassifier = {
  readonly modelVersion: string;
  /** Difficulties of typical traffic, evenly over their distribution: where a share of requests starts from. */
  readonly typicalDifficulties: readonly number[];
  /**
   * The highest threshold that recovers this part (0 to 1) of the gap between the tiers' quality, on labelled prompts
   * that the model had not seen; 0, everything to the strongest tier, where no other does.
   */
  thresholdForQuality(quality: number): number;
  classify(conversation: Conversation): Difficulty;
  /** The verdict on features measured before, by a model of the same version. */
  judge(values: readonly number[]): Difficulty;
};
