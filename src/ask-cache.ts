import { type LookUp, lookUp } from './cache/look-up.ts';
import type { Inquiry } from './inquiry.ts';
import type { Ports } from './ports.ts';
import { openSemanticCache } from './semantic-cache.ts';

/** Looks for an answer that is there or on its way. @throws GatewayError as `lookUp`. */
export const askCache = (inquiry: Inquiry, ports: Ports): Promise<LookUp> => {
  const { incoming, caller, request, selection, runtime, passage } = inquiry;
  // Chat cannot say all of it, so it could not be told from another request.
  const route = request.native?.need == null ? selection.route : null;
  const scope = runtime.cacheScopeOf(caller, selection);
  return lookUp(
    {
      route,
      scope,
      request,
      cacheControl: incoming.headers['cache-control'],
      similar: openSemanticCache({ route, scope, request, caller, incoming, passage, runtime }, ports),
      signal: incoming.signal,
      waiting: (promise) => passage.waiting(promise),
    },
    ports,
  );
};
