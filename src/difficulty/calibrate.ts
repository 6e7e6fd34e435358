import { applyMap, type CalibrationMap, fitIsotonic, fitPlatt, type LogitLabel } from './calibration-map.ts';
import { difficultyOf } from './kind-classifier.ts';
import { logitOf, standardize } from './kind-model.ts';
import { measureRecovery } from './recovery.ts';
import { refitLastLayer } from './refit-last-layer.ts';
import { gainOf, type Sample } from './samples.ts';
import { measureSources, type SourceFigures } from './source-figures.ts';
import { nameByContent, percentiles } from './train.ts';
import type { Weights } from './weights.ts';

/** Below these, cross-validated figures say more about the sample than about the traffic. */
export const FEWEST_LABELS = 200;
export const FEWEST_GAINS = 30;
/** A loss of APGR smaller than this is noise on a few hundred labels. */
const TOLERATED_LOSS = 0.005;

/** Labels from which nothing can be learnt, or a model that would serve worse; the message says which and why. */
export class CalibrationRefused extends Error {
  override readonly name = 'CalibrationRefused';
}

export type CalibrationResult = {
  model: Weights;
  before: SourceFigures;
  after: SourceFigures;
  /** `order and map` where the labels taught a better order, `map` where only the probabilities changed. */
  changed: 'order and map' | 'map';
};

type Fit = (training: readonly Sample[]) => Weights;

/**
 * Fits a model to the user's own labels: the weight of the model's order and of its ranking features (see
 * `refitLastLayer`), then the map to probabilities. Every figure is cross-validated over the rows' folds: each row is
 * judged by a model fitted without its fold. Deterministic.
 * @throws CalibrationRefused for too few labels, for a pair of models without a gap, or when the result would be worse.
 */
export const calibrate = (base: Weights, samples: readonly Sample[], sha256: string): CalibrationResult => {
  refuseTooFew(samples);
  const before = measure(
    'before',
    samples,
    samples.map((sample) => difficultyOf(base, sample.values)),
  );
  const variants = [
    { changed: 'map', learn: (training: readonly Sample[]) => withMap(base, training, () => base) },
    {
      changed: 'order and map',
      learn: (training: readonly Sample[]) => withMap(base, training, (rows) => refitLastLayer(base, rows)),
    },
  ] as const;
  const [mapOnly, refitted] = variants.map((variant) => crossValidate(samples, variant.learn)) as [Trial, Trial];
  // A map alone keeps the order and its figures (folds judged by different maps would blur them), so a new order must
  // beat the one before.
  const isRefitted = (refitted.figures.apgr ?? 0) > (before.apgr ?? 0);
  const chosen = isRefitted
    ? refitted
    : { ...mapOnly, figures: { ...before, source: 'after', ece: mapOnly.figures.ece } };
  const { changed, learn } = variants[isRefitted ? 1 : 0];
  refuseWorse(before, chosen.figures);
  const quantiles = percentiles(chosen.difficulties.map((value) => ({ value, weight: 1 })));
  const judged = samples.map((sample, i) => ({ ...sample, difficulty: chosen.difficulties[i]! }));
  const model: Weights = {
    ...learn(samples),
    quantiles,
    recovery: measureRecovery(quantiles, judged),
    heldOut: { folds: [...new Set(samples.map((sample) => sample.fold))].sort(), figures: [before, chosen.figures] },
    calibrated: { base: base.version, labels: samples.length, sha256 },
  };
  return { model: nameByContent(model, 'calibrated-2'), before, after: chosen.figures, changed };
};

type Trial = { figures: SourceFigures; difficulties: number[] };

const crossValidate = (samples: readonly Sample[], learn: Fit): Trial => {
  const models = new Map<number, Weights>();
  for (const { fold } of samples) {
    if (!models.has(fold)) models.set(fold, learn(samples.filter((sample) => sample.fold !== fold)));
  }
  const difficulties = samples.map((sample) => difficultyOf(models.get(sample.fold)!, sample.values));
  return { figures: measure('after', samples, difficulties), difficulties };
};

