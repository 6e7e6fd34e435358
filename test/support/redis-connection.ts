import { systemClock } from '../../src/lib/clock.ts';
import { createLogger, type Logger } from '../../src/lib/logger.ts';
import { parseRedisUrl } from '../../src/lib/redis-address.ts';
import { RedisConnection } from '../../src/lib/redis-connection.ts';

/** Longer than any machine under load makes a healthy Redis wait: only faults reach it. */
const PATIENT_MS = 5_000;

/** A connection in real time, which is there when this resolves. Limits are out of reach unless a test sets them. */
export const connectRedis = async (
  url: string,
  options: { commandTimeoutMs?: number; prefix?: string; logger?: Logger; isReady?: boolean } = {},
): Promise<RedisConnection> => {
  const { commandTimeoutMs = PATIENT_MS, prefix = 'test', logger = createLogger('silent'), isReady = true } = options;
  const connection = new RedisConnection({
    address: parseRedisUrl(url),
    prefix,
    connectTimeoutMs: PATIENT_MS,
    commandTimeoutMs,
    clock: systemClock,
    logger,
  });
  if (isReady && !(await connection.settled(PATIENT_MS))) throw new Error(connection.state().detail);
  return connection;
};
