import { seededRandom } from './seeded-random.ts';

/** One scored prompt: the router's difficulty and how well each model did, all in [0, 1]. */
export type Outcome = { difficulty: number; weak: number; strong: number };

/** `null` where a figure is undefined: no gap between the models, or one class of prompts only. */
export type RoutingFigures = {
  rows: number;
  /** Mean score of each model alone. */
  weak: number;
  strong: number;
  /** Average performance gap recovered; 0.5 is a random router, 1 the most. */
  apgr: number | null;
  /** Share of calls to the strong model that recovers 50 % and 80 % of the gap. */
  cpt50: number | null;
  cpt80: number | null;
  /** Chance that a prompt which needs the strong model scores above one that the weak model answers. */
  auc: number | null;
  /** Expected calibration error over ten equal bins of difficulty. */
  ece: number;
};

const THRESHOLDS = 10;
const CALIBRATION_BINS = 10;
const RESAMPLES = 200;

/**
 * The figures of RouteLLM (arXiv 2406.18665, section 3 and its `routellm/evals`): the score's deciles are the
 * thresholds; at each, prompts at or above it go to the strong model; APGR is the area under quality against the share
 * of strong calls, 0 for the weak model's level and 1 for the strong one's. CPT takes the first crossing.
 */
export const measureRouting = (outcomes: readonly Outcome[]): RoutingFigures => {
  const weak = mean(outcomes.map((outcome) => outcome.weak));
  const strong = mean(outcomes.map((outcome) => outcome.strong));
  const curve = routingCurve(outcomes);
  const gap = strong - weak;
  return {
    rows: outcomes.length,
    weak,
    strong,
    apgr: gap > 0 ? recoveredArea(curve, weak, gap) : null,
    cpt50: gap > 0 ? firstShareReaching(curve, weak + 0.5 * gap) : null,
    cpt80: gap > 0 ? firstShareReaching(curve, weak + 0.8 * gap) : null,
    auc: areaUnderRoc(outcomes),
    ece: calibrationError(outcomes),
  };
};

/** A 95 % bootstrap interval of APGR (200 resamples of the prompts, fixed seed), or null where APGR is undefined. */
export const apgrInterval = (outcomes: readonly Outcome[]): { low: number; high: number } | null => {
  const random = seededRandom(7);
  const values: number[] = [];
  for (let i = 0; i < RESAMPLES; i++) {
    const sample = outcomes.map(() => outcomes[Math.floor(random() * outcomes.length)]!);
    const { apgr } = measureRouting(sample);
    if (apgr !== null) values.push(apgr);
  }
  if (values.length < RESAMPLES / 2) return null;
  values.sort((a, b) => a - b);
  return { low: quantile(values, 0.025), high: quantile(values, 0.975) };
};

/** Linear interpolation between the neighbours in a rising list, as numpy's default does. */
export const quantile = (sorted: readonly number[], position: number): number => {
  const exact = position * (sorted.length - 1);
  const below = sorted[Math.floor(exact)]!;
  return below + (sorted[Math.ceil(exact)]! - below) * (exact - Math.floor(exact));
};

type CurvePoint = { share: number; quality: number };

/** Quality at each threshold, by rising share of strong calls, from none to all. */
const routingCurve = (outcomes: readonly Outcome[]): CurvePoint[] => {
  const rising = [...outcomes].sort((a, b) => a.difficulty - b.difficulty);
  const scores = rising.map((outcome) => outcome.difficulty);
  return Array.from({ length: THRESHOLDS + 1 }, (_, i) => {
    const step = THRESHOLDS - i;
    const threshold = quantile(scores, step / THRESHOLDS);
    let strongCalls = 0;
    let quality = 0;
    for (const { difficulty, weak, strong } of rising) {
      const isStrong = step === THRESHOLDS ? difficulty > threshold : difficulty >= threshold;
      if (isStrong) strongCalls++;
      quality += isStrong ? strong : weak;
    }
    return { share: strongCalls / rising.length, quality: quality / rising.length };
  });
};

const recoveredArea = (curve: readonly CurvePoint[], weak: number, gap: number): number => {
  let area = 0;
  curve.forEach(({ share, quality }, i) => {
    const before = curve[i - 1];
    if (before) area += ((share - before.share) * (quality + before.quality)) / 2;
  });
  const span = curve.at(-1)!.share - curve[0]!.share;
  return span > 0 ? (area - weak * span) / (gap * span) : 0.5;
};

const firstShareReaching = (curve: readonly CurvePoint[], quality: number): number => {
  const at = curve.findIndex((point) => point.quality >= quality);
  if (at < 0) return 1;
  const point = curve[at]!;
  const before = curve[at - 1];
  if (!before) return point.share;
  return before.share + ((quality - before.quality) / (point.quality - before.quality)) * (point.share - before.share);
};

/**
 * Mann-Whitney statistic, ties counted half. A prompt needs the strong model when that one is better; it does not when
 * the weak model is better, or as good and right (half a point or more); where both fail alike it is left out.
 */
const areaUnderRoc = (outcomes: readonly Outcome[]): number | null => {
  const labelled = outcomes
    .map(({ difficulty, weak, strong }) => ({ difficulty, needs: strong > weak, fits: strong < weak || weak >= 0.5 }))
    .filter((row) => row.needs || row.fits)
    .sort((a, b) => a.difficulty - b.difficulty);
  const positives = labelled.filter((row) => row.needs).length;
  const negatives = labelled.length - positives;
  if (positives === 0 || negatives === 0) return null;
  let wins = 0;
  let negativesBelow = 0;
  for (let i = 0; i < labelled.length; ) {
    const score = labelled[i]!.difficulty;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    for (; i < labelled.length && labelled[i]!.difficulty === score; i++) {
      if (labelled[i]!.needs) tiedPositives++;
      else tiedNegatives++;
    }
    wins += tiedPositives * (negativesBelow + tiedNegatives / 2);
    negativesBelow += tiedNegatives;
  }
  return wins / (positives * negatives);
};

/** Against the chance that the weak answer is the worse one, `strong * (1 - weak)`: 1 or 0 when scores are. */
const calibrationError = (outcomes: readonly Outcome[]): number => {
  const bins = Array.from({ length: CALIBRATION_BINS }, () => 0);
  for (const { difficulty, weak, strong } of outcomes) {
    const bin = Math.min(CALIBRATION_BINS - 1, Math.floor(difficulty * CALIBRATION_BINS));
    bins[bin]! += difficulty - strong * (1 - weak);
  }
  return bins.reduce((sum, difference) => sum + Math.abs(difference), 0) / Math.max(1, outcomes.length);
};

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
