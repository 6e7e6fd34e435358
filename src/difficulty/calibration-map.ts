import { z } from 'zod';
import { fitLogisticRegression, sigmoid } from './logistic-regression.ts';

/**
 * From the model's log-odds to a probability: Platt's line (`slope * logit + offset`), or a rising line through points
 * (isotonic regression, straight between the points) for labels that no single line fits.
 */
export const CalibrationMapSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('platt'), slope: z.number().positive(), offset: z.number() }),
  z
    .object({
      kind: z.literal('isotonic'),
      logits: z.array(z.number()).min(1),
      chances: z.array(z.number().min(0).max(1)),
    })
    .refine(({ logits, chances }) => logits.length === chances.length, {
      message: 'logits and chances differ in length',
    }),
]);
export type CalibrationMap = z.infer<typeof CalibrationMapSchema>;

/** A log-odds with what happened: a chance from 0 to 1, and how much it counts. */
export type LogitLabel = { logit: number; label: number; weight: number };

export const applyMap = (map: CalibrationMap, logit: number): number => {
  if (map.kind === 'platt') return sigmoid(map.slope * logit + map.offset);
  const { logits, chances } = map;
  const above = logits.findIndex((value) => value > logit);
  if (above < 0) return chances.at(-1)!;
  if (above === 0) return chances[0]!;
  const [low, high] = [logits[above - 1]!, logits[above]!];
  const share = (logit - low) / (high - low);
  return chances[above - 1]! + share * (chances[above]! - chances[above - 1]!);
};

/** How much one unit of log-odds counts on the calibrated scale; 1 where the map has no single slope. */
export const slopeOf = (map: CalibrationMap): number => (map.kind === 'platt' ? map.slope : 1);

/** Platt's map. A score that does not rank is flattened, never turned round. */
export const fitPlatt = (labels: readonly LogitLabel[]): CalibrationMap => {
  const examples = labels.map(({ logit, label, weight }) => ({ features: [logit], label, weight }));
  const { weights, bias } = fitLogisticRegression(examples, 1e-6);
  if (weights[0]! >= 0.01) return { kind: 'platt', slope: weights[0]!, offset: bias };
  const total = labels.reduce((sum, { weight }) => sum + weight, 0);
  const chance = labels.reduce((sum, { label, weight }) => sum + weight * label, 0) / total;
  const middle = labels.reduce((sum, { logit, weight }) => sum + weight * logit, 0) / total;
  return { kind: 'platt', slope: 0.01, offset: Math.log(chance / (1 - chance)) - 0.01 * middle };
};

/** Isotonic regression by pooling neighbours that fall, one point per pool at its middle. */
export const fitIsotonic = (labels: readonly LogitLabel[]): CalibrationMap => {
  const pools: { logit: number; chance: number; weight: number }[] = [];
  for (const { logit, label, weight } of [...labels].sort((a, b) => a.logit - b.logit)) {
    let pool = { logit, chance: label, weight };
    while (pools.length > 0 && (pools.at(-1)!.chance >= pool.chance || pools.at(-1)!.logit >= pool.logit)) {
      const before = pools.pop()!;
      const total = before.weight + pool.weight;
      const mix = (a: number, b: number) => (a * before.weight + b * pool.weight) / total;
      pool = { logit: mix(before.logit, pool.logit), chance: mix(before.chance, pool.chance), weight: total };
    }
    pools.push(pool);
  }
  return { kind: 'isotonic', logits: pools.map((pool) => pool.logit), chances: pools.map((pool) => pool.chance) };
};
