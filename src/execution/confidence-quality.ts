/** A confidence with how good the answer was, both 0 to 1. A row is compared only with others of its fold. */
export type ScoredAnswer = { score: number; good: number; fold: number };

/** What a `minConfidence` would do: the share of answers it keeps, and how good they are; null where it keeps none. */
export type KeptAnswers = { minConfidence: number; share: number; good: number | null };

const BINS = 10;
const RESAMPLES = 1_000;

/** Half right counts as right where only two classes will do. */
export const isRightAnswer = ({ good }: { good: number }): boolean => good >= 0.5;

/**
 * Chance that a right answer scores above a wrong one of the same fold (Mann-Whitney), ties counted half; null where no
 * fold has both. Folds are kept apart because each is scored by a map of its own.
 */
export const areaUnderRoc = (answers: readonly ScoredAnswer[]): number | null => areaOf(rankFolds(answers), null);

/**
 * A 95 % bootstrap interval of `areaUnderRoc`, from 1,000 resamples of the answers. A resample without both kinds shows
 * nothing and counts as chance, 0.5.
 * @param random numbers in [0, 1); the same ones give the same interval.
 */
export const areaInterval = (answers: readonly ScoredAnswer[], random: () => number): { low: number; high: number } => {
  const folds = rankFolds(answers);
  const times = new Uint32Array(answers.length);
  const areas = Array.from({ length: RESAMPLES }, () => {
    times.fill(0);
    for (let i = 0; i < times.length; i++) times[Math.floor(random() * times.length)]!++;
    return areaOf(folds, times) ?? 0.5;
  }).sort((a, b) => a - b);
  const at = (share: number) => areas[Math.round(share * (RESAMPLES - 1))]!;
  return { low: at(0.025), high: at(0.975) };
};

/** Expected calibration error: how far confidence and quality lie apart, over ten equal bins of confidence. */
export const calibrationError = (answers: readonly ScoredAnswer[]): number => {
  const differences = new Array<number>(BINS).fill(0);
  for (const { score, good } of answers) differences[Math.min(BINS - 1, Math.floor(score * BINS))]! += score - good;
  return differences.reduce((sum, difference) => sum + Math.abs(difference), 0) / answers.length;
};

export const keptAnswers = (answers: readonly ScoredAnswer[], minConfidence: number): KeptAnswers => {
  const kept = answers.filter(({ score }) => score >= minConfidence);
  const good = kept.length === 0 ? null : kept.reduce((sum, answer) => sum + answer.good, 0) / kept.length;
  return { minConfidence, share: kept.length / answers.length, good };
};

type Ranked = { score: number; isRight: boolean; index: number };

const rankFolds = (answers: readonly ScoredAnswer[]): Ranked[][] => {
  const folds = new Map<number, Ranked[]>();
  answers.forEach((answer, index) => {
    const ranked = folds.get(answer.fold) ?? [];
    ranked.push({ score: answer.score, isRight: isRightAnswer(answer), index });
    folds.set(answer.fold, ranked);
  });
  return [...folds.values()].map((ranked) => ranked.sort((a, b) => a.score - b.score));
};

/** @param times how often each answer counts; null is once. */
const areaOf = (folds: readonly Ranked[][], times: Uint32Array | null): number | null => {
  let [wins, pairs] = [0, 0];
  for (const ranked of folds) {
    let [wrongBelow, rights] = [0, 0];
    for (let i = 0; i < ranked.length; ) {
      const { score } = ranked[i]!;
      let [tiedRight, tiedWrong] = [0, 0];
      for (; i < ranked.length && ranked[i]!.score === score; i++) {
        const count = times === null ? 1 : times[ranked[i]!.index]!;
        if (ranked[i]!.isRight) tiedRight += count;
        else tiedWrong += count;
      }
      wins += tiedRight * (wrongBelow + tiedWrong / 2);
      wrongBelow += tiedWrong;
      rights += tiedRight;
    }
    pairs += rights * wrongBelow;
  }
  return pairs === 0 ? null : wins / pairs;
};
