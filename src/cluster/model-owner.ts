import type { Clock } from '../lib/clock.ts';
import { type FromFollower, FromFollowerSchema, type FromOwner, type LocalModel } from './model-messages.ts';
import type { WorkerLink } from './worker-link.ts';

/** How often to look whether the state of a model has changed. */
const LOOK_EVERY_MS = 200;
/** A model that is no longer configured ends at last after so long, whoever still uses it. */
const LEAVE_LIMIT_MS = 15 * 60_000;

type Published = { key: string; model: LocalModel; onClosed: () => void };
type Opened = { key: string; what: 'join' | 'use' | 'wait'; published: Published | null; end(): void };

/** In worker 1: shows its local models to the other workers, and does for them what they ask for. */
export class ModelOwner {
  readonly #link: WorkerLink;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #models = new Map<string, Published>();
  /** By worker and id. As many as calls are under way elsewhere; those of a worker that has ended are closed. */
  readonly #opened = new Map<number, Map<number, Opened>>();
  #told = '';
  #cancelLook = () => {};

  constructor(link: WorkerLink, clock: Pick<Clock, 'after'>) {
    this.#link = link;
    this.#clock = clock;
    link.hear('models', (from, body) => {
      const message = FromFollowerSchema.safeParse(body);
      if (message.success) this.#receive(from, message.data);
    });
    link.onGone((worker) => {
      for (const id of [...(this.#opened.get(worker)?.keys() ?? [])]) this.#close(worker, id);
    });
    // Those that lost the one before this tell again what they have open.
    this.#tell('others', this.#states());
  }

  /** @returns takes it back; resolves when no other worker uses it any more. */
  publish(key: string, model: LocalModel): () => Promise<void> {
    const published: Published = { key, model, onClosed: () => {} };
    const before = this.#models.get(key);
    this.#models.set(key, published);
    for (const [worker, opened] of this.#opened) {
      for (const [id, each] of opened) {
        // A model that left the configuration and came back: calls stay with the one that they began with.
        const isFree = each.published === null || (each.published === before && each.what === 'join');
        if (each.key === key && isFree) this.#attach(worker, id, each, published);
      }
    }
    before?.onClosed();
    this.#look();
    return () => this.#takeBack(published);
  }

  /** Ends the looking for changes. */
  close(): void {
    this.#cancelLook();
  }

  #receive(from: number, message: FromFollower): void {
    if (message.kind === 'close') {
      this.#close(from, message.id);
      return;
    }
    const { id, key, what } = message;
    const ofWorker = this.#opened.get(from) ?? new Map<number, Opened>();
    this.#opened.set(from, ofWorker);
    // It tells again what it has told before when it hears of this worker for the first time.
    if (ofWorker.has(id)) return;
    const opened: Opened = { key, what, published: null, end: () => {} };
    ofWorker.set(id, opened);
    const published = this.#models.get(key);
    if (published !== undefined) this.#attach(from, id, opened, published);
    if (what === 'join') this.#tell(from, this.#states());
  }

  #attach(from: number, id: number, opened: Opened, published: Published): void {
    opened.published = published;
    if (opened.what === 'use') opened.end = published.model.begin();
    if (opened.what !== 'wait') return;
    const controller = new AbortController();
    opened.end = () => controller.abort();
    const settle = (refusal: string | null) => {
      if (controller.signal.aborted) return;
      this.#look();
      this.#close(from, id);
      this.#tell(from, { kind: 'settled', id, refusal });
    };
    published.model.untilReady(controller.signal).then(
      () => settle(null),
      (error: unknown) => settle((error as Error).message),
    );
  }

  #close(from: number, id: number): void {
    const opened = this.#opened.get(from)?.get(id);
    if (opened === undefined) return;
    this.#opened.get(from)?.delete(id);
    opened.end();
    opened.published?.onClosed();
  }

  #takeBack(published: Published): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        cancel();
        published.onClosed = () => {};
        if (this.#models.get(published.key) === published) this.#models.delete(published.key);
        this.#look();
        resolve();
      };
      const cancel = this.#clock.after(LEAVE_LIMIT_MS, finish);
      published.onClosed = () => {
        if (!this.#isOpen(published)) finish();
      };
      published.onClosed();
    });
  }

  #isOpen(published: Published): boolean {
    return [...this.#opened.values()].some((ofWorker) =>
      [...ofWorker.values()].some((opened) => opened.published === published),
    );
  }

  /** Tells the others what has changed, and looks again. */
  #look(): void {
    this.#cancelLook();
    const states = this.#states();
    const text = JSON.stringify(states);
    if (text !== this.#told) this.#tell('others', states);
    this.#told = text;
    if (this.#models.size > 0) this.#cancelLook = this.#clock.after(LOOK_EVERY_MS, () => this.#look());
  }

  #states(): FromOwner {
    const models = [...this.#models].map(([key, { model }]) => ({
      key,
      socketPath: model.socketPath,
      ...model.state(),
    }));
    return { kind: 'states', start: this.#link.name.start, models };
  }

  #tell(to: number | 'others', message: FromOwner): void {
    this.#link.tell(to, 'models', message);
  }
}
