import { toConversation } from './contract/chat-request.ts';
import type { Difficulty } from './difficulty/classifier.ts';
import { explainInWords } from './difficulty/explain-features.ts';
import type { Escalation } from './execution/cascade.ts';
import type { Inquiry } from './inquiry.ts';
import { costUnder } from './ledger/price.ts';
import { NO_TOKENS } from './ledger/tokens.ts';
import { type AffordOptions, afford } from './limits/afford.ts';
import type { Reserved } from './limits/counters.ts';
import { type Estimate, estimateTokens } from './limits/estimate.ts';
import type { Ports } from './ports.ts';
import { type DecideInput, decide } from './routing/decide.ts';
import type { Decision } from './routing/decision.ts';
import { type Home, homeOf } from './routing/provider-state.ts';
import { isObserved } from './routing/rollout.ts';
import type { SessionFacts, SessionState } from './routing/session.ts';
import { spendingRule } from './routing/spending-rule.ts';
import { thresholdOf } from './routing/threshold.ts';

/** What is known of a request that a model has to be asked, before it is decided which. */
export type Plan = {
  session: SessionFacts;
  /** What the conversation was given so far. */
  known: SessionState | null;
  /** Where what only its maker can read belongs. */
  home: Home | null;
  scored: Difficulty;
  /** How unsure answers are handed on; null where they are not. */
  escalation: Escalation | null;
  estimate: Estimate;
  decide: AffordOptions<Decision>['decide'];
};

/** Scores a request's difficulty, and takes down how everything stands at this moment. */
export const makePlan = (inquiry: Inquiry, session: SessionFacts, known: SessionState | null, ports: Ports): Plan => {
  const { request, facts, selection, caller, runtime, passage } = inquiry;
  const { route } = selection;
  const home = homeOf(request, known);
  const scored = runtime.classifier.classify(toConversation(request.body));
  const { difficulty, modelVersion } = scored;
  passage.note({ difficulty, classifierVersion: modelVersion });
  const isWatched = route !== null && isObserved(route, session.key);
  const situation: DecideInput = {
    table: runtime.table,
    selection,
    facts,
    requestedModel: request.model,
    difficulty,
    threshold: thresholdOf(route, difficulty, { ...ports, classifier: runtime.classifier }),
    states: new Map([...runtime.upstreams].map(([name, upstream]) => [name, upstream.state()])),
    health: ports.health.snapshot(runtime.table.candidates),
    session: route?.difficulty === undefined || known === null ? null : { ...known, isToolLoop: session.isToolLoop },
    home,
    isObserved: isWatched,
    permissions: caller.permissions,
    random: ports.random(),
  };
  return {
    session,
    known,
    home,
    scored,
    escalation: isWatched ? null : escalationOf(inquiry),
    estimate: estimateTokens(facts.promptTokens, facts.answerTokens, request.body.n ?? 1),
    decide: (spending) => decide({ ...situation, spending: spendingRule(spending, runtime.table, runtime.billingOf) }),
  };
};

/** Decides within what limits and budgets leave, and sets that aside. @throws GatewayError as `decide`. */
export const decideWithin = (
  { incoming, limited, runtime }: Inquiry,
  plan: Plan,
  ports: Ports,
): Promise<Reserved & { decision: Decision }> =>
  afford({
    requestId: incoming.id,
    limited,
    estimate: plan.estimate,
    isEscalating: plan.escalation !== null,
    tiers: runtime.table.tiers,
    decide: plan.decide,
    priceOf: (candidate, tokens) => costUnder({ ...NO_TOKENS, ...tokens }, runtime.billingOf(candidate)),
    ...ports,
  });

/** Notes what was decided and why. */
export const noteDecision = (
  { passage, runtime }: Inquiry,
  { scored }: Plan,
  { tier, threshold, route, reasons }: Decision,
): void => {
  const routeLine = runtime.config.routeLines[route] ?? null;
  const featureValues = threshold === null ? null : scored.values;
  passage.note({ tier, decision: { threshold, routeLine, featureValues } });
  passage.because(reasons);
  passage.explain(() => explainInWords(scored, threshold));
};

/** How the route hands unsure answers on; null where it does not, or the client steers or multiplies the answer itself. */
const escalationOf = ({ selection: { route, forcedTier }, request, runtime }: Inquiry): Escalation | null => {
  if (route?.escalate === undefined || forcedTier !== null || (request.body.n ?? 1) > 1) return null;
  const { maxHold, ...rules } = route.escalate;
  return {
    ...rules,
    maxHoldMs: maxHold,
    keepsUnsure: route.fallback === 'any',
    ranks: new Map(runtime.table.tiers.map(({ name }, rank) => [name, rank])),
    tableOf: runtime.confidenceOf,
  };
};
