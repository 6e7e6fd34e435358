import type { LoadedConfig } from './config/loaded-config.ts';
import { parseChatRequest, toConversation } from './contract/chat-request.ts';
import type { DifficultyClassifier } from './difficulty/classifier.ts';
import { explainAlternative, mainReasons, type Reason } from './difficulty/explain-features.ts';
import { decide } from './routing/decide.ts';
import { factsOf, languageOf } from './routing/request-facts.ts';
import { compileRoutingTable } from './routing/routing-table.ts';
import { selectRoute } from './routing/select-route.ts';
import { ShareThresholds } from './routing/share-thresholds.ts';
import { thresholdOf } from './routing/threshold.ts';

export type DryRun = {
  route: string;
  tier: string;
  difficulty: number;
  threshold: number | null;
  reasons: string[];
  /** `upstream/model` in the order they would be asked. */
  attempts: string[];
  /** What moved the difficulty most, strongest first, in log-odds against an average prompt. */
  because: Reason[];
  /** What would have had to be different for another tier; null where difficulty did not decide. */
  alternative: string | null;
};

/**
 * The decision that a request would meet if every upstream were well; sends nothing. Upstreams without a key count as
 * well, so that rules can be checked on machines that have no secrets; a rollout counts as complete.
 * @param at Unix milliseconds, for rules that hold at certain times.
 * @throws GatewayError as the gateway would answer.
 */
export const dryRun = async (
  config: LoadedConfig,
  classifier: DifficultyClassifier,
  { prompt, model, team, at }: { prompt: string; model: string; team: string; at: number },
): Promise<DryRun> => {
  const request = parseChatRequest(
    Buffer.from(JSON.stringify({ model, messages: [{ role: 'user', content: prompt }] })),
  );
  const table = compileRoutingTable(config);
  const facts = factsOf(request, table.usesLanguage ? await languageOf(request) : null);
  const selection = selectRoute(table, { model, team, route: null, tier: null, at }, facts);
  const scored = classifier.classify(toConversation(request.body));
  const { difficulty } = scored;
  // As at the beginning of a day with nothing spent.
  const pace = { affordableShare: () => 1 };
  const shares = new ShareThresholds(classifier.typicalDifficulties);
  const threshold = thresholdOf(selection.route, difficulty, { shares, pace, classifier });
  const names = Object.keys(config.routes.upstreams);
  const states = new Map(names.map((name) => [name, { state: 'ready', detail: 'ready' } as const]));
  const decision = decide({
    table,
    selection,
    facts,
    requestedModel: model,
    difficulty,
    threshold,
    states,
    health: new Map(),
    session: null,
    isObserved: selection.route?.mode === 'observe',
    random: 0,
  });
  return {
    route: decision.route,
    tier: decision.tier,
    difficulty,
    threshold: decision.threshold,
    reasons: decision.reasons,
    attempts: decision.attempts.map((attempt) => `${attempt.upstream}/${attempt.model}`),
    because: mainReasons(scored),
    alternative: decision.threshold === null ? null : explainAlternative(difficulty, decision.threshold),
  };
};
