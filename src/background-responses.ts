import { authenticate } from './auth/authenticate.ts';
import type { ResponsesConfig } from './config/responses-schema.ts';
import type { Caller } from './contract/caller.ts';
import { checked, parseBody } from './contract/chat-request.ts';
import { GatewayError, toGatewayError } from './contract/errors.ts';
import type { Incoming, Reply } from './contract/incoming.ts';
import type { Dialect } from './dialects/dialect.ts';
import { newId } from './lib/id.ts';
import { Passage } from './passage.ts';
import type { Ports } from './ports.ts';
import type { ResponseStore, StoredResponse } from './responses/response-store.ts';
import { type ResponsesBody, ResponsesBodySchema } from './translate/responses/request-body.ts';
import { type ResponseState, toResponseObject } from './translate/responses/response-object.ts';

/** Responses being made in the background, in this process and for one team; beyond it 429. */
const MOST_RUNNING = 64;
const MOST_OF_TEAM = 16;
/** While it is made, whoever makes a response says so this often; one of whom nobody has heard for longer is lost. */
const RENEW_MS = 10_000;
const LOST_MS = 30_000;
/** A request that is refused is refused at once, not when somebody asks what became of it: so long is waited for that. */
const REFUSAL_MS = 100;

export type BackgroundOptions = {
  ports: Ports;
  store: ResponseStore;
  settings(): ResponsesConfig;
  pipeline(incoming: Incoming, dialect: Dialect): Promise<Reply>;
  /** For requests that are answered while their client waits. */
  dialect: Dialect;
  /** For the one response of this id. */
  dialectFor(backgroundId: string): Dialect;
};

/** One that is being made: whose, what it was asked with but for its input, and how to end it. */
type Task = {
  team: string;
  id: string;
  body: ResponsesBody;
  controller: AbortController;
  isCancelled: boolean;
  /** Somebody has deleted it elsewhere. */
  isDeleted: boolean;
  stopRenewing(): void;
  /** Resolves when what came of it is stored. */
  over: Promise<Reply>;
};

/**
 * Responses with `background: true` (https://platform.openai.com/docs/guides/background): the client is told an id, and asks
 * for the response until it is there. They are requests like any other, with their limits and one ledger entry, and end with
 * this process: what it was making then has failed, for whoever asks. Gateways that share the store see those of each other.
 */
export class BackgroundResponses {
  readonly #options: BackgroundOptions;
  readonly #running = new Map<string, Task>();

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
    const task = this.#running.get(keyOf(stored));
    if (task !== undefined) {
      task.isCancelled = true;
      task.controller.abort(CANCELLED);
      await task.over;
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
    const tasks = [...this.#running.values()];
    for (const { controller } of tasks) controller.abort(CLOSING);
    await Promise.all(tasks.map(({ over }) => over));
  }

  async #start(incoming: Incoming, caller: Caller, { input: _, ...body }: ResponsesBody): Promise<Reply> {
    const { ports, pipeline, store } = this.#options;
    const { team } = caller;
    const refusal = this.#refusalOf(team, body);
    if (refusal !== null) return this.#refuse(incoming, caller, refusal);
    const { recorded: __, ...own } = incoming;
    const id = newId('resp', ports.clock.now());
    const controller = new AbortController();
    const { promise: over, resolve } = Promise.withResolvers<Reply>();
    const stopRenewing = () => {};
    const task: Task = { team, id, body, controller, isCancelled: false, isDeleted: false, stopRenewing, over };
    // Counted before anything is waited for: of many that come at once, no more begin than may.
    this.#running.set(keyOf(task), task);
    try {
      await this.#put(task, { status: 'in_progress' });
    } catch (thrown) {
      this.#running.delete(keyOf(task));
      const refused = await this.#refuse(incoming, caller, toGatewayError(thrown));
      resolve(refused);
      return refused;
    }
    this.#renewLater(task);
    const run = async (): Promise<Reply> => {
      const reply = await pipeline({ ...own, signal: controller.signal }, this.#stopping(task));
      await this.#note(task, reply).catch((error: unknown) =>
        ports.logger.warn({ err: error, id }, 'what became of a background response could not be kept'),
      );
      task.stopRenewing();
      this.#running.delete(keyOf(task));
      return reply;
    };
    void run().then(resolve);
    const early = await this.#within(over, REFUSAL_MS);
    if (early?.kind === 'failure') await store.delete(team, id);
    return early ?? { kind: 'json', headers: {}, text: this.#textOf(task, { status: 'in_progress' }) };
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
    const tasks = [...this.#running.values()];
    if (tasks.length < MOST_RUNNING && tasks.filter((task) => task.team === team).length < MOST_OF_TEAM) return null;
    return new GatewayError('rate_limit_exceeded', `At most ${MOST_OF_TEAM} responses are made in the background.`, {
      retryAfterSeconds: 5,
    });
  }

  /** A complete response was kept where it was made. */
  async #note(task: Task, reply: Reply): Promise<void> {
    if (task.isDeleted) return;
    if (reply.kind === 'failure') {
      return this.#put(task, task.isCancelled ? { status: 'cancelled' } : { status: 'failed', error: reply.error });
    }
    const stored = await this.#options.store.get(task.team, task.id);
    if (stored !== null && statusOf(stored) !== 'in_progress') return;
    const error = new GatewayError('internal_error', 'The response was made, and could not be kept.');
    await this.#put(task, { status: 'failed', error });
  }

  /** Says that it is being made, and hears whether somebody elsewhere wants it ended. */
  #renewLater(task: Task): void {
    task.stopRenewing = this.#options.ports.clock.after(RENEW_MS, () => void this.#renew(task).catch(() => {}));
  }

