import { authenticate } from './auth/authenticate.ts';
import { BackgroundTask, RENEW_MS, statusOf } from './background-task.ts';
import type { ResponsesConfig } from './config/responses-schema.ts';
import type { Caller } from './contract/caller.ts';
import { checked, parseBody } from './contract/chat-request.ts';
import { GatewayError, toGatewayError } from './contract/errors.ts';
import type { Incoming, Reply } from './contract/incoming.ts';
import type { Dialect } from './dialects/dialect.ts';
import { Passage } from './passage.ts';
import type { Ports } from './ports.ts';
import type { ResponseStore, StoredResponse } from './responses/response-store.ts';
import { type ResponsesBody, ResponsesBodySchema } from './translate/responses/request-body.ts';

/** Responses being made in the background, in this process and for one team; beyond it 429. */
const MOST_RUNNING = 64;
const MOST_OF_TEAM = 16;
/** One of whose maker nobody has heard for so long is lost: three times it should have said that it is being made. */
const LOST_MS = 3 * RENEW_MS;
/** A request that is refused is refused at once, not when somebody asks what became of it: so long is waited for that. */
const REFUSAL_MS = 100;

export type BackgroundOptions = {
  ports: Ports;
  store: ResponseStore;
  settings(): ResponsesConfig;
  pipeline(incoming: Incoming, dialect: Dialect): Promise<Reply>;
  /** For requests that are answered while their client waits. */
  dialect: Dialect;
  /** For the one response that is made in the background. */
  dialectFor(response: Pick<BackgroundTask, 'id' | 'createdAt'>): Dialect;
};

/** One that is being made; `over` resolves when what came of it is stored. */
type Running = { task: BackgroundTask; over: Promise<Reply> };

/**
 * Responses with `background: true` (https://platform.openai.com/docs/guides/background): the client is told an id, and asks
 * for the response until it is there. They are requests like any other, with their limits and one ledger entry, and end with
 * this process: what it was making then has failed, for whoever asks. Gateways that share the store see those of each other.
 */
export class BackgroundResponses {
  readonly #options: BackgroundOptions;
  readonly #running = new Map<string, Running>();

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  /** Answers a request for a response, in the background where it asks for that. Never throws. */
  async handle(incoming: Incoming): Promise<Reply> {
    const { pipeline, dialect, ports } = this.#options;
    const known = authenticate(incoming, ports.keys);
    let body: Promise<Buffer> | undefined;
    const again: Incoming = {
      ...incoming,
      caller: known,
      readBody: () => {
        body ??= incoming.readBody();
        return body;
      },
    };
    let asked: ResponsesBody | null = null;
    try {
      await known;
      asked = backgroundBody(await again.readBody());
    } catch {
      // The pipeline meets the same fault, and says so.
    }
    return asked === null ? pipeline(again, dialect) : this.#start(again, await known, asked);
  }

  /** The response as it is now. One whose maker has not been heard of for `LOST_MS` has failed. */
  async current(stored: StoredResponse): Promise<StoredResponse> {
    const isHeardOf = this.#options.ports.clock.now() - stored.createdAt < LOST_MS;
    if (statusOf(stored) !== 'in_progress' || this.isRunning(stored) || isHeardOf) return stored;
    const error = { code: 'server_error', message: 'The gateway that made this response has stopped.' };
    return this.#change(stored, { status: 'failed', error });
  }

  /**
   * Breaks off a response that is being made, where another gateway makes it within `RENEW_MS`; one that is there stays as
   * it is.
   * @returns what it is then. @throws GatewayError `invalid_value` for one that was never in the background.
   */
  async cancel(stored: StoredResponse): Promise<StoredResponse> {
    const running = this.#running.get(keyOf(stored));
    if (running !== undefined) {
      running.task.cancel();
      await running.over;
      return (await this.#options.store.get(stored.team, stored.id)) ?? stored;
    }
    if ((JSON.parse(stored.response) as { background?: boolean }).background !== true) {
      throw new GatewayError('invalid_value', 'Cannot cancel a synchronous response: it is complete.', {
        param: 'response_id',
      });
    }
    const now = await this.current(stored);
    return statusOf(now) === 'in_progress' ? this.#change(now, { status: 'cancelled' }) : now;
  }

  async #change(stored: StoredResponse, changes: object): Promise<StoredResponse> {
    const changed = { ...stored, response: JSON.stringify({ ...JSON.parse(stored.response), ...changes }) };
    await this.#options.store.put(changed);
    return changed;
  }

