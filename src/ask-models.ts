import { type Completion, execute } from './execution/execute.ts';
import type { Inquiry } from './inquiry.ts';
import { AttemptRecorder } from './ledger/attempt-recorder.ts';
import { acquire } from './limits/acquire.ts';
import type { Plan } from './plan.ts';
import type { Ports } from './ports.ts';
import type { Candidate } from './routing/routing-table.ts';
import { strippedFrom } from './upstreams/fit-parameters.ts';

/** Asks the models that were decided on, in their order. @throws GatewayError as `execute`. */
export const askModels = (
  { incoming, caller, request, selection, runtime, passage }: Inquiry,
  { session, home, escalation, estimate }: Plan,
  { attempts, signal }: { attempts: Candidate[]; signal: AbortSignal },
  { counters, health, clock, random }: Ports,
): Promise<Completion> =>
  execute({
    attempts,
    request,
    upstreams: runtime.upstreams,
    partition: caller.team,
    session: session.key,
    home: home?.upstream ?? null,
    signal,
    acquire: ({ upstream }) =>
      acquire(incoming.id, upstream, runtime.config.routes.upstreams[upstream]?.limits, estimate, counters),
    record: (candidate, hold) => new AttemptRecorder(passage.beginAttempt(candidate, hold), request),
    escalation,
    retries: selection.route?.retries ?? 0,
    health,
    clock,
    random,
  });

/** Notes who answered in the end, and what of the request was not sent to them. */
export const noteAnswer = ({ request, runtime, passage }: Inquiry, { candidate, failures }: Completion): void => {
  if (failures.length > 0) passage.because([...failures, `answered by ${candidate.tier}`]);
  const upstream = runtime.upstreams.get(candidate.upstream);
  // One that speaks the client's own format got all.
  const isNative = request.native !== undefined && upstream?.apis.has(request.native.api) === true;
  if (upstream !== undefined && !isNative) passage.left(strippedFrom(request, upstream.kind, candidate.model));
};
