import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import type { RedisConnection, RedisScript } from '../lib/redis-connection.ts';
import type { CacheFilter, CacheUsage } from './cache-store.ts';
import { cacheUnavailable } from './cache-unavailable.ts';
import { MAX_OBSERVATIONS, type Observation } from './learned-threshold.ts';
import { factsOfQuestion, type QuestionFacts } from './question-facts.ts';
import {
  MAX_QUESTIONS,
  type Neighbour,
  type SemanticEntry,
  type SemanticPartition,
  type SemanticStore,
} from './semantic-store.ts';
import { teamHash } from './team-hash.ts';
import { UsageTable } from './usage-table.ts';

export type RedisSemanticOptions = {
  redis: RedisConnection;
  clock: Clock;
  /** Teams by name: keys hold only the hash of one. */
  teams(): Iterable<string>;
  /** For tests. */
  maxQuestions?: number;
};

/** Vectors that a search looks at, of those that the graph leads to: of 10,000 it then misses six in a thousand, in half the time of none. */
const SEARCH_EFFORT = 80;
/** Questions whose facts this process keeps at hand: reading them takes longer than finding them. */
const READ_QUESTIONS = 5_000;
/** Questions that one step of clearing takes away, so that it holds Redis for milliseconds. */
const CLEARED_AT_ONCE = 500;
const MAINTENANCE_LIMIT_MS = 5_000;

/**
 * Keeps questions in the vector sets of Redis 8, one for each partition, for all gateways that share it. The tenant is in
 * the key, and in the partition's id. Beside a set stands the order in which its questions came: the oldest go first.
 * Redis keeps each component in 8 bits: similarities are right to two or three thousandths. A set ends with the last of its
 * questions; how many sets there are is for Redis's `maxmemory` to bound.
 * @see https://redis.io/docs/latest/develop/data-types/vector-sets/
 */
export class RedisSemanticStore implements SemanticStore {
  readonly #redis: RedisConnection;
  readonly #clock: Clock;
  readonly #teams: () => Iterable<string>;
  readonly #maxQuestions: number;
  readonly #facts = new LRUCache<string, QuestionFacts>({ max: READ_QUESTIONS });

  constructor({ redis, clock, teams, maxQuestions = MAX_QUESTIONS }: RedisSemanticOptions) {
    this.#redis = redis;
    this.#clock = clock;
    this.#teams = teams;
    this.#maxQuestions = maxQuestions;
  }

