import type { Remember } from './cache/look-up.ts';
import type { RouteConfig } from './config/route-schema.ts';
import type { ChatRequest } from './contract/chat-request.ts';
import { type Recording, recordedTexts } from './ledger/recording.ts';
import type { Ports } from './ports.ts';

/** Who asked and what was decided, as the ledger has it too. */
export type RecordedFacts = Pick<Recording, 'id' | 'at' | 'team' | 'keyId' | 'difficulty' | 'isEscalated'>;

/**
 * What keeps a complete answer: for the cache, and with its request where the route says `record: prompts`. A recording
 * that cannot be kept is logged and costs nobody an answer. Null where nothing is to be kept.
 */
export const alsoRecord = (
  remember: Remember | null,
  route: RouteConfig | null,
  request: ChatRequest,
  facts: () => RecordedFacts,
  { recordings, clock, logger }: Pick<Ports, 'recordings' | 'clock' | 'logger'>,
): Remember | null => {
  if (route?.record === undefined) return remember;
  const { name, record } = route;
  return async (answer) => {
    await remember?.(answer);
    const texts = recordedTexts(request.body, answer.completion);
    if (texts === null) return;
    const { tier, upstream, model } = answer;
    const own = facts();
    try {
      await recordings.keep({ ...own, route: name, tier, upstream, model, expiresAt: clock.now() + record, ...texts });
    } catch (error) {
      logger.warn({ err: error, id: own.id }, 'a request could not be recorded');
    }
  };
};
