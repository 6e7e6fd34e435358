import { z } from 'zod';
import { FEATURE_NAMES } from './features.ts';
import { SourceFiguresSchema } from './source-figures.ts';
import shipped from './weights.json' with { type: 'json' };

const finite = z.number();
const share = z.number().min(0).max(1);

/** A trained model as it is stored. `mean`, `scale` and `weights` run parallel to `features`. */
export const WeightsSchema = z
  .object({
    version: z.string().min(1),
    features: z.array(z.string()),
    mean: z.array(finite),
    scale: z.array(z.number().positive()),
    weights: z.array(finite),
    bias: finite,
    /** Platt's map from log-odds to the calibrated ones: `slope * logit + offset`. */
    calibration: z.object({ slope: z.number().positive(), offset: finite }),
    /** Difficulty at the 0th, 1st … 100th percentile of the training prompts. */
    quantiles: z.array(share).length(101),
    /** Figures on the folds left out of training. */
    heldOut: z.object({ folds: z.array(z.int()), figures: z.array(SourceFiguresSchema) }),
    /** The files it was trained on: name, SHA-256, rows used. */
    data: z.array(z.object({ name: z.string(), sha256: z.string(), rows: z.int() })),
  })
  .refine((w) => [w.mean, w.scale, w.weights].every((list) => list.length === w.features.length), {
    message: 'mean, scale and weights must be as long as features',
  });
export type Weights = z.infer<typeof WeightsSchema>;

/**
 * Checks a parsed weights file against its schema and against the features of this build.
 * @throws Error in one line naming `origin` and what is wrong; a model of other features must not be applied silently.
 */
export const parseWeights = (value: unknown, origin: string): Weights => {
  const parsed = WeightsSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new Error(`${origin} is not a difficulty model: ${issue.path.join('.') || 'file'}: ${issue.message}`);
  }
  const { features, version } = parsed.data;
  const at = FEATURE_NAMES.findIndex((name, i) => name !== features[i]);
  if (at >= 0 || features.length !== FEATURE_NAMES.length) {
    const where = at >= 0 ? at : FEATURE_NAMES.length;
    throw new Error(
      `${origin} (version ${version}) was trained with other features than this build computes: at position ` +
        `${where + 1} it has ${features[where] ?? 'nothing'}, this build has ${FEATURE_NAMES[where] ?? 'nothing'}. ` +
        'Train it again with `rightsize train`.',
    );
  }
  return parsed.data;
};

/** The model in the box; `docs/difficulty.md` is its card. */
export const shippedWeights = (): Weights => parseWeights(shipped, 'the shipped model');
