import { Counter, Gauge, type Registry } from 'prom-client';
import type { RedisConnection } from '../lib/redis-connection.ts';

/** Whether Redis is used now, and how its uses ended. */
export const addRedisMetrics = (redis: Pick<RedisConnection, 'state'>, registers: Registry[]): void => {
  new Gauge({
    name: 'rightsize_redis_up',
    help: '1 while Redis is used, 0 while requests go on without it.',
    aggregator: 'min',
    registers,
    collect() {
      this.set(redis.state().state === 'down' ? 0 : 1);
    },
  });
  new Counter({
    name: 'rightsize_redis_uses_total',
    help: 'Uses of Redis by how they ended; open and disconnected ones cost no wait.',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset();
      for (const [result, count] of Object.entries(redis.state().uses)) this.inc({ result }, count);
    },
  });
  new Counter({
    name: 'rightsize_redis_trips_total',
    help: 'Times that Redis was given up, for being slow, until a probe is answered.',
    registers,
    collect() {
      this.reset();
      this.inc(redis.state().trips);
    },
  });
};
