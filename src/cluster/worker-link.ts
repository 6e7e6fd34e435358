import { z } from 'zod';
import { GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';
import { type Figures, type FromWorker, type Topic, ToWorkerSchema } from './messages.ts';

/** Worker `number` of `count`, started for the `start`th time. */
export type WorkerName = { number: number; count: number; start: number };

/** As it stands in a worker's environment, in `RIGHTSIZE_WORKER`. */
export const workerNameText = ({ number, count, start }: WorkerName): string => `${number}/${count}.${start}`;

/** @returns null for anything but what `workerNameText` makes. */
export const parseWorkerName = (text: string): WorkerName | null => {
  const [, number, count, start] = /^(\d{1,2})\/(\d{1,2})\.(\d{1,9})$/.exec(text) ?? [];
  if (number === undefined) return null;
  return { number: Number(number), count: Number(count), start: Number(start) };
};

/** How messages get to the process that runs the workers, and from it: `process`. */
export type Channel = {
  send?(message: FromWorker, handle: undefined, options: undefined, callback: () => void): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
};

/** Longer than the other side waits for figures itself. */
const FIGURES_LIMIT_MS = 2_000;
/** Others have done what they are asked for within so long, or are not waited for. */
const DONE_LIMIT_MS = 5_000;

const AskedSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ask'), id: z.int() }),
  z.strictObject({ kind: z.literal('done'), id: z.int() }),
]);

/** What one worker knows of the others, and how it talks to them. One for each process, from its start to its end. */
export class WorkerLink {
  readonly name: WorkerName;
  readonly #channel: Channel;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #listeners = new Map<Topic, (from: number, body: unknown) => void>();
  readonly #waiting = new Map<number, (all: Figures[]) => void>();
  readonly #goneListeners = new Set<(worker: number) => void>();
  #listening: number[] = [];
  #stops: ('stop' | 'stop-now')[] = [];
  #onStop: ((how: 'stop' | 'stop-now') => void) | null = null;
  #onReload = () => {};
  #collect: () => Promise<Figures> = async () => [];
  #lastId = 0;

  constructor(name: WorkerName, channel: Channel, clock: Pick<Clock, 'after'>) {
    this.name = name;
    this.#channel = channel;
    this.#clock = clock;
    channel.on('message', (raw) => this.#receive(raw));
  }

  /** Whether this is the one that does what only one may do. */
  get isFirst(): boolean {
    return this.name.number === 1;
  }

  /** Says that this worker listens. */
  ready(): void {
    this.#send({ type: 'ready' });
  }

  /** To one worker or all others. One that is not there does not get it. */
  tell(to: number | 'others', topic: Topic, body: unknown): void {
    this.#send({ type: 'relay', to, topic, body });
  }

  /** One listener for each topic; the body is as another worker of this version sent it. */
  hear(topic: Topic, listener: (from: number, body: unknown) => void): void {
    this.#listeners.set(topic, listener);
  }

  /** Calls back when the process of another worker has ended. */
  onGone(listener: (worker: number) => void): () => void {
    this.#goneListeners.add(listener);
    return () => this.#goneListeners.delete(listener);
  }

  /** Calls back to stop, what came before this call included. */
  onStop(listener: (how: 'stop' | 'stop-now') => void): void {
    this.#onStop = listener;
    for (const how of this.#stops.splice(0)) listener(how);
  }

  onReload(listener: () => void): void {
    this.#onReload = listener;
  }

  /** Where this worker's own figures come from. */
  onFiguresWanted(collect: () => Promise<Figures>): void {
    this.#collect = collect;
  }

  /** The figures of all workers. @throws GatewayError `report_unavailable` when they do not come in time. */
  figures(): Promise<Figures[]> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(FIGURES_LIMIT_MS, () => {
        this.#waiting.delete(id);
        const message = 'The figures of all workers cannot be had now.';
        reject(new GatewayError('report_unavailable', message, { retryAfterSeconds: 5 }));
      });
      this.#waiting.set(id, (all) => {
        cancel();
        this.#waiting.delete(id);
        resolve(all);
      });
      this.#send({ type: 'ask-figures', id });
    });
  }

  /**
   * Something that each worker does when another one asks for it.
   * @returns asks all others that listen; resolves when they have done it, or a limit is over.
   */
  everywhere(topic: Topic, act: () => Promise<void>): () => Promise<void> {
    const asked = new Map<number, { missing: Set<number>; finish(): void }>();
    const settle = (id: number, worker: number) => {
      const question = asked.get(id);
      question?.missing.delete(worker);
      if (question?.missing.size === 0) question.finish();
    };
    this.hear(topic, (from, body) => {
      const message = AskedSchema.safeParse(body).data;
      if (message?.kind === 'done') settle(message.id, from);
      else if (message) void act().finally(() => this.tell(from, topic, { kind: 'done', id: message.id }));
    });
    this.onGone((worker) => {
      for (const id of [...asked.keys()]) settle(id, worker);
    });
    return () =>
      new Promise((resolve) => {
        const missing = new Set(this.#listening.filter((worker) => worker !== this.name.number));
        if (missing.size === 0) return resolve();
        const id = ++this.#lastId;
        const cancel = this.#clock.after(DONE_LIMIT_MS, () => finish());
        const finish = () => {
          cancel();
          asked.delete(id);
          resolve();
        };
        asked.set(id, { missing, finish });
        for (const worker of missing) this.tell(worker, topic, { kind: 'ask', id });
      });
  }

  #receive(raw: unknown): void {
    const message = ToWorkerSchema.safeParse(raw).data;
    switch (message?.type) {
      case 'listening':
        this.#listening = message.workers;
        return;
      case 'gone':
        for (const listener of [...this.#goneListeners]) listener(message.worker);
        return;
      case 'relayed':
        this.#listeners.get(message.topic)?.(message.from, message.body);
        return;
      case 'give-figures':
        void this.#collect().then(
          (figures) => this.#send({ type: 'figures', id: message.id, figures }),
          // It is told by what it said before.
          () => {},
        );
        return;
      case 'all-figures':
        this.#waiting.get(message.id)?.(message.all);
        return;
      case 'stop':
      case 'stop-now':
        if (this.#onStop === null) this.#stops.push(message.type);
        else this.#onStop(message.type);
        return;
      case 'reload':
        this.#onReload();
    }
  }

  #send(message: FromWorker): void {
    // Where nobody listens any more this process is about to be ended as well.
    this.#channel.send?.(message, undefined, undefined, () => {});
  }
}
