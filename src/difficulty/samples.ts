import { extractFeatures } from './features.ts';
import { foldOf, type LabelledRow, lengthOf, type Scores, tierScores, toConversation } from './labelled-row.ts';

/** A labelled row as training sees it. `kind` is what the prompt is typical of: its source, unless the row says it. */
export type Sample = Scores & { source: string; kind: string; fold: number; values: number[]; length: number };
export type Weighted = Sample & { weight: number };

/** Rows without two scores are left out. */
export const toSamples = (rows: readonly LabelledRow[]): Sample[] =>
  rows.flatMap((row) => {
    const scores = tierScores(row);
    if (!scores) return [];
    const source = row.source ?? 'unnamed';
    const values = extractFeatures(toConversation(row));
    return [{ ...scores, source, kind: row.kind ?? source, fold: foldOf(row), values, length: lengthOf(row) }];
  });

/**
 * The label: the chance that the small model is wrong where the large one is right, taking the two as independent given
 * the prompt. It is the gain, not "the small one fails": where both fail, paying for the large one buys nothing.
 */
export const gainOf = ({ weak, strong }: Scores): number => strong * (1 - weak);

/**
 * Weights that sum to 1: families of sources (the name up to its first hyphen) count the same, and inside a family each
 * source does, so that a collection of 3,000 exam questions does not outvote 200 everyday prompts.
 */
export const weighSources = (samples: readonly Sample[]): Weighted[] => {
  const familyOf = (sample: Sample) => sample.source.split('-')[0]!;
  const families = Map.groupBy(samples, familyOf);
  const sources = Map.groupBy(samples, (sample) => sample.source);
  const sourcesOf = new Map([...families].map(([name, group]) => [name, new Set(group.map((s) => s.source)).size]));
  return samples.map((sample) => {
    const inSource = sources.get(sample.source)!.length;
    return { ...sample, weight: 1 / (families.size * sourcesOf.get(familyOf(sample))! * inSource) };
  });
};
