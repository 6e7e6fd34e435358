import type { Clock } from '../lib/clock.ts';
import type { RedisConnection, RedisScript } from '../lib/redis-connection.ts';
import { SHARE_WINDOW, type ShareThresholds } from './share-thresholds.ts';

/** How often gateways tell each other what they have seen. No request waits for it. */
const EXCHANGE_EVERY_MS = 2_000;
const LIMIT_MS = 1_000;

/**
 * Lets gateways hold a share together: every two seconds each adds the difficulties it has seen to a list in Redis, the
 * latest of all of them, and takes that for its own window. Without Redis each goes on by what it sees itself, and tells
 * it later. @returns what ends it.
 */
export const startShareExchange = (
  redis: RedisConnection,
  shares: ShareThresholds,
  clock: Clock,
): { exchange(): Promise<void>; stop(): void } => {
  let cancel = () => {};
  const exchange = async () => {
    for (const route of shares.routes()) {
      const seen = shares.unreported(route);
      const keys = [redis.key('share', route)];
      const reply = await redis.run<string[]>(EXCHANGE, keys, [SHARE_WINDOW, ...seen], { limitMs: LIMIT_MS });
      if (reply.ok) shares.adopt(route, reply.value.map(Number).filter(Number.isFinite), seen.length);
    }
  };
  let isStopped = false;
  const later = () => {
    if (!isStopped) cancel = clock.after(EXCHANGE_EVERY_MS, () => void exchange().finally(later));
  };
  later();
  return {
    exchange,
    stop: () => {
      isStopped = true;
      cancel();
    },
  };
};

/** KEYS the list; ARGV its length, then difficulties, oldest first. Answers the list, oldest first. */
const EXCHANGE: RedisScript = {
  name: 'rightsizeShare',
  keyCount: 1,
  lua: `
for i = 2, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[i]) end
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[1]), -1)
redis.call('PEXPIRE', KEYS[1], 86400000)
return redis.call('LRANGE', KEYS[1], 0, -1)`,
};
