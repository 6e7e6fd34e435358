import { GatewayError } from '../contract/errors.ts';

/** What is held of one answer, in characters of its events. Beyond it nobody may join, and the slowest are cut off. */
export const MAX_FLIGHT_BYTES = 4 * 1024 * 1024;

export type PartBufferOptions<Batch> = {
  /** Characters of a batch. */
  sizeOf(batch: Batch): number;
  /** Sees every batch once, as it comes. */
  onParts(parts: Batch): void;
  /** The beginning is about to be forgotten: nobody may begin to read from now on. */
  onFull(): void;
  /** The source has ended; readers see the end when this resolves. */
  onEnd(isComplete: boolean): Promise<void>;
};

type Reader = { next: number };

/**
 * Lets many read one stream, each from its beginning and at its own pace. The source is asked for more when the fastest
 * reader has read what there is, so a slow one holds up nobody; one that falls behind by more than is held is cut off.
 */
export class PartBuffer<Batch> {
  readonly #source: AsyncIterator<Batch>;
  readonly #options: PartBufferOptions<Batch>;
  readonly #readers = new Set<Reader>();
  #held: Batch[] = [];
  /** Number of the first batch that is held. */
  #first = 0;
  #bytes = 0;
  #isFull = false;
  #end: { error: unknown } | 'complete' | null = null;
  #pulling: Promise<void> | null = null;

  constructor(source: AsyncIterable<Batch>, options: PartBufferOptions<Batch>) {
    this.#source = source[Symbol.asyncIterator]();
    this.#options = options;
  }

  /** @throws what the source threw; GatewayError `upstream_interrupted` when it was read too slowly. */
  async *read(): AsyncGenerator<Batch> {
    const reader: Reader = { next: 0 };
    this.#readers.add(reader);
    try {
      for (;;) {
        if (reader.next < this.#first) throw TOO_SLOW;
        const batch = this.#held[reader.next - this.#first];
        if (batch !== undefined) {
          reader.next++;
          yield batch;
        } else if (this.#end === 'complete') return;
        else if (this.#end !== null) throw this.#end.error;
        else await this.#pull();
      }
    } finally {
      this.#readers.delete(reader);
    }
  }

  /** Everybody has gone: the source is told to stop. */
  leave(): void {
    if (this.#end !== null) return;
    const whenIdle = this.#pulling ?? Promise.resolve();
    void whenIdle.then(async () => {
      if (this.#end !== null) return;
      await this.#source.return?.().catch(() => {});
      await this.#finish({ error: LEFT });
    });
  }

  /** One read of the source for all who wait for it. */
  #pull(): Promise<void> {
    this.#pulling ??= this.#readOn().finally(() => {
      this.#pulling = null;
    });
    return this.#pulling;
  }

  async #readOn(): Promise<void> {
    try {
      const { done, value } = await this.#source.next();
      if (done) return await this.#finish('complete');
      this.#options.onParts(value);
      this.#hold(value);
    } catch (error) {
      await this.#finish({ error });
    }
  }

  #hold(batch: Batch): void {
    this.#held.push(batch);
    this.#bytes += this.#options.sizeOf(batch);
    if (this.#bytes <= MAX_FLIGHT_BYTES && !this.#isFull) return;
    if (!this.#isFull) this.#options.onFull();
    this.#isFull = true;
    const slowest = Math.min(...[...this.#readers].map(({ next }) => next));
    while (this.#held.length > 1 && (this.#first < slowest || this.#bytes > MAX_FLIGHT_BYTES)) {
      this.#bytes -= this.#options.sizeOf(this.#held.shift() as Batch);
      this.#first++;
    }
  }

  async #finish(end: { error: unknown } | 'complete'): Promise<void> {
    await this.#options.onEnd(end === 'complete');
    this.#end = end;
  }
}

const TOO_SLOW = new GatewayError('upstream_interrupted', 'The answer was read too slowly to be shared.');
const LEFT = new GatewayError('client_closed_request', 'The client closed the connection.');
