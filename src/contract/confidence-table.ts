import { z } from 'zod';

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

const share = z.number().min(0).max(1);
const rises = (points: [number, number][]) =>
  points.every(([x, y], i) => i === 0 || (x > points[i - 1]![0] && y >= points[i - 1]![1]));

/**
 * A file of `rightsize calibrate --confidence`: a monotone map from one figure of certainty to the probability that the
 * answer is good, made for one model file. `points` rise in both columns; between them the map is linear.
 */
export const ConfidenceTableSchema = z.looseObject({
  kind: z.literal('rightsize-confidence'),
  version: z.literal(1),
  figure: z.enum(CERTAINTY_FIGURES),
  points: z
    .array(z.tuple([share, share]))
    .min(1)
    .refine(rises, 'points must rise'),
});
export type ConfidenceTable = Pick<z.infer<typeof ConfidenceTableSchema>, 'figure' | 'points'>;
