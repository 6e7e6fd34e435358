import type { ChatCompletionChunk } from '../contract/openai.ts';

/** One generated token: its natural-log probability, and how far it stands above the runner-up, as probabilities. */
export type TokenCertainty = { logprob: number; margin: number };

/** The figures of certainty that a calibration may choose from; all in [0, 1], higher is surer. */
export const CERTAINTY_FIGURES = [
  'probability.p10',
  'probability.p25',
  'probability.p50',
  'probability.mean',
  'margin.p10',
  'margin.p25',
  'margin.p50',
] as const;
export type CertaintyFigure = (typeof CERTAINTY_FIGURES)[number];

/**
 * A monotone map from one figure of certainty to the probability that the answer is good, made for one model file by
 * `rightsize calibrate --confidence`. `points` rise in both columns; between them the map is linear.
 */
export type ConfidenceTable = { figure: CertaintyFigure; points: readonly (readonly [number, number])[] };

/** Without a calibration the figure itself counts: quantiles tell more than means (arXiv 2404.10136). */
export const UNCALIBRATED: ConfidenceTable = {
  figure: 'probability.p25',
  points: [
    [0, 0],
    [1, 1],
  ],
};

/** How sure a model was over its first tokens, and the figure that says so. */
export type Confidence = { confidence: number; figure: CertaintyFigure; value: number };

/** @param tokens at least one. */
export const confidenceOf = (tokens: readonly TokenCertainty[], table: ConfidenceTable): Confidence => {
  const value = certaintyFigure(tokens, table.figure);
  return { confidence: interpolate(table.points, value), figure: table.figure, value };
};

export const certaintyFigure = (tokens: readonly TokenCertainty[], figure: CertaintyFigure): number => {
  const [kind, statistic] = figure.split('.') as [string, string];
  const values = tokens.map(({ logprob, margin }) => (kind === 'margin' ? margin : Math.exp(logprob)));
  if (statistic === 'mean') {
    // The geometric mean of the probabilities: the perplexity's inverse.
    return Math.exp(tokens.reduce((sum, { logprob }) => sum + logprob, 0) / tokens.length);
  }
  return quantile(values, Number(statistic.slice(1)) / 100);
};

const quantile = (values: number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const low = sorted[Math.floor(position)] ?? 0;
  const high = sorted[Math.ceil(position)] ?? low;
  return low + (high - low) * (position - Math.floor(position));
};

const interpolate = (points: ConfidenceTable['points'], x: number): number => {
  const next = points.findIndex(([at]) => at >= x);
  if (next < 0) return points.at(-1)?.[1] ?? 0;
  const [x1, y1] = points[next] as readonly [number, number];
  const before = points[next - 1];
  if (before === undefined || x1 === before[0]) return y1;
  return before[1] + ((y1 - before[1]) * (x - before[0])) / (x1 - before[0]);
};

type WireLogprobs = { content?: { logprob: number; top_logprobs?: { logprob: number }[] }[] | null };

/**
 * The certainty of each token of a chunk, from OpenAI's `logprobs` with at least two `top_logprobs`; empty where the
 * upstream sent none. With a single alternative the margin is counted against what it leaves over.
 */
export const certaintyOf = (chunk: ChatCompletionChunk): TokenCertainty[] =>
  chunk.choices.flatMap((choice) => {
    const { content } = (choice['logprobs'] ?? {}) as WireLogprobs;
    return (content ?? []).map(({ logprob, top_logprobs = [] }) => {
      const [first, second] = top_logprobs.map((alternative) => Math.exp(alternative.logprob)).sort((a, b) => b - a);
      const top = first ?? Math.exp(logprob);
      return { logprob, margin: top - (second ?? 1 - top) };
    });
  });
