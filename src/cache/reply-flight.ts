import { GatewayError } from '../contract/errors.ts';
import type { Reply } from '../contract/incoming.ts';
import type { LedgerEntry } from '../contract/ledger-entry.ts';
import type { Clock } from '../lib/clock.ts';
import { rejectOn } from './flight.ts';
import { MAX_FLIGHT_BYTES, PartBuffer } from './part-buffer.ts';
import type { RecordedReply, RepeatedFacts } from './recorded-reply.ts';

/** How long a call goes on for a repeat of its request when its client has left: a broken connection is tried again. */
export const GRACE_MS = 10_000;

/** What a repeat gets: a whole reply, or one that is still going out; of that the facts are known at its end. */
export type ReplyLanding =
  | { kind: 'recorded'; record: RecordedReply }
  | { kind: 'stream'; headers: Record<string, string>; events: AsyncIterable<string>; facts(): RepeatedFacts | null };

export type ReplyFlightOptions = {
  fingerprint: string;
  /** `req_…` of the request that leads. */
  firstId: string;
  clock: Clock;
  /** Called when nobody may join any more. */
  onClosed(): void;
  /** Called when all is over. */
  onOver(): void;
};

/**
 * One request under way, and its repeats: they get its reply, word for word. It goes on while anybody is left who wants
 * it, and for `GRACE_MS` after that. Each reads at its own pace; up to `MAX_FLIGHT_BYTES` characters are held.
 */
export class ReplyFlight {
  readonly #options: ReplyFlightOptions;
  readonly #controller = new AbortController();
  readonly #landing = Promise.withResolvers<ReplyLanding>();
  #passengers = 0;
  #isClosed = false;
  #isOver = false;
  #cancelGrace = () => {};
  #facts: RepeatedFacts | null = null;
  #buffer: PartBuffer<string> | null = null;
  #keep: (record: RecordedReply | null) => Promise<unknown> = async () => {};

  constructor(options: ReplyFlightOptions) {
    this.#options = options;
    // Nobody may be following.
    this.#landing.promise.catch(() => {});
  }

  get fingerprint(): string {
    return this.#options.fingerprint;
  }

  get firstId(): string {
    return this.#options.firstId;
  }

  /** Aborts when nobody has wanted the reply for a while. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Counts somebody in until their signal aborts. */
  board(signal: AbortSignal): void {
    this.#passengers++;
    this.#cancelGrace();
    const leave = () => {
      if (--this.#passengers > 0 || this.#isOver) return;
      if (this.#isClosed) return this.abort(signal.reason);
      this.#cancelGrace = this.#options.clock.after(GRACE_MS, () => this.abort(signal.reason));
      void this.#readOn();
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  }

  /** Resolves when there is something to read. @throws GatewayError of the first request, or the reason of `signal`. */
  follow(signal: AbortSignal): Promise<ReplyLanding> {
    this.board(signal);
    return Promise.race([this.#landing.promise, rejectOn(signal)]);
  }

  /** Says what is to be done with the whole reply, or with null when there is none, or none that may be kept. */
  keepBy(keep: (record: RecordedReply | null) => Promise<unknown>): void {
    this.#keep = keep;
  }

  /** The ledger entry of the request that leads; it comes before the end of its reply. */
  recorded(entry: LedgerEntry): void {
    // A refresh of a stale answer is a request of its own.
    if (entry.id !== this.firstId) return;
    const { requestedModel, tags, route, tier, upstream, model, outcome, errorCode } = entry;
    const { baselineUpstream, baselineModel, attempts, tokens } = entry;
    const shown = attempts.find(({ isShown }) => isShown);
    this.#facts = {
      ...{ requestedModel, tags, route, tier, upstream, model, outcome, errorCode, baselineUpstream, baselineModel },
      tokens: shown?.tokens ?? tokens,
    };
  }

  /** The request was answered before. */
  found(record: RecordedReply): void {
    this.#landing.resolve({ kind: 'recorded', record });
    this.#end();
  }

  /** @returns the leader's own view of its reply, to be read to its end or left. */
  async took(reply: Reply): Promise<Reply> {
    if (reply.kind === 'failure') await this.failed(reply.error);
    else if (reply.kind === 'json') await this.#tookJson(reply.text);
    else if (reply.kind === 'stream') return this.#tookStream(reply);
    else await this.failed(new GatewayError('internal_error', 'Bytes cannot be repeated.'));
    return reply;
  }

  /** There is no reply: whoever waits is told so, and the next repeat is asked anew. */
  async failed(error: GatewayError): Promise<void> {
    this.#landing.reject(error);
    await this.#finish(null);
  }

  /** Breaks it off, whoever waits. */
  abort(reason: unknown): void {
    this.#close();
    this.#controller.abort(reason);
    this.#buffer?.leave();
  }

  async #tookJson(text: string): Promise<void> {
    const record = this.#recordOf('json', text);
    this.#landing.resolve({ kind: 'recorded', record });
    await this.#finish(record);
  }

  #tookStream(reply: Reply & { kind: 'stream' }): Reply {
    let pieces: string[] | null = [];
    const buffer = new PartBuffer(reply.events, {
      sizeOf: ({ length }) => length,
      onParts: (piece) => void pieces?.push(piece),
      onFull: () => {
        pieces = null;
        this.#close();
      },
      onEnd: async (isComplete) => {
        await this.#finish(
          isComplete && pieces && this.#facts?.outcome === 'ok' ? this.#recordOf('stream', pieces.join('')) : null,
        );
      },
    });
    this.#buffer = buffer;
    if (this.signal.aborted) buffer.leave();
    else if (this.#passengers === 0) void this.#readOn();
    const { headers } = reply;
    const events = { [Symbol.asyncIterator]: () => buffer.read() };
    this.#landing.resolve({ kind: 'stream', headers, events, facts: () => this.#facts });
    return { ...reply, events: buffer.read() };
  }

  /** With nobody there to read, the reply is read for the one who may come. */
  async #readOn(): Promise<void> {
    if (this.#buffer === null) return;
    try {
      for await (const _ of this.#buffer.read());
    } catch {
      // How it ended is noted where it is kept.
    }
  }

  #recordOf(kind: RecordedReply['kind'], text: string): RecordedReply {
    const { fingerprint, firstId, clock } = this.#options;
    return { kind, text, fingerprint, firstId, facts: this.#facts, storedAt: clock.now() };
  }

  /** A reply that cannot be kept is a reply all the same. */
  async #finish(record: RecordedReply | null): Promise<void> {
    if (this.#isOver) return;
    await this.#keep(record).catch(() => {});
    this.#end();
  }

  #close(): void {
    this.#isClosed = true;
    this.#options.onClosed();
  }

  #end(): void {
    this.#isOver = true;
    this.#cancelGrace();
    this.#close();
    this.#options.onOver();
  }
}

/** What a kept reply takes at most, as JSON. */
export const MAX_REPLY_BYTES = MAX_FLIGHT_BYTES;
