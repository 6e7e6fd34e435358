import type { RouteConfig } from '../config/route-schema.ts';
import type { DifficultyClassifier } from '../difficulty/classifier.ts';
import type { CostPace } from './cost-pace.ts';
import type { ShareThresholds } from './share-thresholds.ts';

/** What thresholds are made of that routes.yaml does not fix. */
export type ThresholdSources = {
  shares: Pick<ShareThresholds, 'thresholdFor'>;
  pace: Pick<CostPace, 'affordableShare'>;
  classifier: Pick<DifficultyClassifier, 'thresholdForQuality'>;
};

/** The difficulty from which a route sends requests to the strongest tier; null where difficulty does not decide. */
export const thresholdOf = (
  route: RouteConfig | null,
  difficulty: number,
  { shares, pace, classifier }: ThresholdSources,
): number | null => {
  const rule = route?.difficulty;
  if (route === null || rule === undefined) return null;
  if ('threshold' in rule) return rule.threshold;
  if ('quality' in rule) return classifier.thresholdForQuality(rule.quality);
  const share = 'largeShare' in rule ? rule.largeShare : pace.affordableShare(route.name, rule.maxCostPerDay * 1e9);
  return shares.thresholdFor(route.name, share, difficulty);
};
