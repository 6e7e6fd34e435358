import type { Redis } from 'ioredis';
import type { Clock } from './clock.ts';
import { reconnectDelayMs } from './redis-client.ts';

export type Subscription = {
  channel: string;
  listener(message: string): void;
  /** Called after each time the connection was lost and is there again: any message may have been missed. */
  onGap(): void;
};

export type RedisSubscriberOptions = {
  /** Opens a connection that does not reconnect; `turn` counts them. */
  connect(turn: number): Redis;
  clock: Clock;
  /** How often to ask whether the connection still lives; it is silent by nature. */
  pingEveryMs: number;
};

/**
 * Messages of any number of channels over one connection of its own, opened with the first subscription and opened again
 * whenever it is lost. Messages that are published meanwhile are lost; each listener is told that some may have been.
 */
export class RedisSubscriber {
  readonly #options: RedisSubscriberOptions;
  readonly #subscriptions = new Set<Subscription>();
  #client: Redis | null = null;
  #isListening = false;
  #turn = 0;
  #failures = 0;
  #hasBeenLost = false;
  #isClosed = false;
  #cancel = () => {};

  constructor(options: RedisSubscriberOptions) {
    this.#options = options;
  }

  /** Whether messages reach us now. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** @returns what ends the subscription. */
  add(subscription: Subscription): () => void {
    this.#subscriptions.add(subscription);
    if (this.#client === null && !this.#isClosed) this.#open();
    else if (this.#isListening) this.#client?.subscribe(subscription.channel).catch(() => this.#client?.disconnect());
    return () => this.#remove(subscription);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
    this.#client?.disconnect();
  }

  #remove(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    const isUsed = [...this.#subscriptions].some(({ channel }) => channel === subscription.channel);
    if (!isUsed && this.#isListening) this.#client?.unsubscribe(subscription.channel).catch(() => {});
  }

  #open(): void {
    const client = this.#options.connect(this.#turn++);
    this.#client = client;
    // What is wrong with the server shows in the main connection; here it only means another try.
    client.on('error', () => {});
    client.on('message', (channel: string, message: string) => {
      for (const subscription of [...this.#subscriptions]) {
        if (subscription.channel === channel) subscription.listener(message);
      }
    });
    client.once('ready', () => void this.#listen(client).catch(() => client.disconnect()));
    client.once('end', () => this.#lost(client));
  }

  async #listen(client: Redis): Promise<void> {
    const asked = new Set<string>();
    for (;;) {
      // Some may be added while we wait.
      const missing = [...this.#subscriptions].map(({ channel }) => channel).filter((channel) => !asked.has(channel));
      if (missing.length === 0) break;
      for (const channel of missing) asked.add(channel);
      await client.subscribe(...new Set(missing));
    }
    this.#isListening = true;
    this.#failures = 0;
    if (this.#hasBeenLost) for (const { onGap } of [...this.#subscriptions]) onGap();
    this.#pingLater(client);
  }

  /** A connection whose other end is gone without a word looks like one on which nothing is said. */
  #pingLater(client: Redis): void {
    this.#cancel = this.#options.clock.after(this.#options.pingEveryMs, () => {
      client.ping().then(
        () => this.#pingLater(client),
        () => client.disconnect(),
      );
    });
  }

  #lost(client: Redis): void {
    if (client !== this.#client || this.#isClosed) return;
    this.#cancel();
    this.#hasBeenLost = true;
    this.#isListening = false;
    this.#failures++;
    this.#cancel = this.#options.clock.after(reconnectDelayMs(this.#failures), () => this.#open());
  }
}