  isRunning(stored: StoredResponse): boolean {
    return this.#running.has(keyOf(stored));
  }

  /** Breaks off all. Resolves when that is stored. */
  async close(): Promise<void> {
    const all = [...this.#running.values()];
    for (const { task } of all) task.abandon();
    await Promise.all(all.map(({ over }) => over));
  }

  async #start(incoming: Incoming, caller: Caller, { input: _, ...body }: ResponsesBody): Promise<Reply> {
    const { ports, store, settings } = this.#options;
    const { team } = caller;
    const refusal = this.#refusalOf(team, body);
    if (refusal !== null) return this.#refuse(incoming, caller, refusal);
    const task = new BackgroundTask({ team, body, store, settings, clock: ports.clock });
    const { promise: over, resolve } = Promise.withResolvers<Reply>();
    // Counted before anything is waited for: of many that come at once, no more begin than may.
    this.#running.set(keyOf(task), { task, over });
    try {
      await task.begin();
    } catch (thrown) {
      this.#running.delete(keyOf(task));
      const refused = await this.#refuse(incoming, caller, toGatewayError(thrown));
      resolve(refused);
      return refused;
    }
    void this.#run(incoming, task).then(resolve);
    const early = await this.#within(over, REFUSAL_MS);
    if (early?.kind === 'failure') await store.delete(team, task.id);
    return early ?? { kind: 'json', headers: {}, text: task.textOf({ status: 'in_progress' }) };
  }

  async #run({ recorded: _, ...incoming }: Incoming, task: BackgroundTask): Promise<Reply> {
    const { pipeline, dialectFor, ports } = this.#options;
    const reply = await pipeline({ ...incoming, signal: task.signal }, task.answeredBy(dialectFor(task)));
    await task
      .conclude(reply)
      .catch((error: unknown) =>
        ports.logger.warn({ err: error, id: task.id }, 'what became of a background response could not be kept'),
      );
    this.#running.delete(keyOf(task));
    return reply;
  }

  /** The end of a request that never became a task, with its ledger entry. */
  #refuse(incoming: Incoming, { team, keyId }: Caller, error: GatewayError): Promise<Reply> {
    const { ports } = this.#options;
    const passage = new Passage(incoming, ports.runtime(), ports);
    passage.note({ team, keyId });
    return passage.fail(error);
  }

  #refusalOf(team: string, { store, stream }: ResponsesBody): GatewayError | null {
    const { settings } = this.#options;
    if (stream === true) {
      const message = 'A background response is not streamed here: ask for it with GET until it is there.';
      return new GatewayError('unsupported_parameter', message, { param: 'stream' });
    }
    if (store === false || !settings().store) {
      const message = 'A background response has to be stored.';
      return new GatewayError('unsupported_parameter', message, { param: store === false ? 'store' : 'background' });
    }
    const all = [...this.#running.values()];
    if (all.length < MOST_RUNNING && all.filter(({ task }) => task.team === team).length < MOST_OF_TEAM) return null;
    return new GatewayError('rate_limit_exceeded', `At most ${MOST_OF_TEAM} responses are made in the background.`, {
      retryAfterSeconds: 5,
    });
  }

  async #within(over: Promise<Reply>, ms: number): Promise<Reply | null> {
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const cancel = this.#options.ports.clock.after(ms, () => resolve(null));
    const first = await Promise.race([over, late]);
    cancel();
    return first;
  }
}

const keyOf = ({ team, id }: { team: string; id: string }): string => `${team}\n${id}`;

/** The body of a request that wants to be done in the background; null of any other. Most are not parsed for it. */
const backgroundBody = (bytes: Buffer): ResponsesBody | null => {
  if (!bytes.includes('"background"')) return null;
  const { body } = parseBody(bytes);
  return body['background'] === true ? checked(ResponsesBodySchema, body) : null;
};
