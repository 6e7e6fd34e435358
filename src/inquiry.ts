import type { Caller } from './contract/caller.ts';
import type { ChatRequest } from './contract/chat-request.ts';
import type { Incoming } from './contract/incoming.ts';
import type { StoredRequestFacts } from './contract/ledger-entry.ts';
import { HEADERS } from './contract/vocabulary.ts';
import { type Limited, limitedBy } from './limits/subjects.ts';
import type { Passage } from './passage.ts';
import type { Runtime } from './ports.ts';
import type { RequestFacts } from './routing/request-facts.ts';
import { type Selection, selectRoute, type Wishes } from './routing/select-route.ts';

/** A request that has been read: who asks, for what, and the rule that it falls under. */
export type Inquiry = {
  incoming: Incoming;
  caller: Caller;
  request: ChatRequest;
  facts: RequestFacts;
  selection: Selection;
  /** Whose limits and budgets it counts against. */
  limited: Limited[];
  runtime: Runtime;
  passage: Passage;
};

/**
 * Finds the rule for a request that arrived at `at` (Unix milliseconds), and notes what a simulation decides it again by.
 * @throws GatewayError as `selectRoute`.
 */
export const toInquiry = (read: Omit<Inquiry, 'selection' | 'limited'>, at: number): Inquiry => {
  const { incoming, caller, request, facts, runtime, passage } = read;
  const wishes = wishesOf(incoming, request.model, caller, at);
  passage.note({ request: storedFactsOf(facts, wishes) });
  const selection = selectRoute(runtime.table, wishes, facts);
  passage.note({ route: selection.route?.name ?? 'direct' });
  const limited = limitedBy(caller, runtime.table.teams[caller.team], selection.route);
  return { ...read, selection, limited };
};

const wishesOf = ({ headers }: Incoming, model: string, { team, permissions }: Caller, at: number): Wishes => ({
  model,
  team,
  permissions,
  at,
  route: headerValue(headers[HEADERS.route]),
  tier: headerValue(headers[HEADERS.tier]),
});

/** What `rightsize simulate` decides a request again by. */
const storedFactsOf = (facts: RequestFacts, { route, tier }: Wishes): StoredRequestFacts => ({
  promptTokens: facts.promptTokens,
  answerTokens: facts.answerTokens,
  hasSystem: facts.hasSystem,
  language: facts.language,
  // Of another wire format it also holds the request itself, which is not kept.
  native: facts.native && { api: facts.native.api, need: facts.native.need },
  needs: [...facts.needs],
  wishedRoute: route,
  wishedTier: tier,
});

const headerValue = (value: string | string[] | undefined): string | null => (typeof value === 'string' ? value : null);
