import { askIfSame } from './ask-if-same.ts';
import type { CacheScope } from './cache/cache-key.ts';
import { SemanticLookUp } from './cache/semantic-look-up.ts';
import { semanticQuestion } from './cache/semantic-question.ts';
import type { RouteConfig } from './config/route-schema.ts';
import type { Caller } from './contract/caller.ts';
import type { ChatRequest } from './contract/chat-request.ts';
import type { Incoming } from './contract/incoming.ts';
import { embedTexts } from './embed-texts.ts';
import type { Passage } from './passage.ts';
import type { Ports, Runtime } from './ports.ts';

export type SemanticRequest = {
  route: RouteConfig | null;
  scope: CacheScope;
  request: ChatRequest;
  caller: Caller;
  incoming: Pick<Incoming, 'id' | 'signal'>;
  passage: Passage;
  runtime: Runtime;
};

/** The search by meaning for one request; null where its route asks for none. */
export const openSemanticCache = (asked: SemanticRequest, ports: Ports): SemanticLookUp | null => {
  const { route, scope, request, caller, incoming, passage, runtime } = asked;
  const rule = route?.cache?.semantic;
  if (!route?.cache || rule === undefined) return null;
  const { team } = caller;
  const call = { requestId: incoming.id, team, signal: incoming.signal };
  const embedding = { ...call, model: rule.embeddings, ttlMs: route.cache.ttl };
  return new SemanticLookUp(
    incoming.id,
    () => semanticQuestion(scope, request),
    { ...rule, route: route.name, lifeMs: route.cache.ttl },
    {
      ...ports.semantic,
      cache: ports.cache,
      random: ports.random,
      embed: (texts) => embedTexts(texts, embedding, passage, runtime, ports),
      isSame: (one, other) => askIfSame([one, other], call, passage, runtime, ports),
    },
  );
};
