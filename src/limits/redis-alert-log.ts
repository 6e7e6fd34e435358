import type { RedisConnection } from '../lib/redis-connection.ts';
import { ALERT_LEASE_MS, type AlertLog } from './alert-log.ts';

/**
 * For all gateways together. While Redis does not answer this machine decides alone, so an alert may come twice then;
 * what this machine has sent it never sends again.
 */
export class RedisAlertLog implements AlertLog {
  readonly #redis: Pick<RedisConnection, 'use' | 'key'>;
  readonly #own: AlertLog;

  constructor(redis: Pick<RedisConnection, 'use' | 'key'>, own: AlertLog) {
    this.#redis = redis;
    this.#own = own;
  }

  async begin(id: string): Promise<boolean> {
    if (!(await this.#own.begin(id))) return false;
    const key = this.#key(id);
    const taken = await this.#redis.use((client) => client.set(key, 'begun', 'PX', String(ALERT_LEASE_MS), 'NX'));
    return !taken.ok || taken.value === 'OK';
  }

  async done(id: string, keepMs: number): Promise<void> {
    await this.#own.done(id, keepMs);
    await this.#redis.use((client) => client.set(this.#key(id), 'sent', 'PX', String(keepMs)));
  }

  #key(id: string): string {
    return this.#redis.key('alert', id);
  }
}
