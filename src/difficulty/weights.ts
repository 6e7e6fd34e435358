import { z } from 'zod';
import { CalibrationMapSchema } from './calibration-map.ts';
import { FEATURE_NAMES } from './features.ts';
import { SourceFiguresSchema } from './source-figures.ts';
import shipped from './weights.json' with { type: 'json' };

/** Rises when a file of the earlier form cannot be read any more. */
export const WEIGHTS_FORMAT = 3;

const finite = z.number();
const share = z.number().min(0).max(1);

/** A trained model as it is stored. `mean`, `scale`, `ranking` and each kind's `weights` run parallel to `features`. */
export const WeightsSchema = z
  .object({
    format: z.literal(WEIGHTS_FORMAT),
    version: z.string().min(1),
    features: z.array(z.string()),
    mean: z.array(finite),
    scale: z.array(z.number().positive()),
    /** Kinds of prompt: how to recognise each, and how often the small model loses on it. */
    kinds: z
      .array(z.object({ name: z.string(), gain: z.number().gt(0).lt(1), bias: finite, weights: z.array(finite) }))
      .min(1),
    /** How much the kind counts: 1 as trained, less or more after calibration. */
    kindScale: finite,
    /** What makes a prompt harder than others of its kind, in log-odds per standard deviation. */
    ranking: z.array(finite),
    calibration: CalibrationMapSchema,
    /** Difficulty at the 0th, 1st … 100th percentile of the prompts it was trained or calibrated on. */
    quantiles: z.array(share).length(101),
    /** How much of the gap between the tiers each of `quantiles` recovers as a threshold; see `measureRecovery`. */
    recovery: z.array(finite).length(101),
    /** Figures on the folds left out of training. */
    heldOut: z.object({ folds: z.array(z.int()), figures: z.array(SourceFiguresSchema) }),
    /** The files it was trained on: name, SHA-256, rows used. */
    data: z.array(z.object({ name: z.string(), sha256: z.string(), rows: z.int() })),
    /** Only in calibrated models: the model it started from and the labels it has seen. */
    calibrated: z.object({ base: z.string(), labels: z.int(), sha256: z.string() }).optional(),
  })
  .refine((w) => [w.mean, w.scale, w.ranking].every((list) => list.length === w.features.length), {
    message: 'mean, scale and ranking must be as long as features',
  })
  .refine((w) => w.kinds.every((kind) => kind.weights.length === w.features.length), {
    message: 'the weights of each kind must be as long as features',
  });
export type Weights = z.infer<typeof WeightsSchema>;

/**
 * Checks a parsed weights file against its schema and against the features of this build.
 * @throws Error in one line naming `origin` and what is wrong; a model of other features must not be applied silently.
 */
export const parseWeights = (value: unknown, origin: string): Weights => {
  checkFormat(value, origin);
  const parsed = WeightsSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new Error(`${origin} is not a difficulty model: ${issue.path.join('.') || 'file'}: ${issue.message}`);
  }
  const { features, version, calibrated } = parsed.data;
  const at = FEATURE_NAMES.findIndex((name, i) => name !== features[i]);
  if (at >= 0 || features.length !== FEATURE_NAMES.length) {
    const where = at >= 0 ? at : FEATURE_NAMES.length;
    throw new Error(
      `${origin} (version ${version}) was trained with other features than this build computes: at position ` +
        `${where + 1} it has ${features[where] ?? 'nothing'}, this build has ${FEATURE_NAMES[where] ?? 'nothing'}. ` +
        `Make it again with \`rightsize ${calibrated ? 'calibrate' : 'train'}\`.`,
    );
  }
  return parsed.data;
};

const checkFormat = (value: unknown, origin: string): void => {
  if (typeof value !== 'object' || value === null || !('features' in value)) return;
  const { format = 1, version = 'unknown' } = value as { format?: unknown; version?: unknown };
  if (format === WEIGHTS_FORMAT) return;
  const advice =
    typeof format === 'number' && format > WEIGHTS_FORMAT
      ? 'Update Rightsize.'
      : 'Make it again with `rightsize train` or `rightsize calibrate`.';
  throw new Error(
    `${origin} (version ${version}) has format ${format}, and this build reads format ${WEIGHTS_FORMAT}. ${advice}`,
  );
};

/** The model in the box; `docs/difficulty.md` is its card. */
export const shippedWeights = (): Weights => parseWeights(shipped, 'the shipped model');
