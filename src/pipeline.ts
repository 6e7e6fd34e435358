import { askCache } from './ask-cache.ts';
import { askModels, noteAnswer } from './ask-models.ts';
import { authenticate } from './auth/authenticate.ts';
import type { Flight } from './cache/flight.ts';
import { toGatewayError } from './contract/errors.ts';
import type { Incoming, Reply } from './contract/incoming.ts';
import { HEADERS } from './contract/vocabulary.ts';
import type { Dialect } from './dialects/dialect.ts';
import { answerWith } from './found-answer.ts';
import { toInquiry } from './inquiry.ts';
import { keepSession } from './keep-session.ts';
import { tagsOf } from './ledger/tags.ts';
import { admit } from './limits/admit.ts';
import { Passage } from './passage.ts';
import { decideWithin, makePlan, noteDecision } from './plan.ts';
import type { Ports } from './ports.ts';
import { alsoRecord } from './record-answer.ts';
import { refreshStale } from './refresh-stale.ts';
import { factsOf, languageOf } from './routing/request-facts.ts';
import { sessionOf } from './routing/session.ts';
import { streamOut } from './stream-out.ts';

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
      const { chat: request } = asked;
      const tags = tagsOf(caller.tags, request.body['metadata']);
      passage.note({ requestedModel: request.model, isStream: request.isStream, tags });
      const facts = factsOf(request, runtime.table.usesLanguage ? await languageOf(request) : null);
      const inquiry = toInquiry({ incoming, caller, request, facts, runtime, passage }, ports.clock.now());
      const { route } = inquiry.selection;
      passage.hold(await admit(incoming.id, inquiry.limited, ports.counters));

      const found = await askCache(inquiry, ports);
      passage.note({ cache: found.status });
      if (found.kind !== 'absent') {
        if (found.kind === 'stored' && found.needsRefresh) {
          const again = { ...incoming, readBody: async () => bytes };
          refreshStale(found.place, again, (each) => handle(each, dialect), ports);
        }
        const answer = answerWith(found, passage, ports.clock);
        const writer = asked.answer({ served: answer.candidate, route, session: null });
        return await streamOut(answer, request.isStream, writer, passage);
      }
      flight = found.flight;
      if (flight !== null) passage.pay(flight.ended);

      const session = sessionOf(request.body, caller.team, incoming.headers[HEADERS.session], request.chain?.session);
      const known = session.isUnderWay ? await ports.sessions.get(session.key) : null;
      const plan = makePlan(inquiry, session, known, ports);
      const { decision, ...reserved } = await decideWithin(inquiry, plan, ports);
      passage.hold(reserved);
      noteDecision(inquiry, plan, decision);

      const signal = flight?.signal ?? incoming.signal;
      const completion = await askModels(inquiry, plan, { attempts: decision.attempts, signal }, ports);
      const { candidate: served } = completion;
      await keepSession(inquiry, plan, served, ports);
      noteAnswer(inquiry, completion);
      const writer = asked.answer({ served, route, session: session.key });
      const taken = flight === null ? completion : await flight.took(completion);
      // The call went on for others.
      if (incoming.signal.aborted) throw incoming.signal.reason;
      const remember = alsoRecord(found.remember, route, request, () => passage.recorded(), ports);
      return await streamOut({ ...taken, remember }, request.isStream, writer, passage);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      await flight?.failed(error);
      return { ...(await passage.fail(error)), text: dialect.failure(error) };
    }
  };
  return handle;
};
