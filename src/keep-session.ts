import type { Inquiry } from './inquiry.ts';
import type { Plan } from './plan.ts';
import type { Ports } from './ports.ts';
import { isBound } from './routing/provider-state.ts';
import type { Candidate } from './routing/routing-table.ts';

/**
 * Remembers who answered a conversation whose tier is chosen for it, or that holds what only they can read. Never rejects:
 * a session that cannot be kept costs the next request its tier, and must not cost this one its answer.
 */
export const keepSession = async (
  { incoming, request, selection: { route }, runtime }: Inquiry,
  { session, known }: Plan,
  { tier, upstream, model }: Candidate,
  { sessions, logger }: Pick<Ports, 'sessions' | 'logger'>,
): Promise<void> => {
  if (route === null || route.session.ttl === 0) return;
  if (route.difficulty === undefined && request.native === undefined && !isBound(request)) return;
  const rank = runtime.table.tiers.findIndex(({ name }) => name === tier);
  try {
    await sessions.set(session.key, { rank: Math.max(rank, known?.rank ?? 0), upstream, model }, route.session.ttl);
  } catch (error) {
    logger.warn({ err: error, id: incoming.id }, 'a session could not be kept');
  }
};