  async #renew(task: Task): Promise<void> {
    let isWanted = true;
    task.stopRenewing = () => {
      isWanted = false;
    };
    const stored = await this.#options.store.get(task.team, task.id);
    if (!isWanted) return;
    if (stored !== null && statusOf(stored) === 'in_progress') {
      this.#renewLater(task);
      return this.#put(task, { status: 'in_progress' });
    }
    task.isDeleted = stored === null;
    task.isCancelled = true;
    task.controller.abort(CANCELLED);
  }

  /** Once there is an answer, nothing may be stored over it. */
  #stopping(task: Task): Dialect {
    const dialect = this.#options.dialectFor(task.id);
    return {
      ...dialect,
      async read(bytes, origin) {
        const asked = await dialect.read(bytes, origin);
        const answer: typeof asked.answer = (facts) => {
          task.stopRenewing();
          return asked.answer(facts);
        };
        return { ...asked, answer };
      },
    };
  }

  async #put(task: Task, state: ResponseState): Promise<void> {
    const { store, settings, ports } = this.#options;
    const now = ports.clock.now();
    const { team, id, body } = task;
    await store.put({
      ...{ id, team, createdAt: now, expiresAt: now + settings().ttl, previousId: body.previous_response_id ?? null },
      ...{ response: this.#textOf(task, state), input: '[]', home: null, session: null },
    });
  }

  #textOf({ id, body }: Task, state: ResponseState): string {
    const createdAt = Math.floor(this.#options.ports.clock.now() / 1_000);
    return JSON.stringify(
      toResponseObject({ id, createdAt, model: body.model, request: body, isStored: true }, state, []),
    );
  }

  async #within(over: Promise<Reply>, ms: number): Promise<Reply | null> {
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const cancel = this.#options.ports.clock.after(ms, () => resolve(null));
    const first = await Promise.race([over, late]);
    cancel();
    return first;
  }
}

const statusOf = ({ response }: StoredResponse): string | undefined =>
  (JSON.parse(response) as { status?: string }).status;

const keyOf = ({ team, id }: { team: string; id: string }): string => `${team}\n${id}`;

/** The body of a request that wants to be done in the background; null of any other. Most are not parsed for it. */
const backgroundBody = (bytes: Buffer): ResponsesBody | null => {
  if (!bytes.includes('"background"')) return null;
  const { body } = parseBody(bytes);
  return body['background'] === true ? checked(ResponsesBodySchema, body) : null;
};

const CANCELLED = new GatewayError('client_closed_request', 'The response was cancelled.');
const CLOSING = new GatewayError('client_closed_request', 'The gateway was stopped while it made this response.');
