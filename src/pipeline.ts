import { authenticate } from './auth/authenticate.ts';
import type { Flight } from './cache/flight.ts';
import { lookUp } from './cache/look-up.ts';
import type { Caller } from './contract/caller.ts';
import { type ChatRequest, toConversation } from './contract/chat-request.ts';
import { toGatewayError } from './contract/errors.ts';
import type { Incoming, Reply } from './contract/incoming.ts';
import type { StoredRequestFacts } from './contract/ledger-entry.ts';
import { HEADERS } from './contract/vocabulary.ts';
import type { Dialect } from './dialects/dialect.ts';
import { explainInWords } from './difficulty/explain-features.ts';
import type { Escalation } from './execution/cascade.ts';
import { execute } from './execution/execute.ts';
import { AttemptRecorder } from './ledger/attempt-recorder.ts';
import { costUnder } from './ledger/price.ts';
import { tagsOf } from './ledger/tags.ts';
import { NO_TOKENS } from './ledger/tokens.ts';
import { acquire } from './limits/acquire.ts';
import { admit } from './limits/admit.ts';
import { afford } from './limits/afford.ts';
import { estimateTokens } from './limits/estimate.ts';
import { limitedBy } from './limits/subjects.ts';
import { Passage, type ServedBy } from './passage.ts';
import type { Ports, Runtime } from './ports.ts';
import { alsoRecord } from './record-answer.ts';
import { refreshStale } from './refresh-stale.ts';
import { decide } from './routing/decide.ts';
import { homeOf, isBound } from './routing/provider-state.ts';
import { factsOf, languageOf, type RequestFacts } from './routing/request-facts.ts';
import { isObserved } from './routing/rollout.ts';
import type { Candidate } from './routing/routing-table.ts';
import { type Selection, selectRoute, type Wishes } from './routing/select-route.ts';
import { type SessionState, type SessionStore, sessionOf } from './routing/session.ts';
import { spendingRule } from './routing/spending-rule.ts';
import { thresholdOf } from './routing/threshold.ts';
import { openSemanticCache } from './semantic-cache.ts';
import { streamOut } from './stream-out.ts';
import { strippedFrom } from './upstreams/fit-parameters.ts';

/**
 * The story of one request for inference, whatever its wire format: authenticate, parse, admit, look up, classify, decide and
 * afford, execute, stream out, record.
 * Never throws: whatever goes wrong is a `failure` reply, and is in the ledger.
 */
