import type { DecideInput } from './decide.ts';
import { mayUseModel, mayUseTier } from './permissions.ts';
import type { RequestFacts } from './request-facts.ts';
import type { Candidate } from './routing-table.ts';

/** How soon a model is asked: well, still starting, or left alone for a while as it asked. Null: not at all. */
type Verdict = { rank: 0 | 1 | 2 | null; why: string | null };

/**
 * The candidates that can be asked, the best placed first. Says why those that the route prefers to the first of them
 * have to stand back; what the others lack does not matter to this request.
 */
export const usableCandidates = (
  input: DecideInput,
  candidates: Candidate[],
  mustFit: boolean,
  note: (reason: string) => void,
): Candidate[] => {
  const verdicts = candidates.map((candidate) => ({ candidate, ...verdictOf(candidate, input, mustFit) }));
  const attempts = [0, 1, 2].flatMap((rank) =>
    verdicts.filter((verdict) => verdict.rank === rank).map(({ candidate }) => candidate),
  );
  for (const { candidate, why } of verdicts) {
    if (candidate === attempts[0]) break;
    if (why !== null) note(why);
  }
  return attempts;
};

const verdictOf = (candidate: Candidate, input: DecideInput, mustFit: boolean): Verdict => {
  const { facts, states, health, spending, permissions } = input;
  const { tier, upstream, model } = candidate;
  if (!mayUseTier(permissions, tier)) return { rank: null, why: `tier ${tier} is not for this key` };
  if (!mayUseModel(permissions, candidate)) return { rank: null, why: `${model} is not for this key` };
  const bar = spending?.bars(candidate) ?? null;
  // That a budget is used up is said once, of the whole decision.
  if (bar !== null) return { rank: null, why: bar === 'budget' ? null : `${model} has no price for the budget` };
  const misfit = mustFit ? misfitOf(candidate, facts) : foreignTo(candidate, facts);
  if (misfit !== null) return { rank: null, why: misfit };
  const { state = 'disabled', detail = 'not configured' } = states.get(upstream) ?? {};
  if (state !== 'ready' && state !== 'starting') return { rank: null, why: `${upstream}: ${detail}` };
  const { circuit = 'closed', retryInMs = 0 } = health.get(`${upstream}/${model}`) ?? {};
  if (circuit === 'open') {
    return { rank: null, why: `${upstream}/${model}: failing, asked again in ${Math.ceil(retryInMs / 1000)} s` };
  }
  if (state === 'starting') return { rank: 1, why: `${upstream}: ${detail}` };
  return retryInMs > 0 ? { rank: 2, why: `${upstream}: rate limited` } : { rank: 0, why: null };
};

/** Why a model cannot serve a request, in words; null when it can as far as is known. */
export const misfitOf = (candidate: Candidate, facts: RequestFacts): string | null => {
  const { capabilities, contextTokens, model } = candidate;
  const foreign = foreignTo(candidate, facts);
  if (foreign !== null) return foreign;
  for (const need of facts.needs) if (!capabilities.has(need)) return `${need} need a capable model`;
  if (contextTokens !== null && facts.promptTokens > contextTokens) {
    return `about ${facts.promptTokens} prompt tokens exceed the ${contextTokens} of ${model}`;
  }
  return null;
};

/** Why a request cannot even be said to a model's upstream; null when it can. */
export const foreignTo = ({ apis, upstream }: Candidate, { native }: RequestFacts): string | null => {
  if (native !== null && apis.has(native.api)) return null;
  if (native?.need != null) return `${native.need.what} needs an upstream that speaks ${native.api}`;
  return apis.has('chat') ? null : `${upstream} does not speak chat completions`;
};
