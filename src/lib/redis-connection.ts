import { Cluster, type Redis, type RedisCommander, type RedisValue } from 'ioredis';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import { describeRedis, type RedisAddress } from './redis-address.ts';
import { createRedisClient, createSubscriberClient } from './redis-client.ts';
import { RedisSubscriber } from './redis-subscriber.ts';

export type RedisConnectionOptions = {
  address: RedisAddress;
  /** First word of every key, so that several installations can share a server. */
  prefix: string;
  connectTimeoutMs: number;
  /** Longest wait for one `use` or `run`. */
  commandTimeoutMs: number;
  clock: Clock;
  logger: Logger;
};

/** The commands of Redis, by name, for one `use`. */
export type RedisClient = RedisCommander;

/**
 * Why nothing came of it. `disconnected`: there is no connection. `slow`: no answer in time. `open`: it has been slow and
 * is left alone until a probe is answered. `busy`: too many commands are under way. `refused`: Redis answered with an
 * error, such as a full memory. In each case what was sent may or may not have been done.
 */
export type RedisFailure = 'disconnected' | 'slow' | 'open' | 'busy' | 'refused';

export type RedisResult<Value> = { ok: true; value: Value } | { ok: false; reason: RedisFailure };

/** A Lua script. It may touch only keys it is given; in a cluster they must share a hash tag, `{…}`. */
export type RedisScript = { name: string; keyCount: number; lua: string };

export type RedisState = {
  /** `degraded`: it answers, but has lately refused commands. `down`: requests go on without it. */
  state: 'ready' | 'degraded' | 'down';
  detail: string;
  /** Uses since the start, by how they ended. */
  uses: Record<'ok' | RedisFailure, number>;
  /** Times that it was given up until a probe is answered. */
  trips: number;
};

/** Layout of what is stored; part of every key, so that two versions never read each other's values. */
const SCHEMA_VERSION = 1;
/** Commands under way at the same time, at most; more fail as `busy` at once. */
const MAX_UNDER_WAY = 4_096;
/** So many uses without an answer in a row open the circuit. */
const SLOW_IN_A_ROW = 3;
const PROBE_EVERY_MS = 250;
const SUBSCRIBER_PING_EVERY_MS = 5_000;
/** How long a refusal shows in the state. */
const REFUSAL_SHOWS_MS = 30_000;
const SCAN_COUNT = 500;
const SHORTEST_HANDSHAKE_MS = 1_000;

/**
 * One Redis for the whole process. No request ever waits longer than `commandTimeoutMs` for it, and while it is known to
 * be slow or gone nobody waits at all; it is probed in the background and comes back by itself. Callers are told how
 * each use ended and decide what to do without it. Nothing here throws because Redis fails.
 */
