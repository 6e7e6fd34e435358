import type { Clock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/logger.ts';
import { RedisConnection } from '../../lib/redis-connection.ts';
import type { Settings } from '../../settings.ts';
import { type Finding, ok, warning } from './finding.ts';

/** Redis, where `REDIS_URL` names one; the gateway works without it, each process for itself. */
export const checkRedis = async ({ redis }: Settings, clock: Clock, limitMs: number): Promise<Finding[]> => {
  if (redis === null) return [];
  const connection = new RedisConnection({ ...redis, clock, logger: createLogger('silent') });
  try {
    await connection.settled(limitMs);
    const { state, detail } = connection.state();
    if (state === 'ready') return [ok('redis', detail)];
    return [
      warning('redis', detail, 'check REDIS_URL and that it runs; until then limits and cache are of each process'),
    ];
  } finally {
    await connection.close();
  }
};
