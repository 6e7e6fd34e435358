import { GatewayError } from '../contract/errors.ts';
import {
  type FromFollower,
  type FromOwner,
  FromOwnerSchema,
  type LocalModel,
  type ModelStates,
} from './model-messages.ts';
import type { WorkerLink } from './worker-link.ts';

const OWNER = 1;
const RETRY_SECONDS = 5;

type Opened = { key: string; what: 'join' | 'use' | 'wait'; settle(refusal: string | null): void };

/**
 * In all workers but the first: the local models that worker 1 supervises. Calls go to their sockets directly; worker 1 is
 * told of each, so that it loads a model that is wanted and unloads none that answers. While worker 1 is away all of them
 * are `starting`, and who waits does so within the limits of its own request.
 */
export class ModelFollower {
  readonly #link: WorkerLink;
  /** What worker 1 is to know; told again to its successor. */
  readonly #opened = new Map<number, Opened>();
  #states: ModelStates = [];
  /** Which start of worker 1 told that; null while it is away. */
  #ownerStart: number | null = null;
  #lastId = 0;

  constructor(link: WorkerLink) {
    this.#link = link;
    link.hear('models', (from, body) => {
      const message = FromOwnerSchema.safeParse(body);
      if (from === OWNER && message.success) this.#receive(message.data);
    });
    link.onGone((worker) => {
      if (worker !== OWNER) return;
      this.#ownerStart = null;
      this.#states = [];
    });
  }

  /** A model by its key. `leave` when it is no longer configured, and the last call of it has ended. */
  follow(key: string): LocalModel & { leave(): void } {
    const { end: leave } = this.#open(key, 'join');
    const told = () => this.#states.find((model) => model.key === key);
    const away = () =>
      this.#ownerStart === null ? 'worker 1, which runs the local models, is starting' : 'the model host is starting';
    return {
      leave,
      get socketPath() {
        return told()?.socketPath ?? '';
      },
      state() {
        const { state, detail } = told() ?? { state: 'starting' as const, detail: away() };
        return { state, detail };
      },
      begin: () => this.#open(key, 'use').end,
      untilReady: (signal) => this.#wait(key, signal),
    };
  }

  #wait(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        waiting.end();
        reject(signal.reason);
      };
      const waiting = this.#open(key, 'wait', (refusal) => {
        signal.removeEventListener('abort', onAbort);
        if (refusal === null) resolve();
        else reject(unavailable(refusal));
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #open(key: string, what: Opened['what'], settle: Opened['settle'] = () => {}): { end(): void } {
    const id = ++this.#lastId;
    this.#opened.set(id, { key, what, settle });
    this.#tell({ kind: 'open', id, key, what });
    return {
      end: () => {
        if (this.#opened.delete(id)) this.#tell({ kind: 'close', id });
      },
    };
  }

  #receive(message: FromOwner): void {
    if (message.kind === 'settled') {
      const opened = this.#opened.get(message.id);
      this.#opened.delete(message.id);
      opened?.settle(message.refusal);
      return;
    }
    this.#states = message.models;
    if (this.#ownerStart === message.start) return;
    this.#ownerStart = message.start;
    for (const [id, { key, what }] of this.#opened) this.#tell({ kind: 'open', id, key, what });
  }

  #tell(message: FromFollower): void {
    this.#link.tell(OWNER, 'models', message);
  }
}

const unavailable = (message: string): GatewayError =>
  new GatewayError('no_upstream_available', message, { isRetryable: true, retryAfterSeconds: RETRY_SECONDS });