export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  readonly #client: Redis | Cluster;
  readonly #subscriber: RedisSubscriber;
  readonly #where: string;
  readonly #uses: RedisState['uses'] = { ok: 0, disconnected: 0, slow: 0, open: 0, busy: 0, refused: 0 };
  readonly #scripts = new Set<string>();
  #underWay = 0;
  #slowInARow = 0;
  #isOpen = false;
  #trips = 0;
  #connections = 0;
  #isClosed = false;
  #wasUsable: boolean | null = null;
  #lastError = 'not connected yet';
  #refusal: { words: string; at: number } | null = null;
  #cancelProbe = () => {};

  /** Connects in the background. @throws Error when a PEM file of the address cannot be read. */
  constructor(options: RedisConnectionOptions) {
    this.#options = options;
    const { address, connectTimeoutMs, commandTimeoutMs, clock } = options;
    const limits = {
      connectTimeoutMs,
      handshakeTimeoutMs: Math.max(SHORTEST_HANDSHAKE_MS, connectTimeoutMs, commandTimeoutMs),
    };
    this.#where = describeRedis(address);
    this.#client = createRedisClient(address, limits);
    this.#client.on('error', (error: Error) => this.#failed(error));
    if (this.#client instanceof Cluster) this.#client.on('node error', (error: Error) => this.#failed(error));
    this.#client.on('ready', () => {
      this.#connections++;
      if (!this.#isOpen) this.#lastError = 'the connection was lost';
      this.#tell();
    });
    this.#client.on('close', () => this.#tell());
    this.#subscriber = new RedisSubscriber({
      connect: (turn) => createSubscriberClient(address, limits, turn),
      clock,
      pingEveryMs: SUBSCRIBER_PING_EVERY_MS,
    });
  }

  /**
   * A key of ours, `rightsize:1:cache:…`. Put braces around the part that several keys of one script share, so that a
   * cluster keeps them on one node: `key('limits', '{team}', 'tokens')`.
   */
  key(...parts: string[]): string {
    return [this.#options.prefix, SCHEMA_VERSION, ...parts].join(':');
  }

  /** How often a connection was made: after another one the server may be another, too. */
  get connections(): number {
    return this.#connections;
  }

  /** Whether a use would be tried now. */
  get isUsable(): boolean {
    return !this.#isClosed && !this.#isOpen && this.#client.status === 'ready';
  }

  /**
   * Runs commands, all of them together within the limit.
   * @param work awaits commands of the client and nothing else: any error in it counts as one of Redis.
   * @param limitMs for work that no request waits for.
   */
  async use<Value>(
    work: (client: RedisClient) => Promise<Value>,
    { limitMs = this.#options.commandTimeoutMs }: { limitMs?: number } = {},
  ): Promise<RedisResult<Value>> {
    if (this.#isClosed || this.#client.status !== 'ready') return this.#count('disconnected');
    if (this.#isOpen) return this.#count('open');
    if (this.#underWay >= MAX_UNDER_WAY) return this.#count('busy');
    this.#underWay++;
    // Counted until Redis or the connection has ended it: what timed out still takes up room in the client's queue.
    const result = work(this.#client as RedisClient).finally(() => this.#underWay--);
    try {
      const value = await this.#within(limitMs, result);
      this.#slowInARow = 0;
      this.#uses.ok++;
      return { ok: true, value };
    } catch (error) {
      return this.#count(this.#reasonOf(error as Error));
    }
  }

  /**
   * Runs a script: by its digest, and by its text where the server does not know it.
   * @param asBuffers whether texts in its reply are bytes as they are.
   */
  run<Value>(
    { name, keyCount, lua }: RedisScript,
    keys: string[],
    args: RedisValue[],
    { asBuffers = false, ...options }: { limitMs?: number; asBuffers?: boolean } = {},
  ): Promise<RedisResult<Value>> {
    if (!this.#scripts.has(name)) {
      this.#client.defineCommand(name, { lua, numberOfKeys: keyCount });
      this.#scripts.add(name);
    }
    type Command = (...values: RedisValue[]) => Promise<Value>;
    const command = asBuffers ? `${name}Buffer` : name;
    return this.use(
      (client) => ((client as unknown as Record<string, Command>)[command] as Command)(...keys, ...args),
      options,
    );
  }

  /**
   * Every key that matches a pattern of SCAN, in batches, on all nodes of a cluster. Not for requests.
   * @throws Error when Redis cannot be asked.
   */
  async *scan(pattern: string): AsyncGenerator<string[]> {
    if (!this.isUsable) throw new Error(this.state().detail);
    const nodes = this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client];
    for (const node of nodes) {
      let cursor = '0';
      do {
        const [next, keys] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
        cursor = next;
        if (keys.length > 0) yield keys;
      } while (cursor !== '0');
    }
  }

  /**
   * Listens to a channel, a name as `key` makes them, over a connection of its own.
   * @param onGap called when the connection had been lost and is back: any message may have been missed.
   * @returns what ends it.
   */
  subscribe(channel: string, listener: (message: string) => void, onGap: () => void): () => void {
    return this.#subscriber.add({ channel, listener, onGap });
  }

  /** Resolves when the first try to connect has ended, or after `limitMs`: true when Redis answers. */
  settled(limitMs: number): Promise<boolean> {
    if (this.#wasUsable !== null) return Promise.resolve(this.isUsable);
    return new Promise((resolve) => {
      const finish = () => {
        cancel();
        resolve(this.isUsable);
      };
      const cancel = this.#options.clock.after(limitMs, finish);
      this.#client.once('ready', finish);
      this.#client.once('close', finish);
    });
  }

  state(): RedisState {
    const counts = { uses: { ...this.#uses }, trips: this.#trips };
    if (this.#isOpen || this.#client.status !== 'ready') {
      return { state: 'down', detail: `${this.#where}: ${this.#lastError}; requests go on without it`, ...counts };
    }
    if (this.#refusal !== null && this.#options.clock.elapsed() - this.#refusal.at < REFUSAL_SHOWS_MS) {
      return { state: 'degraded', detail: `${this.#where}: refuses commands: ${this.#refusal.words}`, ...counts };
    }
    return { state: 'ready', detail: this.#where, ...counts };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelProbe();
    this.#subscriber.close();
    this.#client.disconnect();
  }

  #count(reason: RedisFailure): { ok: false; reason: RedisFailure } {
    this.#uses[reason]++;
    return { ok: false, reason };
  }

  #reasonOf(error: Error): RedisFailure {
    if (error === SLOW) {
      this.#slowInARow++;
      if (this.#slowInARow >= SLOW_IN_A_ROW) this.#open();
      return 'slow';
    }
    if (error.name !== 'ReplyError') {
      this.#lastError = wordsOf(error);
      return 'disconnected';
    }
    const words = error.message.split(' ', 1)[0] ?? '';
    if (this.#refusal?.words !== words)
      this.#options.logger.warn({ redis: this.#where, error: words }, 'Redis refuses');
    this.#refusal = { words, at: this.#options.clock.elapsed() };
    return 'refused';
  }

  #open(): void {
    if (this.#isOpen || this.#isClosed) return;
    this.#isOpen = true;
    this.#trips++;
    this.#lastError = `no answer within ${this.#options.commandTimeoutMs} ms`;
    this.#tell();
    // Whatever waits in the old connection is forgotten, here and, once it closes, there.
    this.#client.disconnect(true);
    this.#probeLater();
  }

  #probeLater(): void {
    this.#cancelProbe = this.#options.clock.after(PROBE_EVERY_MS, async () => {
      if (!(await this.#probe())) return this.#probeLater();
      this.#isOpen = false;
      this.#slowInARow = 0;
      this.#lastError = 'the connection was lost';
      this.#tell();
    });
  }

  async #probe(): Promise<boolean> {
    if (this.#client.status !== 'ready') return false;
    return this.#within(this.#options.commandTimeoutMs, this.#client.ping()).then(
      () => true,
      () => false,
    );
  }

  /** Rejects with SLOW after `limitMs`; an answer that lies in the socket by then, behind work of our own, still counts. */
  #within<Value>(limitMs: number, promise: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after(limitMs, () => setImmediate(() => reject(SLOW)));
      promise.then(resolve, reject).finally(cancel);
    });
  }

  #failed(error: Error): void {
    this.#lastError = wordsOf(error);
  }

  /** Logs each change between usable and not, once. */
  #tell(): void {
    if (this.#isClosed || this.isUsable === this.#wasUsable) return;
    const isFirst = this.#wasUsable === null;
    this.#wasUsable = this.isUsable;
    const { detail } = this.state();
    if (!this.isUsable) this.#options.logger.warn({ redis: detail }, 'Redis is down');
    else if (!isFirst) this.#options.logger.warn({ redis: detail }, 'Redis is back');
  }
}

const SLOW = new Error('Redis did not answer in time');

/** What went wrong, without anything that was sent. */
const wordsOf = (error: Error & { code?: unknown; lastNodeError?: Error }): string => {
  if (error.lastNodeError !== undefined) return wordsOf(error.lastNodeError);
  if (typeof error.code === 'string') return error.code;
  return error.name === 'ReplyError' ? (error.message.split(' ', 1)[0] ?? '') : error.message.slice(0, 200);
};