export const createPipeline = (ports: Ports) => {
  const handle = async (incoming: Incoming, dialect: Dialect): Promise<Reply> => {
    const runtime = ports.runtime();
    const passage = new Passage(incoming, runtime, ports);
    let flight: Flight | null = null;
    try {
      const caller = await authenticate(incoming, ports.keys);
      passage.note({ team: caller.team, keyId: caller.keyId });
      const bytes = await passage.waiting(incoming.readBody());
      const asked = await dialect.read(bytes, { id: incoming.id, team: caller.team, headers: incoming.headers });
      const request = asked.chat;
      const tags = tagsOf(caller.tags, request.body['metadata']);
      passage.note({ requestedModel: request.model, isStream: request.isStream, tags });
      const facts = factsOf(request, runtime.table.usesLanguage ? await languageOf(request) : null);
      const wishes = wishesOf(incoming, request.model, caller, ports.clock.now());
      passage.note({ request: storedFactsOf(facts, wishes) });
      const selection = selectRoute(runtime.table, wishes, facts);
      passage.note({ route: selection.route?.name ?? 'direct' });
      const limited = limitedBy(caller, runtime.table.teams[caller.team], selection.route);
      passage.hold(await admit(incoming.id, limited, ports.counters));

      // Chat cannot say all of it, so it could not be told from another request.
      const route = request.native?.need == null ? selection.route : null;
      const scope = runtime.cacheScopeOf(caller, selection);
      const found = await lookUp(
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
      passage.note({ cache: found.status });
      if (found.kind !== 'absent') {
        if (found.kind === 'stored' && found.needsRefresh) {
          refreshStale(
            found.place,
            { ...incoming, readBody: async () => bytes },
            (again) => handle(again, dialect),
            ports,
          );
        }
        const answer = found.kind === 'stored' ? passage.replay(found) : passage.share(found);
        const writer = asked.answer({ served: answer.candidate, route: selection.route, session: null });
        return await streamOut(answer, request.isStream, writer, passage);
      }
      flight = found.flight;
      if (flight !== null) passage.pay(flight.ended);

      const session = sessionOf(request.body, caller.team, incoming.headers[HEADERS.session], request.chain?.session);
      const known = session.isUnderWay ? await ports.sessions.get(session.key) : null;
      const home = homeOf(request, known);
      const scored = runtime.classifier.classify(toConversation(request.body));
      const { difficulty, modelVersion, values } = scored;
      passage.note({ difficulty, classifierVersion: modelVersion });
      const isWatched = selection.route !== null && isObserved(selection.route, session.key);
      const situation = {
        table: runtime.table,
        selection,
        facts,
        requestedModel: request.model,
        difficulty,
        threshold: thresholdOf(selection.route, difficulty, { ...ports, classifier: runtime.classifier }),
        states: new Map([...runtime.upstreams].map(([name, upstream]) => [name, upstream.state()])),
        health: ports.health.snapshot(runtime.table.tiers.flatMap(({ candidates }) => candidates)),
        session:
          selection.route?.difficulty === undefined || known === null
            ? null
            : { ...known, isToolLoop: session.isToolLoop },
        home,
        isObserved: isWatched,
        permissions: caller.permissions,
        random: ports.random(),
      };
      const escalation = isWatched ? null : escalationOf(selection, request, runtime);
      const estimate = estimateTokens(facts.promptTokens, facts.answerTokens, request.body.n ?? 1);
      const { decision, ...reserved } = await afford({
        requestId: incoming.id,
        limited,
        estimate,
        isEscalating: escalation !== null,
        tiers: runtime.table.tiers,
        decide: (spending) =>
          decide({ ...situation, spending: spendingRule(spending, runtime.table, runtime.billingOf) }),
        priceOf: (candidate, tokens) => costUnder({ ...NO_TOKENS, ...tokens }, runtime.billingOf(candidate)),
        ...ports,
      });
      passage.hold(reserved);
      const { tier, threshold } = decision;
      const routeLine = runtime.config.routeLines[decision.route] ?? null;
      passage.note({ tier, decision: { threshold, routeLine, featureValues: threshold === null ? null : values } });
      passage.because(decision.reasons);
      passage.explain(() => explainInWords(scored, decision.threshold));

      const completion = await execute({
        attempts: decision.attempts,
        request,
        upstreams: runtime.upstreams,
        partition: caller.team,
        session: session.key,
        home: home?.upstream ?? null,
        signal: flight?.signal ?? incoming.signal,
        acquire: ({ upstream }) =>
          acquire(incoming.id, upstream, runtime.config.routes.upstreams[upstream]?.limits, estimate, ports.counters),
        record: (candidate, hold) => new AttemptRecorder(passage.beginAttempt(candidate, hold), request),
        escalation,
        retries: selection.route?.retries ?? 0,
        health: ports.health,
        clock: ports.clock,
        random: ports.random,
      });
      // A session that cannot be kept costs the next request its tier, and must not cost this one its answer.
      const { candidate: served } = completion;
      await keepSession({ key: session.key, known, served, request, selection, runtime }, ports.sessions).catch(
        (error: unknown) => ports.logger.warn({ err: error, id: incoming.id }, 'a session could not be kept'),
      );
      passage.because(fallbackReasons(completion.failures, completion.candidate.tier));
      passage.left(leftOut(request, served, runtime));
      const writer = asked.answer({ served, route: selection.route, session: session.key });
      const taken = flight === null ? completion : await flight.took(completion);
      // The call went on for others.
      if (incoming.signal.aborted) throw incoming.signal.reason;
      const remember = alsoRecord(found.remember, selection.route, request, () => passage.recorded(), ports);
      return await streamOut({ ...taken, remember }, request.isStream, writer, passage);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      await flight?.failed(error);
      return { ...(await passage.fail(error)), text: dialect.failure(error) };
    }
  };
  return handle;
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

/** The parameters that the upstream which answers was not sent; one that speaks the client's own format got all. */
const leftOut = (request: ChatRequest, { upstream: name, model }: ServedBy, { upstreams }: Runtime): string[] => {
  const upstream = upstreams.get(name);
  const isNative = request.native !== undefined && upstream?.apis.has(request.native.api) === true;
  return upstream === undefined || isNative ? [] : strippedFrom(request, upstream.kind, model);
};

const fallbackReasons = (failures: string[], tier: string): string[] =>
  failures.length === 0 ? [] : [...failures, `answered by ${tier}`];

/** How the route hands unsure answers on; null where it does not, or the client steers or multiplies the answer itself. */
const escalationOf = ({ route, forcedTier }: Selection, { body }: ChatRequest, runtime: Runtime): Escalation | null => {
  if (route?.escalate === undefined || forcedTier !== null || (body.n ?? 1) > 1) return null;
  const { maxHold, ...rules } = route.escalate;
  return {
    ...rules,
    maxHoldMs: maxHold,
    keepsUnsure: route.fallback === 'any',
    ranks: new Map(runtime.table.tiers.map(({ name }, rank) => [name, rank])),
    tableOf: runtime.confidenceOf,
  };
};

type Answered = {
  key: string;
  known: SessionState | null;
  served: Candidate;
  request: ChatRequest;
  selection: Selection;
  runtime: Runtime;
};

/** Remembers who answered a conversation whose tier is chosen for it, or that holds what only they can read. */
const keepSession = async (
  { key, known, served: { tier, upstream, model }, request, selection: { route }, runtime }: Answered,
  sessions: SessionStore,
): Promise<void> => {
  if (route === null || route.session.ttl === 0) return;
  if (route.difficulty === undefined && request.native === undefined && !isBound(request)) return;
  const rank = runtime.table.tiers.findIndex(({ name }) => name === tier);
  await sessions.set(key, { rank: Math.max(rank, known?.rank ?? 0), upstream, model }, route.session.ttl);
};
