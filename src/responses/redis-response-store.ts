import { createHash } from 'node:crypto';
import { z } from 'zod';
import { GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { RedisConnection, RedisScript } from '../lib/redis-connection.ts';
import { compress, decompress } from '../lib/zstd.ts';
import {
  MAX_CHAIN,
  RESPONSE_LIMITS,
  type ResponseLimits,
  type ResponseStore,
  type StoredItem,
  type StoredResponse,
} from './response-store.ts';
import { bytesOf, idOf, itemsOf } from './stored-items.ts';

export type RedisResponseOptions = { redis: RedisConnection; clock: Clock; limits?: ResponseLimits };

/** Expired or superfluous responses that one `put` takes away at most: more than it adds, and never a long pause. */
const SWEPT_AT_ONCE = 50;

const KeptSchema = z.object({
  id: z.string(),
  team: z.string(),
  createdAt: z.number(),
  previousId: z.string().nullable(),
  response: z.string(),
  input: z.string(),
  home: z.object({ upstream: z.string(), model: z.string() }).nullable(),
  session: z.string().nullable(),
});

/**
 * Keeps responses in Redis, for all gateways that share it. Each is a hash that ends by itself; beside them each team has
 * the order, the ends and the sizes of its own, by which it is bounded. All keys of a team have one hash tag, so that
 * scripts can follow a chain. @throws GatewayError `response_store_unavailable` from every method while Redis is slow,
 * gone or refuses.
 */
export class RedisResponseStore implements ResponseStore {
  readonly #redis: RedisConnection;
  readonly #clock: Clock;
  readonly #limits: ResponseLimits;

  constructor({ redis, clock, limits = RESPONSE_LIMITS }: RedisResponseOptions) {
    this.#redis = redis;
    this.#clock = clock;
    this.#limits = limits;
  }

  async put(response: StoredResponse): Promise<void> {
    const { expiresAt, ...kept } = response;
    const { perTeam, bytesPerTeam } = this.#limits;
    const now = this.#clock.now();
    const items = itemsOf(response).flatMap((item) => idOf(item) ?? []);
    const args = [
      hash(response.id),
      response.previousId === null ? '' : hash(response.previousId),
      expiresAt,
      Math.max(1, Math.ceil(expiresAt - now)),
      await compress(Buffer.from(JSON.stringify(kept))),
      bytesOf(response),
      response.createdAt,
      now,
      perTeam,
      bytesPerTeam,
      ...new Set(items.map(hash)),
    ];
    await this.#run(PUT, response.team, args);
  }

  async get(team: string, id: string): Promise<StoredResponse | null> {
    const [found] = await this.#read(await this.#run<(Buffer | null)[]>(GET, team, [hash(id)]));
    return found?.team === team && found.id === id ? found : null;
  }

  async chain(team: string, id: string): Promise<StoredResponse[] | null> {
    const found = await this.#read(await this.#run<(Buffer | null)[]>(CHAIN, team, [hash(id), MAX_CHAIN]));
    const chain = found.flatMap((response) => (response?.team === team ? [response] : []));
    // The script ends where one is missing, where time is over only we know.
    const isWhole = chain.length === found.length && chain.at(-1)?.previousId === null;
    return isWhole ? chain.reverse() : null;
  }

  async items(team: string, ids: readonly string[]): Promise<Map<string, StoredItem>> {
    if (ids.length === 0) return new Map();
    const holders = await this.#read(await this.#run<(Buffer | null)[]>(HOLDERS, team, ids.map(hash)));
    const items = new Map<string, StoredItem>();
    for (const holder of holders) {
      if (holder?.team !== team) continue;
      for (const stored of itemsOf(holder)) {
        const id = idOf(stored);
        if (id !== null && ids.includes(id) && !items.has(id)) items.set(id, stored);
      }
    }
    return items;
  }

  async delete(team: string, id: string): Promise<boolean> {
    const isThere = (await this.get(team, id)) !== null;
    await this.#run(FORGET, team, [hash(id)]);
    return isThere;
  }

  /** The connection is for whoever opened it to close. */
  async close(): Promise<void> {}

  async #run<Value>(script: RedisScript, team: string, args: (string | number | Buffer)[]): Promise<Value> {
    const tag = `{${hash(team)}}`;
    const keys = ['response', 'response-item', 'response-order', 'response-ends', 'response-sizes'].map((part) =>
      this.#redis.key(part, tag),
    );
    const reply = await this.#redis.run<Value>(script, keys, args, { asBuffers: true });
    if (reply.ok) return reply.value;
    throw new GatewayError('response_store_unavailable', 'Stored responses cannot be reached now. Please try again.', {
      cause: reply.reason,
      retryAfterSeconds: 1,
    });
  }

  /** Pairs of the bytes and the end of each; null for what is over, or was written by another program. */
  async #read(pairs: (Buffer | null)[]): Promise<(StoredResponse | null)[]> {
    const found: (StoredResponse | null)[] = [];
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const [bytes, end] = [pairs[i], pairs[i + 1]];
      const expiresAt = Number(end?.toString());
      const isAlive = bytes != null && expiresAt > this.#clock.now();
      found.push(isAlive ? await decode(bytes, expiresAt) : null);
    }
    return found;
  }
}

