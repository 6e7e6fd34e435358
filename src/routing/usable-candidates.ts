import type { DecideInput } from './decide.ts';
import type { RequestFacts } from './request-facts.ts';
import type { Candidate } from './routing-table.ts';

/**
 * The candidates that can be asked: ready ones, then those still starting, then those that asked to be left alone for a
 * while. Says why the others cannot.
 */
export const usableCandidates = (
  { facts, states, health }: DecideInput,
  candidates: Candidate[],
  mustFit: boolean,
  note: (reason: string) => void,
): Candidate[] => {
  const stateOf = ({ upstream }: Candidate) => states.get(upstream)?.state ?? 'disabled';
  const healthOf = ({ upstream, model }: Candidate) => health.get(`${upstream}/${model}`);
  const isOpen = (candidate: Candidate): boolean => {
    const { circuit, retryInMs } = healthOf(candidate) ?? { circuit: 'closed', retryInMs: 0 };
    if (circuit !== 'open') return false;
    note(`${candidate.upstream}/${candidate.model}: failing, asked again in ${Math.ceil(retryInMs / 1000)} s`);
    return true;
  };
  const isLimited = (candidate: Candidate): boolean => (healthOf(candidate)?.retryInMs ?? 0) > 0;
  const fitting = candidates.filter((candidate) => {
    const misfit = mustFit ? misfitOf(candidate, facts) : null;
    if (misfit !== null) note(misfit);
    return misfit === null;
  });
  const able = fitting.filter((candidate) => {
    const state = states.get(candidate.upstream);
    const isAble = state?.state === 'ready' || state?.state === 'starting';
    if (!isAble) note(`${candidate.upstream}: ${state?.detail ?? 'not configured'}`);
    return isAble && !isOpen(candidate);
  });
  const ready = able.filter((candidate) => stateOf(candidate) === 'ready' && !isLimited(candidate));
  const limited = able.filter((candidate) => stateOf(candidate) === 'ready' && isLimited(candidate));
  const starting = able.filter((candidate) => stateOf(candidate) === 'starting');
  for (const { upstream } of ready.length > 0 ? starting : []) note(`${upstream}: ${states.get(upstream)?.detail}`);
  for (const { upstream } of ready.length > 0 ? limited : []) note(`${upstream}: rate limited`);
  return [...ready, ...starting, ...limited];
};

/** Why a model cannot serve a request, in words; null when it can as far as is known. */
export const misfitOf = ({ capabilities, contextTokens, model }: Candidate, facts: RequestFacts): string | null => {
  for (const need of facts.needs) if (!capabilities.has(need)) return `${need} need a capable model`;
  if (contextTokens !== null && facts.promptTokens > contextTokens) {
    return `about ${facts.promptTokens} prompt tokens exceed the ${contextTokens} of ${model}`;
  }
  return null;
};
