import type { ResponsesConfig } from './config/responses-schema.ts';
import { GatewayError } from './contract/errors.ts';
import type { Reply } from './contract/incoming.ts';
import type { Dialect } from './dialects/dialect.ts';
import type { Clock } from './lib/clock.ts';
import { newId } from './lib/id.ts';
import type { ResponseStore, StoredResponse } from './responses/response-store.ts';
import type { ResponsesBody } from './translate/responses/request-body.ts';
import { type ResponseState, toResponseObject } from './translate/responses/response-object.ts';

/** While it is made, whoever makes a response says so this often. */
export const RENEW_MS = 10_000;

export type BackgroundTaskOptions = {
  team: string;
  /** What it was asked with, but for its input. */
  body: ResponsesBody;
  store: ResponseStore;
  settings(): ResponsesConfig;
  clock: Clock;
};

/** One response that is being made: what is stored of it meanwhile, and how to end it. */
export class BackgroundTask {
  readonly team: string;
  /** `resp_…`. */
  readonly id: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly #options: BackgroundTaskOptions;
  readonly #controller = new AbortController();
  #isCancelled = false;
  /** Somebody has deleted it elsewhere. */
  #isDeleted = false;
  #stopRenewing = () => {};

  constructor(options: BackgroundTaskOptions) {
    this.#options = options;
    this.team = options.team;
    this.createdAt = options.clock.now();
    this.id = newId('resp', this.createdAt);
  }

  /** Of the request that makes it. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Stores that it is being made, and says so again until there is an answer. @throws GatewayError of the store. */
  async begin(): Promise<void> {
    await this.#put({ status: 'in_progress' });
    this.#renewLater();
  }

  /** Breaks it off because somebody asked for that. */
  cancel(): void {
    this.#isCancelled = true;
    this.#controller.abort(CANCELLED);
  }

  /** Breaks it off because the gateway stops: it has failed. */
  abandon(): void {
    this.#controller.abort(CLOSING);
  }

  /** The dialect that makes it: once there is an answer, nothing may be stored over it. */
  answeredBy(dialect: Dialect): Dialect {
    return {
      ...dialect,
      read: async (bytes, origin) => {
        const asked = await dialect.read(bytes, origin);
        const answer: typeof asked.answer = (facts) => {
          this.#stopRenewing();
          return asked.answer(facts);
        };
        return { ...asked, answer };
      },
    };
  }

  /** Stores what came of it; a complete response was kept where it was made. */
  async conclude(reply: Reply): Promise<void> {
    this.#stopRenewing();
    if (this.#isDeleted) return;
    if (reply.kind === 'failure') {
      return this.#put(this.#isCancelled ? { status: 'cancelled' } : { status: 'failed', error: reply.error });
    }
    const stored = await this.#options.store.get(this.team, this.id);
    if (stored !== null && statusOf(stored) !== 'in_progress') return;
    const error = new GatewayError('internal_error', 'The response was made, and could not be kept.');
    await this.#put({ status: 'failed', error });
  }

  /** The response object, JSON. */
  textOf(state: ResponseState): string {
    const { body } = this.#options;
    const createdAt = Math.floor(this.createdAt / 1_000);
    const frame = { id: this.id, createdAt, model: body.model, request: body, isStored: true };
    return JSON.stringify(toResponseObject(frame, state, []));
  }

  /** Says that it is being made, and hears whether somebody elsewhere wants it ended. */
  #renewLater(): void {
    this.#stopRenewing = this.#options.clock.after(RENEW_MS, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    let isWanted = true;
    this.#stopRenewing = () => {
      isWanted = false;
    };
    try {
      const stored = await this.#options.store.get(this.team, this.id);
      if (!isWanted) return;
      if (stored !== null && statusOf(stored) === 'in_progress') {
        this.#renewLater();
        return await this.#put({ status: 'in_progress' });
      }
      this.#isDeleted = stored === null;
      this.cancel();
    } catch {
      // The store may be there the next time.
      if (isWanted) this.#renewLater();
    }
  }

  async #put(state: ResponseState): Promise<void> {
    const { store, settings, clock, body, team } = this.#options;
    const now = clock.now();
    await store.put({
      ...{ id: this.id, team, createdAt: now, expiresAt: now + settings().ttl },
      ...{ previousId: body.previous_response_id ?? null, home: null, session: null },
      ...{ response: this.textOf(state), input: '[]' },
    });
  }
}

/** `in_progress`, `completed`, …; undefined where another program wrote it. */
export const statusOf = ({ response }: StoredResponse): string | undefined =>
  (JSON.parse(response) as { status?: string }).status;

const CANCELLED = new GatewayError('client_closed_request', 'The response was cancelled.');
const CLOSING = new GatewayError('client_closed_request', 'The gateway was stopped while it made this response.');
