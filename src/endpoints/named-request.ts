import { authenticate } from '../auth/authenticate.ts';
import type { Caller } from '../contract/caller.ts';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { Incoming, Reply } from '../contract/incoming.ts';
import type { AttemptMeter } from '../ledger/attempt-meter.ts';
import { costUnder } from '../ledger/price.ts';
import { tagsOf } from '../ledger/tags.ts';
import { NO_TOKENS } from '../ledger/tokens.ts';
import { acquire, type Place } from '../limits/acquire.ts';
import { admit } from '../limits/admit.ts';
import { afford } from '../limits/afford.ts';
import { limitedBy } from '../limits/subjects.ts';
import { Passage } from '../passage.ts';
import type { Ports, Runtime } from '../ports.ts';
import { deploymentsOf } from '../routing/deployments.ts';
import type { Candidate } from '../routing/routing-table.ts';
import { type SpendingRule, spendingRule } from '../routing/spending-rule.ts';
import { refusalOf } from '../upstreams/read-forwarded.ts';
import type { ForwardAnswer, ForwardCall } from '../upstreams/upstream.ts';

/** What one attempt sends. */
export type Sending = {
  body: ForwardCall['body'];
  isStream: boolean;
  /** How a request of another kind than JSON by POST goes; its answer is read whatever its status. */
  as?: Pick<ForwardCall, 'method' | 'path' | 'headers'>;
};

/**
 * A request for a model that the client names, at an endpoint where no rule chooses: it is authenticated, limited and
 * recorded like a chat request, and asked of the deployments of that model alone.
 */
export class NamedRequest {
  readonly passage: Passage;
  readonly runtime: Runtime;
  readonly ports: Ports;
  readonly incoming: Incoming;
  readonly caller: Caller;
  #estimate = { promptTokens: 0, completionTokens: 0, isGuessed: false };

  private constructor(incoming: Incoming, passage: Passage, runtime: Runtime, ports: Ports, caller: Caller) {
    this.incoming = incoming;
    this.passage = passage;
    this.runtime = runtime;
    this.ports = ports;
    this.caller = caller;
  }

  /** Authenticates, runs `answer`, and makes an error of whatever it throws. Never throws; the ledger has an entry. */
  static async handle(
    incoming: Incoming,
    ports: Ports,
    answer: (request: NamedRequest) => Promise<Reply>,
  ): Promise<Reply> {
    const runtime = ports.runtime();
    const passage = new Passage(incoming, runtime, ports);
    // What the strongest chat model would cost says nothing here.
    passage.note({ route: 'direct', baseline: null });
    try {
      const caller = await authenticate(incoming, ports.keys);
      passage.note({ team: caller.team, keyId: caller.keyId, tags: tagsOf(caller.tags, undefined) });
      return await answer(new NamedRequest(incoming, passage, runtime, ports, caller));
    } catch (thrown) {
      return passage.fail(toGatewayError(thrown));
    }
  }

  /** Adds the request's own `metadata` to the tags of its key. */
  tag(metadata: unknown): void {
    this.passage.note({ tags: tagsOf(this.caller.tags, metadata) });
  }

  readBody(): Promise<Buffer> {
    return this.passage.waiting(this.incoming.readBody());
  }