/** The model that `order` makes, with a map fitted on rows that the model judged had not seen. */
const withMap = (base: Weights, training: readonly Sample[], order: Fit): Weights => {
  const folds = [...new Set(training.map((sample) => sample.fold))];
  const labels = folds.flatMap((fold) => {
    const model = order(training.filter((sample) => sample.fold !== fold));
    return training.filter((sample) => sample.fold === fold).map((sample) => ({ ...labelOf(model, sample), fold }));
  });
  return { ...order(training), version: base.version, calibration: chooseMap(labels) };
};

const labelOf = (model: Weights, sample: Sample): LogitLabel => ({
  logit: logitOf(model, standardize(sample.values, model)),
  label: gainOf(sample),
  weight: 1,
});

/** Platt's line unless the isotonic one foretells unseen folds better (squared error). */
const chooseMap = (labels: readonly (LogitLabel & { fold: number })[]): CalibrationMap => {
  const errorOf = (learn: (rows: readonly LogitLabel[]) => CalibrationMap): number => {
    let error = 0;
    for (const fold of new Set(labels.map((label) => label.fold))) {
      const map = learn(labels.filter((label) => label.fold !== fold));
      for (const { logit, label, fold: own } of labels) if (own === fold) error += (applyMap(map, logit) - label) ** 2;
    }
    return error;
  };
  return errorOf(fitIsotonic) < errorOf(fitPlatt) ? fitIsotonic(labels) : fitPlatt(labels);
};

const measure = (source: string, samples: readonly Sample[], difficulties: readonly number[]): SourceFigures =>
  measureSources(samples.map((sample, i) => ({ ...sample, source, difficulty: difficulties[i]! })))[0]!;

const refuseTooFew = (samples: readonly Sample[]): void => {
  const gains = samples.filter(({ weak, strong }) => strong > weak).length;
  const rows = samples.length;
  if (rows < FEWEST_LABELS) {
    throw new CalibrationRefused(
      `${rows} labels are too few: at least ${FEWEST_LABELS} are needed (${FEWEST_LABELS - rows} more), and 500 to 1,500 are better`,
    );
  }
  if (gains < FEWEST_GAINS) {
    const needed = Math.ceil((rows * FEWEST_GAINS) / Math.max(1, gains) / 50) * 50;
    throw new CalibrationRefused(
      `the strong model did better on ${gains} of ${rows} prompts, and at least ${FEWEST_GAINS} such prompts are needed` +
        (gains > 0 ? `: about ${needed} labels at this rate` : ''),
    );
  }
  if (new Set(samples.map((sample) => sample.fold)).size < 3) {
    throw new CalibrationRefused('the rows lie in fewer than three folds, so nothing can be cross-validated');
  }
  const gap = samples.reduce((sum, { weak, strong }) => sum + strong - weak, 0) / rows;
  if (gap <= 0) {
    throw new CalibrationRefused(
      `the strong model is no better than the weak one on these prompts (${gap.toFixed(3)} on average), so there is nothing to gain by routing`,
    );
  }
};

const refuseWorse = (before: SourceFigures, after: SourceFigures): void => {
  const lost = (before.apgr ?? 0) - (after.apgr ?? 0);
  if (lost > TOLERATED_LOSS) {
    throw new CalibrationRefused(
      `the calibrated model would rank worse than before: APGR ${after.apgr?.toFixed(3)} against ${before.apgr?.toFixed(3)}`,
    );
  }
  if (after.ece > before.ece && (after.apgr ?? 0) <= (before.apgr ?? 0)) {
    throw new CalibrationRefused(
      `the labels improve nothing: calibration error ${after.ece.toFixed(3)} against ${before.ece.toFixed(3)} before, at the same APGR`,
    );
  }
};
