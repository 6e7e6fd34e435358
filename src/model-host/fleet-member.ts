import { GatewayError } from '../contract/errors.ts';
import { estimateModelBytes } from './estimate-model.ts';
import { toGigabytes } from './machine-memory.ts';
import { chooseSocketPath } from './socket-path.ts';
import { type ModelHost, type SuperviseOptions, superviseModelHost } from './supervisor.ts';

export type MemberOptions = SuperviseOptions & {
  socketName: string;
  /** How long it stays in memory without a request, in milliseconds; null is for ever. */
  keepAliveMs: number | null;
};

/** What the fleet does for one of its models. */
export type MemberEvents = {
  /** It is needed, or is to be loaded in advance. */
  onWanted: (member: Member) => void;
  /** It became ready, idle, failed or unloaded: others may have been waiting for that. */
  onChange: () => void;
  isBudgetKnown: () => boolean;
};

/** `ready` is also a model that the next request loads. */
export type MemberState = { state: 'ready' | 'starting' | 'down'; detail: string };

const RETRY_SECONDS = 5;

/** One model of the fleet: loaded or not, in use or not. It never decides when to load; it only knows how. */
export class Member {
  readonly options: MemberOptions;
  readonly socketPath: string;
  /** Waits for its turn to be loaded. */
  isQueued = false;
  /** It is to be loaded although nobody uses it yet. */
  isWantedInAdvance = false;
  uses = 0;
  /** By the clock's `elapsed`. */
  lastUsed = 0;
  readySince: number | null = null;
  readonly #events: MemberEvents;
  readonly #listeners = new Set<() => void>();
  #host: ModelHost | null = null;
  #closing: Promise<void> | null = null;
  #memoryBytes: number | null = null;
  #unloadedFor: string | null = null;
  #isRemoved = false;
  #cancelKeepAlive = () => {};

  constructor(options: MemberOptions, events: MemberEvents) {
    this.options = options;
    this.#events = events;
    this.socketPath = chooseSocketPath(options.socketDir, options.socketName);
  }

  get isLoaded(): boolean {
    return this.#host !== null;
  }

  get isClosing(): boolean {
    return this.#closing !== null;
  }

  /** What it takes now; a host that gave up takes nothing. */
  get usedBytes(): number {
    return this.#host === null || this.#host.status().state === 'failed' ? 0 : this.neededBytes;
  }

  /** What it takes when loaded, 0 while nobody knows. */
  get neededBytes(): number {
    this.#memoryBytes ??= estimateModelBytes(this.options.model, this.options.modelsDir, this.options);
    return this.#memoryBytes ?? 0;
  }

  state(): MemberState {
    const size = this.#memoryBytes === null ? '' : ` (about ${toGigabytes(this.#memoryBytes)})`;
    if (this.#host && !this.#closing) {
      const { state, detail } = this.#host.status();
      if (state === 'ready') return { state, detail };
      return { state: state === 'failed' || state === 'stopped' ? 'down' : 'starting', detail };
    }
    if (this.#isRemoved) return { state: 'down', detail: 'the model host was stopped' };
    if (this.isQueued && !this.#events.isBudgetKnown()) {
      return { state: 'starting', detail: 'the model host is starting' };
    }
    if (this.isQueued && this.uses > 0) {
      return { state: 'starting', detail: `waits for memory${size} that other local models use` };
    }
    return { state: 'ready', detail: `${this.#unloadedFor ?? ''}loads on first use${size}` };
  }

  /** Marks it as in use and has it loaded; the returned function ends that, once. */
  begin(): () => void {
    this.#touch(1);
    this.#cancelKeepAlive();
    if (!this.isLoaded || this.isClosing) this.#events.onWanted(this);
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      this.#touch(-1);
      this.#settle();
    };
  }

  /**
   * Waits until it answers, within the caller's limits. A download takes longer than any request.
   * @throws GatewayError `no_upstream_available` when there is nothing to wait for, or the signal's reason.
   */
  untilReady(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        this.#listeners.delete(look);
        signal.removeEventListener('abort', onAbort);
        finish();
      };
      const onAbort = () => settle(() => reject(signal.reason));
      const look = () => {
        if (this.#isRemoved) return settle(() => reject(this.#unavailable('the model host was stopped')));
        if (!this.#host || this.#closing) return;
        const { state, detail } = this.#host.status();
        if (state === 'ready') settle(resolve);
        else if (state === 'failed' || state === 'downloading') settle(() => reject(this.#unavailable(detail)));
      };
      this.#listeners.add(look);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      else look();
    });
  }

  /** Starts its host, which has room now. */
  load(): void {
    this.isQueued = false;
    this.isWantedInAdvance = false;
    const host = superviseModelHost(this.options);
    this.#host = host;
    host.onStatus(({ state, memoryBytes }) => {
      if (host !== this.#host) return;
      if (memoryBytes !== undefined) this.#memoryBytes = memoryBytes;
      if (state === 'ready') this.readySince = this.options.clock.elapsed();
      if (state === 'ready' || state === 'failed') this.#settle();
      this.#tell();
    });
    this.#tell();
  }

  /** Ends its host; it stays a member, and the next request loads it again. @param why a beginning of a sentence. */
  async unload(why: string): Promise<void> {
    this.#cancelKeepAlive();
    if (!this.#host) return;
    this.#unloadedFor = why;
    this.#closing ??= this.#host.close().then(() => {
      this.#host = null;
      this.#closing = null;
      this.readySince = null;
      // Somebody came while it was on its way out.
      if (this.uses > 0 && !this.#isRemoved) this.#events.onWanted(this);
      this.#tell();
      this.#events.onChange();
    });
    this.#tell();
    await this.#closing;
  }

  /** Ends it for good. */
  async remove(): Promise<void> {
    this.#isRemoved = true;
    this.isQueued = false;
    await this.unload('');
    this.#tell();
  }

  #touch(change: number): void {
    this.uses += change;
    this.lastUsed = this.options.clock.elapsed();
  }

  /** After the last use, or a load that nobody waits for any more: the time that it may stay begins. */
  #settle(): void {
    this.#cancelKeepAlive();
    const { keepAliveMs, clock } = this.options;
    // One that failed stays, to be seen.
    if (this.uses === 0 && keepAliveMs !== null && this.#host?.status().state === 'ready') {
      this.#cancelKeepAlive = clock.after(keepAliveMs, () => {
        void this.unload('it was not used for a while; ');
      });
    }
    this.#events.onChange();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #unavailable(detail: string): GatewayError {
    return new GatewayError('no_upstream_available', `The local model ${this.options.name}: ${detail}.`, {
      isRetryable: true,
      retryAfterSeconds: RETRY_SECONDS,
    });
  }
}