  /**
   * Finds the deployments of a model and counts the request against its caller's limits; tokens and money only when it is
   * sent, for what the cache answers takes none.
   * @param promptTokens that it will use, estimated. @param answerTokens the most that it may answer with.
   * @throws GatewayError `model_not_found`, `model_not_allowed`, `rate_limit_exceeded`.
   */
  async admit(
    model: string,
    promptTokens: number,
    { answerTokens = 0, ...options }: { tiers?: boolean; answerTokens?: number } = {},
  ): Promise<Candidate[]> {
    const { table, billingOf } = this.runtime;
    this.passage.note({ requestedModel: model });
    const deployments = deploymentsOf(table, model, this.caller, options);
    const [first] = deployments as [Candidate];
    // The same model without our cache: what a hit saves.
    this.passage.note({ baseline: { upstream: first.upstream, model: first.model, billing: billingOf(first) } });
    this.#estimate = { promptTokens, completionTokens: answerTokens, isGuessed: false };
    this.passage.hold(await admit(this.incoming.id, this.#limited, this.ports.counters));
    return deployments;
  }

  /** Counts a request whose upstream is chosen already. @throws GatewayError `rate_limit_exceeded`. */
  async count({ upstream, model, ...candidate }: Candidate): Promise<void> {
    const billing = this.runtime.billingOf({ upstream, model, ...candidate });
    this.passage.note({ baseline: { upstream, model, billing } });
    await this.limit();
  }

  /** Counts a request against its caller's limits. @throws GatewayError `rate_limit_exceeded`. */
  async limit(): Promise<void> {
    this.passage.hold(await admit(this.incoming.id, this.#limited, this.ports.counters));
  }

  /**
   * Asks the deployments in order until one answers and `read` can read it. Whoever reads a stream finishes its meter.
   * @throws GatewayError of the last attempt, or the signal's reason as soon as the client leaves.
   */
  async ask<Result>(
    deployments: Candidate[],
    path: string,
    toSend: (candidate: Candidate) => Sending,
    read: (answer: ForwardAnswer, candidate: Candidate, meter: AttemptMeter) => Promise<Result>,
    { spends = true }: { spends?: boolean } = {},
  ): Promise<{ candidate: Candidate; result: Result }> {
    const failures: string[] = [];
    let last: GatewayError | null = null;
    for (const candidate of spends ? await this.afford(deployments) : deployments) {
      const why = this.#whyNot(candidate, path);
      if (why !== null) {
        failures.push(why);
        continue;
      }
      const place = await this.acquire(candidate);
      if (place.refusal !== null) {
        this.ports.health.ended(healthKey(candidate, path), NOT_ASKED);
        failures.push(place.reason);
        last = place.refusal;
        continue;
      }
      const meter = this.passage.beginAttempt(candidate, place.hold);
      try {
        const answer = await this.#send(candidate, path, toSend(candidate));
        const result = await read(answer, candidate, meter);
        this.ports.health.succeeded(healthKey(candidate, path), meter.record().firstTokenMs);
        meter.serve();
        this.passage.because(failures);
        return { candidate, result };
      } catch (thrown) {
        last = toGatewayError(thrown);
        this.fail(candidate, path, meter, last);
        if (!last.isRetryable || this.incoming.signal.aborted) throw last;
        failures.push(`${candidate.upstream} failed: ${last.code}`);
      }
    }
    if (last === null) {
      const message = `No upstream can be asked now: ${failures.join('; ')}.`;
      throw new GatewayError('no_upstream_available', message, { isRetryable: true, retryAfterSeconds: 5 });
    }
    this.passage.because(failures);
    throw last;
  }

  /** An attempt ended without a complete answer. */
  fail(candidate: Candidate, path: string, meter: AttemptMeter, error: GatewayError): void {
    const { code, upstreamStatus = null } = error;
    const outcome = code === 'client_closed_request' ? 'aborted' : 'error';
    meter.finish({ outcome, errorCode: code, upstreamStatus });
    this.ports.health.ended(healthKey(candidate, path), error);
  }

  get #limited() {
    const { caller, runtime } = this;
    return limitedBy(caller, runtime.table.teams[caller.team], null);
  }

  /** A place under the limits of the upstream. */
  acquire({ upstream }: Candidate): Promise<Place> {
    const { limits } = this.runtime.config.routes.upstreams[upstream] ?? {};
    return acquire(this.incoming.id, upstream, limits, this.#estimate, this.ports.counters);
  }

  /**
   * Sets tokens and money aside. There is no other tier to answer with: over a budget, only free deployments are left.
   * @throws GatewayError `insufficient_quota`, `not_allowed`, `rate_limit_exceeded`.
   */
  async afford(deployments: Candidate[]): Promise<Candidate[]> {
    const { table, billingOf } = this.runtime;
    const { decision, ...reserved } = await afford({
      requestId: this.incoming.id,
      limited: this.#limited,
      estimate: this.#estimate,
      isEscalating: false,
      tiers: table.tiers,
      decide: (spending) => ({ attempts: allowedBy(spendingRule(spending, table, billingOf), deployments) }),
      priceOf: (candidate, tokens) => costUnder({ ...NO_TOKENS, ...tokens }, billingOf(candidate)),
      ...this.ports,
    });
    this.passage.hold(reserved);
    return decision.attempts;
  }

  /** Why a deployment cannot be asked; null when it can, and then the circuit counts on an end. */
  #whyNot(candidate: Candidate, path: string): string | null {
    const { upstream: name, model } = candidate;
    const { state, detail } = this.runtime.upstreams.get(name)?.state() ?? { state: 'down', detail: 'not configured' };
    if (state === 'disabled' || state === 'down') return `${name}: ${detail}`;
    return this.ports.health.tryAcquire(healthKey(candidate, path)) ? null : `${name}/${model}: circuit open`;
  }

  async #send(candidate: Candidate, path: string, { body, isStream, as }: Sending): Promise<ForwardAnswer> {
    const upstream = this.runtime.upstreams.get(candidate.upstream)!;
    const accept = isStream ? 'text/event-stream' : 'application/json';
    // A local host never shares a KV prefix between two tenants.
    const partition = upstream.kind === 'llama' && { 'x-rightsize-partition': this.caller.team };
    if (as) return upstream.forward({ ...as, body, isStream, signal: this.incoming.signal });
    const answer = await upstream.forward({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json', accept, ...partition },
      body,
      isStream,
      signal: this.incoming.signal,
    });
    if (answer.status !== 200) throw await refusalOf(candidate.upstream, answer);
    return answer;
  }
}

const allowedBy = ({ bars }: SpendingRule, deployments: Candidate[]): Candidate[] => {
  const allowed = deployments.filter((candidate) => bars(candidate) === null);
  if (allowed.length > 0) return allowed;
  if (deployments.some((candidate) => bars(candidate) === 'price')) {
    throw new GatewayError('not_allowed', 'A budget applies, and this model has no price.', { param: 'model' });
  }
  throw new GatewayError('insufficient_quota', 'A budget is used up, and this model is not free.', {
    shouldRetry: false,
  });
};

const NOT_ASKED = new GatewayError('client_closed_request', 'The model was not asked.');

/** A model that fails at one endpoint may be well at another, where it must not be left out for it. */
const healthKey = ({ upstream, model }: Candidate, path: string) => ({ upstream, model: `${model} at ${path}` });
