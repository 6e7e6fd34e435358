import { expect, test } from 'vitest';
import { describeRedis, parseRedisUrl } from '../../src/lib/redis-address.ts';
import { UsageError } from '../../src/lib/usage-error.ts';

const none = { username: undefined, password: undefined, database: 0, tls: null };

test.each([
  ['redis://cache', { ...none, kind: 'server', host: 'cache', port: 6379 }, 'redis://cache:6379'],
  [
    'redis://app:p%40ss%3Aw@10.0.0.1:7000/3',
    { ...none, username: 'app', password: 'p@ss:w', database: 3, kind: 'server', host: '10.0.0.1', port: 7000 },
    'redis://10.0.0.1:7000',
  ],
  [
    'redis://:secret@cache?db=2',
    { ...none, password: 'secret', database: 2, kind: 'server', host: 'cache', port: 6379 },
    'redis://cache:6379',
  ],
  ['redis://[::1]:6380', { ...none, kind: 'server', host: '::1', port: 6380 }, 'redis://[::1]:6380'],
  [
    'rediss://cache:6380?ca=/etc/ca.pem',
    { ...none, tls: { caFile: '/etc/ca.pem' }, kind: 'server', host: 'cache', port: 6380 },
    'rediss://cache:6380',
  ],
  [
    'unix:///run/redis/redis.sock?db=1&password=secret',
    { ...none, password: 'secret', database: 1, kind: 'socket', path: '/run/redis/redis.sock' },
    'unix:///run/redis/redis.sock',
  ],
  [
    'redis+sentinel://app:secret@s1:26379,s2/mymaster/4?sentinelPassword=other',
    {
      ...none,
      username: 'app',
      password: 'secret',
      database: 4,
      kind: 'sentinel',
      nodes: [
        { host: 's1', port: 26379 },
        { host: 's2', port: 26379 },
      ],
      master: 'mymaster',
      sentinelPassword: 'other',
    },
    'redis+sentinel://s1:26379,s2:26379/mymaster',
  ],
  [
    'rediss+cluster://:secret@a:7000,b:7001',
    {
      ...none,
      password: 'secret',
      tls: {},
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 7001 },
      ],
    },
    'rediss+cluster://a:7000,b:7001',
  ],
])('%s is read, and shown without its secrets', (url, address, shown) => {
  expect(parseRedisUrl(url)).toEqual(address);
  expect(describeRedis(parseRedisUrl(url))).toBe(shown);
});

test.each([
  'localhost:6379',
  'http://u:hunter2@cache',
  'redis://u:hunter2@a,b',
  'redis://u:hunter2@',
  'redis://u:hunter2@cache:99999',
  'redis://u:hunter2@cache/first',
  'redis://u:hunter2@cache?password=hunter2&tls=1',
  'redis://u:%hunter2@cache',
  'unix://u:hunter2@/x.sock',
  'redis+sentinel://u:hunter2@s1:26379',
  'redis+cluster://u:hunter2@a,b/1',
])('%s is refused in words that repeat nothing of it', (url) => {
  expect(() => parseRedisUrl(url)).toThrow(UsageError);
  expect(() => parseRedisUrl(url)).not.toThrow(/hunter2/);
});