const decode = async (bytes: Buffer, expiresAt: number): Promise<StoredResponse | null> => {
  try {
    return { ...KeptSchema.parse(JSON.parse((await decompress(bytes)).toString())), expiresAt };
  } catch {
    return null;
  }
};

/** Names in keys: ids may be of any length and hold anything, and whoever lists keys need not know teams. 32 hex digits. */
const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

/**
 * What all scripts begin with. KEYS: those of responses and of items up to their names, then the order of responses by age,
 * their ends, their sizes. Scripts come to names by following a chain, so they touch keys that they were not given; all have
 * the tag of those that they were. Of a response: `p` the one before it, `u` its end in Unix ms, `d` bytes, `i` its items.
 */
const COMMON = `
local order, ends, sizes = KEYS[3], KEYS[4], KEYS[5]
local function response(name) return KEYS[1] .. ':' .. name end
local function item(name) return KEYS[2] .. ':' .. name end
local function forget(name)
  local items = redis.call('HGET', response(name), 'i') or ''
  for each in string.gmatch(items, '%S+') do
    if redis.call('GET', item(each)) == name then redis.call('DEL', item(each)) end
  end
  redis.call('ZREM', order, name)
  redis.call('ZREM', ends, name)
  local bytes = redis.call('HGET', sizes, name)
  if bytes then
    redis.call('HDEL', sizes, name)
    redis.call('HINCRBY', sizes, 'all', -tonumber(bytes))
  end
  return redis.call('UNLINK', response(name))
end
`;

/** ARGV name, name before it, end, life in ms, bytes, size, time of making, now, most responses, most bytes, items. */
const PUT: RedisScript = {
  name: 'rightsizePutResponse',
  keyCount: 5,
  lua: `${COMMON}
local name, before, finish, life, data, size, made, now = unpack(ARGV, 1, 8)
local function lives(key)
  if redis.call('PTTL', key) < tonumber(life) then redis.call('PEXPIRE', key, life) end
end
for _ = 1, ${MAX_CHAIN} do
  if before == '' then break end
  local old = redis.call('HMGET', response(before), 'p', 'u', 'i')
  if not old[2] then break end
  if tonumber(old[2]) < tonumber(finish) then
    redis.call('HSET', response(before), 'u', finish)
    redis.call('ZADD', ends, finish, before)
    lives(response(before))
    for each in string.gmatch(old[3], '%S+') do
      if redis.call('GET', item(each)) == before then lives(item(each)) end
    end
  end
  before = old[1]
end
forget(name)
local items = {}
for i = 11, #ARGV do items[#items + 1] = ARGV[i] end
redis.call('HSET', response(name), 'p', ARGV[2], 'u', finish, 'd', data, 'i', table.concat(items, ' '))
redis.call('PEXPIRE', response(name), life)
for _, each in ipairs(items) do redis.call('SET', item(each), name, 'NX', 'PX', life) end
redis.call('ZADD', order, made, name)
redis.call('ZADD', ends, finish, name)
redis.call('HSET', sizes, name, size)
redis.call('HINCRBY', sizes, 'all', size)
for _, over in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, ${SWEPT_AT_ONCE})) do forget(over) end
for _ = 1, ${SWEPT_AT_ONCE} do
  local isFull = redis.call('ZCARD', order) > tonumber(ARGV[9])
  local isHeavy = tonumber(redis.call('HGET', sizes, 'all') or 0) > tonumber(ARGV[10])
  if not isFull and not isHeavy then break end
  local oldest = redis.call('ZRANGE', order, 0, 0)[1]
  if not oldest then break end
  forget(oldest)
end
for i = 3, 5 do lives(KEYS[i]) end
return 1`,
};

/** ARGV name. Answers bytes and end. */
const GET: RedisScript = {
  name: 'rightsizeGetResponse',
  keyCount: 5,
  lua: `${COMMON}
return redis.call('HMGET', response(ARGV[1]), 'd', 'u')`,
};

/** ARGV name, most responses. Answers bytes and end of each, newest first, up to the first that is missing. */
const CHAIN: RedisScript = {
  name: 'rightsizeChain',
  keyCount: 5,
  lua: `${COMMON}
local found, name = {}, ARGV[1]
for _ = 1, tonumber(ARGV[2]) do
  if name == '' then break end
  local one = redis.call('HMGET', response(name), 'd', 'u', 'p')
  if not one[1] then break end
  found[#found + 1] = one[1]
  found[#found + 1] = one[2]
  name = one[3]
end
return found`,
};

/** ARGV items. Answers bytes and end of each response that holds one of them. */
const HOLDERS: RedisScript = {
  name: 'rightsizeHolders',
  keyCount: 5,
  lua: `${COMMON}
local found, seen = {}, {}
for _, each in ipairs(ARGV) do
  local name = redis.call('GET', item(each))
  if name and not seen[name] then
    seen[name] = true
    local one = redis.call('HMGET', response(name), 'd', 'u')
    found[#found + 1] = one[1]
    found[#found + 1] = one[2]
  end
end
return found`,
};

/** ARGV name. */
const FORGET: RedisScript = { name: 'rightsizeForgetResponse', keyCount: 5, lua: `${COMMON}\nreturn forget(ARGV[1])` };