  async nearest(
    partition: SemanticPartition,
    vector: Float32Array,
    { minSimilarity, count }: { minSimilarity: number; count: number },
  ): Promise<Neighbour[]> {
    const [set] = this.#keysOf(partition);
    const filter = `.u > ${this.#clock.now()}`;
    const rest = ['WITHSCORES', 'COUNT', count, 'EF', Math.max(SEARCH_EFFORT, count), 'FILTER', filter];
    // A command of its own and no script: Redis searches in a thread beside the one that serves everybody.
    const found = await this.#redis.use((client) =>
      client.call('VSIM', set, 'FP32', bytesOf(vector), ...rest).catch(noneOfThatLength),
    );
    if (!found.ok) return [];
    const near = toScores(found.value as string[]).filter(({ similarity }) => similarity >= minSimilarity);
    if (near.length === 0) return [];
    const args = near.map(({ key }) => key);
    const attributes = await this.#redis.run<(string | null)[]>(ATTRIBUTES, [set], args);
    if (!attributes.ok) return [];
    return near.flatMap(({ key, similarity }, index) => {
      const entry = this.#read(partition, key, attributes.value[index] ?? '');
      return entry === null ? [] : [{ entry, similarity }];
    });
  }

  async add(partition: SemanticPartition, vector: Float32Array, entry: SemanticEntry, lifeMs: number): Promise<void> {
    const { place, text, observations } = entry;
    const now = this.#clock.now();
    const o = observations.map(toText).join(' ');
    // Scripts look for `o` at the beginning.
    const attributes = JSON.stringify({ o, u: now + lifeMs, t: text });
    const args = [bytesOf(vector), place.key, attributes, Math.max(1, Math.ceil(lifeMs)), now, this.#maxQuestions];
    await this.#redis.run(ADD, this.#keysOf(partition), args);
  }

  async observe(partition: SemanticPartition, key: string, observation: Observation): Promise<boolean> {
    const args = [key, toText(observation), MAX_OBSERVATIONS];
    const seen = await this.#redis.run<number>(OBSERVE, [this.#keysOf(partition)[0]], args);
    return seen.ok && seen.value === 1;
  }

  async remove(partition: SemanticPartition, key: string): Promise<boolean> {
    const removed = await this.#redis.run<number>(REMOVE, this.#keysOf(partition), [key]);
    return removed.ok && removed.value === 1;
  }

  async usage(filter: CacheFilter): Promise<CacheUsage[]> {
    const table = new UsageTable();
    for await (const { place, entries, bytes } of this.#matching(filter)) table.add(place, bytes, entries);
    return table.rows();
  }

  async clear(filter: CacheFilter): Promise<CacheUsage[]> {
    const table = new UsageTable();
    for await (const { keys, place, entries, bytes } of this.#matching(filter)) {
      const args = [beforeOf(filter), CLEARED_AT_ONCE];
      while ((await this.#maintain<number>(CLEAR, keys, args)) > 0);
      table.add(place, bytes, entries);
    }
    return table.rows();
  }

  /** The set, and the order of its questions. The tag makes both live on one node of a cluster. */
  #keysOf({ team, route, id }: SemanticPartition): [string, string] {
    return [
      this.#redis.key('semantic', teamHash(team), route, `{${id}}`),
      this.#redis.key('semantic-order', teamHash(team), route, `{${id}}`),
    ];
  }

  #read({ team, route }: SemanticPartition, key: string, attributes: string): SemanticEntry | null {
    try {
      const { o, t: text } = JSON.parse(attributes) as { o: string; t: string };
      const facts = this.#facts.get(text) ?? factsOfQuestion(text);
      this.#facts.set(text, facts);
      return { place: { key, team, route }, facts, text, observations: o.split(' ').flatMap(toObservation) };
    } catch {
      // Not ours.
      return null;
    }
  }

  async *#matching(filter: CacheFilter) {
    const { team, route } = filter;
    const names = new Map([...this.#teams()].map((name) => [teamHash(name), name]));
    const pattern = this.#redis.key('semantic', team === undefined ? '*' : teamHash(team), route ?? '*', '{*}');
    for await (const sets of this.#batches(pattern)) {
      for (const set of sets) {
        const [hash = '', routeName = '', tag = ''] = set.split(':').slice(-3);
        const keys: [string, string] = [set, this.#redis.key('semantic-order', hash, routeName, tag)];
        const [entries, all, memory] = await this.#maintain<[number, number, number]>(COUNT, keys, [beforeOf(filter)]);
        if (entries === 0) continue;
        const bytes = Math.round((memory * entries) / all);
        yield { keys, entries, bytes, place: { team: team ?? names.get(hash) ?? `#${hash}`, route: routeName } };
      }
    }
  }

  async *#batches(pattern: string): AsyncGenerator<string[]> {
    try {
      yield* this.#redis.scan(pattern);
    } catch (cause) {
      throw cacheUnavailable(cause);
    }
  }

  async #maintain<Value>(script: RedisScript, keys: string[], args: (string | number)[]): Promise<Value> {
    const result = await this.#redis.run<Value>(script, keys, args, { limitMs: MAINTENANCE_LIMIT_MS });
    if (!result.ok) throw cacheUnavailable(result.reason);
    return result.value;
  }
}

/** 32-bit floats, little-endian, as VADD and VSIM take them. */
const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

/** `0.97+`, or `0.97-` where the answer was wrong. */
const toText = ({ similarity, isRight }: Observation): string => `${similarity}${isRight ? '+' : '-'}`;

const toObservation = (text: string): Observation[] =>
  text === '' ? [] : [{ similarity: Number(text.slice(0, -1)), isRight: text.endsWith('+') }];

const beforeOf = ({ storedBefore }: CacheFilter): string => (storedBefore === undefined ? '+inf' : `(${storedBefore}`);

/** Vectors of another length cannot be compared: another model of embeddings made them. */
const noneOfThatLength = (error: Error): string[] => {
  if (error.message.includes('dimension mismatch')) return [];
  throw error;
};

/** Redis counts from 0, opposite, to 1, the same. */
const toScores = (reply: string[]): { key: string; similarity: number }[] =>
  reply.flatMap((key, index) => (index % 2 === 0 ? [{ key, similarity: Number(reply[index + 1]) * 2 - 1 }] : []));

/** KEYS set; ARGV elements. */
const ATTRIBUTES: RedisScript = {
  name: 'rightsizeQuestions',
  keyCount: 1,
  lua: `
local found = {}
for i, element in ipairs(ARGV) do found[i] = redis.call('VGETATTR', KEYS[1], element) end
return found`,
};

/**
 * KEYS set, order; ARGV vector, element, attributes, life in ms, now, most elements. A set of vectors of another length is
 * replaced: another model of embeddings answers now, and the two cannot be compared.
 */
const ADD: RedisScript = {
  name: 'rightsizeAddQuestion',
  keyCount: 2,
  lua: `
local length = redis.pcall('VDIM', KEYS[1])
if type(length) ~= 'number' or length * 4 ~= #ARGV[1] then redis.call('UNLINK', KEYS[1], KEYS[2]) end
local added = redis.pcall('VADD', KEYS[1], 'FP32', ARGV[1], ARGV[2], 'Q8', 'EF', 100, 'SETATTR', ARGV[3])
if type(added) == 'table' and added.err then return added end
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[2])
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) < tonumber(ARGV[4]) then redis.call('PEXPIRE', key, ARGV[4]) end
end
local over = redis.call('VCARD', KEYS[1]) - tonumber(ARGV[6])
for _ = 1, math.min(over, 100) do
  local oldest = redis.call('ZPOPMIN', KEYS[2])[1] or redis.call('VRANDMEMBER', KEYS[1])
  redis.call('VREM', KEYS[1], oldest)
end
for _, oldest in ipairs(redis.call('ZRANGE', KEYS[2], 0, 1)) do
  local ends = string.match(redis.call('VGETATTR', KEYS[1], oldest) or '', '"u":(%d+)')
  if not ends or tonumber(ends) <= tonumber(ARGV[5]) then
    redis.call('VREM', KEYS[1], oldest)
    redis.call('ZREM', KEYS[2], oldest)
  end
end
return 1`,
};

/** KEYS set; ARGV element, observation, most observations. */
const OBSERVE: RedisScript = {
  name: 'rightsizeObserve',
  keyCount: 1,
  lua: `
local seen, rest = string.match(redis.call('VGETATTR', KEYS[1], ARGV[1]) or '', '^{"o":"([^"]*)"(.*)$')
if not seen then return 0 end
local kept = {}
for each in string.gmatch(seen, '%S+') do kept[#kept + 1] = each end
kept[#kept + 1] = ARGV[2]
while #kept > tonumber(ARGV[3]) do table.remove(kept, 1) end
return redis.call('VSETATTR', KEYS[1], ARGV[1], '{"o":"' .. table.concat(kept, ' ') .. '"' .. rest)`,
};

/** KEYS set, order; ARGV element. */
const REMOVE: RedisScript = {
  name: 'rightsizeRemoveQuestion',
  keyCount: 2,
  lua: `
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('VREM', KEYS[1], ARGV[1])`,
};

/** KEYS set, order; ARGV greatest time of adding. Answers how many are meant, how many there are, and bytes of them all. */
const COUNT: RedisScript = {
  name: 'rightsizeCountQuestions',
  keyCount: 2,
  lua: `
local all = redis.call('VCARD', KEYS[1])
local meant = ARGV[1] == '+inf' and all or math.min(all, redis.call('ZCOUNT', KEYS[2], '-inf', ARGV[1]))
return {meant, all, redis.call('MEMORY', 'USAGE', KEYS[1]) or 0}`,
};

/** KEYS set, order; ARGV greatest time of adding, how many at most. Answers how many went: 0 when none is left. */
const CLEAR: RedisScript = {
  name: 'rightsizeClearQuestions',
  keyCount: 2,
  lua: `
if ARGV[1] == '+inf' then
  redis.call('UNLINK', KEYS[1], KEYS[2])
  return 0
end
local old = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, each in ipairs(old) do
  redis.call('VREM', KEYS[1], each)
  redis.call('ZREM', KEYS[2], each)
end
return #old`,
};
