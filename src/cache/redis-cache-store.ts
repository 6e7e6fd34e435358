import { randomUUID } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { RedisClient, RedisConnection, RedisScript } from '../lib/redis-connection.ts';
import { decodeAnswer, encodeAnswer, HEADER_BYTES, readTimes } from './answer-codec.ts';
import type { CachePlace } from './cache-key.ts';
import type {
  CachedAnswer,
  CacheFilter,
  CacheStore,
  CacheUsage,
  Claim,
  Claimed,
  Keepable,
  Keeping,
  Stored,
} from './cache-store.ts';
import { cacheUnavailable } from './cache-unavailable.ts';
import { teamHash } from './team-hash.ts';
import { UsageTable } from './usage-table.ts';

/** How long a claim outlives its holder. It is renewed three times in that time. */
const LEASE_MS = 5_000;
/** How often those who wait for another gateway's answer look again, beside being told. */
const LOOK_AGAIN_MS = 500;
/** Longest wait for a command that no request waits for. */
const MAINTENANCE_LIMIT_MS = 5_000;

export type RedisCacheStoreOptions = {
  redis: RedisConnection;
  clock: Clock;
  /** Teams by name: keys hold only the hash of one. */
  teams(): Iterable<string>;
  /** What keys begin with; stores of different things share nothing. */
  space?: string;
};

/**
 * Keeps answers in Redis, for all gateways that share it. What Redis holds at most is for its `maxmemory` to say, with
 * an eviction policy such as `allkeys-lru`; each entry also ends by itself.
 */
export class RedisCacheStore<Kept extends Keepable = CachedAnswer> implements CacheStore<Kept> {
  readonly #redis: RedisConnection;
  readonly #clock: Clock;
  readonly #teams: () => Iterable<string>;
  readonly #space: string;
  readonly #landings: string;
  /** Those who wait, by key of the entry. */
  readonly #waiting = new Map<string, Set<() => void>>();
  #stopListening: (() => void) | null = null;

  constructor({ redis, clock, teams, space = 'cache' }: RedisCacheStoreOptions) {
    this.#redis = redis;
    this.#clock = clock;
    this.#teams = teams;
    this.#space = space;
    this.#landings = redis.key(`${space}-landings`);
  }

  async get(place: CachePlace): Promise<Stored<Kept> | null> {
    const found = await this.#redis.use((client) => client.getBuffer(this.#entryKey(place)));
    return found.ok && found.value !== null ? decodeAnswer<Kept>(found.value, this.#clock.now()) : null;
  }

  async set(place: CachePlace, answer: Kept, keeping: Keeping): Promise<void> {
    const bytes = await encodeAnswer(answer, keeping);
    if (bytes === null) return;
    await this.#redis.use((client) => client.set(this.#entryKey(place), bytes, 'PX', wholeLife(keeping)));
  }

  async claim(place: CachePlace, { isRefresh = false } = {}): Promise<Claimed<Kept>> {
    const token = randomUUID();
    const keys = [this.#entryKey(place), this.#claimKey(place)];
    const args = [token, LEASE_MS, isRefresh ? '1' : '0'];
    const reply = await this.#redis.run<[Buffer | null, number]>(CLAIM, keys, args, { asBuffers: true });
    if (!reply.ok) return { kind: 'mine', claim: this.#unshared(place) };
    const [bytes, isMine] = reply.value;
    const answer = bytes === null ? null : await decodeAnswer<Kept>(bytes, this.#clock.now());
    if (answer !== null) return { kind: 'stored', answer };
    // Bytes that are no answer: its time is over by our clock, or another program wrote them. Then nobody holds a claim.
    if (bytes !== null) return { kind: 'mine', claim: this.#unshared(place) };
    if (isMine === 1) return { kind: 'mine', claim: this.#held(place, token) };
    return { kind: 'taken', changed: () => this.#changed(place.key) };
  }

  async usage(filter: CacheFilter): Promise<CacheUsage[]> {
    const table = new UsageTable();
    for await (const { place, bytes } of this.#matching(filter)) table.add(place, bytes);
    return table.rows();
  }

  async clear(filter: CacheFilter): Promise<CacheUsage[]> {
    const table = new UsageTable();
    for await (const { key, place, bytes } of this.#matching(filter)) {
      const removed = await this.#maintain((client) => client.unlink(key));
      if (removed === 1) table.add(place, bytes);
    }
    return table.rows();
  }

  /** Its tag makes the entry and its claim live on one node of a cluster. */
  #entryKey({ team, route, key }: CachePlace): string {
    return this.#redis.key(this.#space, teamHash(team), route, `{${key}}`);
  }

  #claimKey({ key }: CachePlace): string {
    return this.#redis.key(`${this.#space}-claim`, `{${key}}`);
  }

  /** Without Redis everybody fetches for themselves. */
  #unshared(place: CachePlace): Claim<Kept> {
    return { land: (answer, keeping) => this.set(place, answer, keeping), release: async () => {} };
  }

  #held(place: CachePlace, token: string): Claim<Kept> {
    const keys = [this.#entryKey(place), this.#claimKey(place)];
    let stopRenewing = () => {};
    const renewLater = () => {
      stopRenewing = this.#clock.after(LEASE_MS / 3, () => {
        renewLater();
        void this.#redis.run(RENEW, [this.#claimKey(place)], [token, LEASE_MS]);
      });
    };
    renewLater();
    const end = async (bytes: Buffer | '', lifeMs: number) => {
      stopRenewing();
      await this.#redis.run(LAND, keys, [token, bytes, lifeMs, this.#landings, place.key]);
    };
    return {
      land: async (answer, keeping) => end((await encodeAnswer(answer, keeping)) ?? '', wholeLife(keeping)),
      release: () => end('', 0),
    };
  }

  #changed(key: string): Promise<void> {
    this.#stopListening ??= this.#redis.subscribe(
      this.#landings,
      (landed) => this.#wake(landed),
      () => {
        for (const each of [...this.#waiting.keys()]) this.#wake(each);
      },
    );
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting);
      const wake = () => {
        cancel();
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(key);
        resolve();
      };
      const cancel = this.#clock.after(LOOK_AGAIN_MS, wake);
      waiting.add(wake);
    });
  }

  #wake(key: string): void {
    for (const wake of [...(this.#waiting.get(key) ?? [])]) wake();
  }

  async *#matching({ team, route, storedBefore }: CacheFilter) {
    const names = new Map([...this.#teams()].map((name) => [teamHash(name), name]));
    const pattern = this.#redis.key(this.#space, team === undefined ? '*' : teamHash(team), route ?? '*', '{*}');
    for await (const keys of this.#batches(pattern)) {
      const headers = await this.#maintain((client) =>
        Promise.all(
          keys.map((key) => Promise.all([client.getrangeBuffer(key, 0, HEADER_BYTES - 1), client.strlen(key)])),
        ),
      );
      for (const [index, key] of keys.entries()) {
        const [header, bytes] = headers[index] as [Buffer, number];
        const times = readTimes(header);
        if (times === null || (storedBefore !== undefined && times.storedAt >= storedBefore)) continue;
        const [hash = '', routeName = ''] = key.split(':').slice(-3);
        yield { key, bytes, place: { team: team ?? names.get(hash) ?? `#${hash}`, route: routeName } };
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

  async #maintain<Value>(work: (client: RedisClient) => Promise<Value>): Promise<Value> {
    const result = await this.#redis.use(work, { limitMs: MAINTENANCE_LIMIT_MS });
    if (!result.ok) throw cacheUnavailable(result.reason);
    return result.value;
  }
}

const wholeLife = ({ freshMs, staleMs }: Keeping): number => Math.max(1, Math.ceil(freshMs + staleMs));

/**
 * KEYS entry, claim; ARGV token, lease in ms, whether it is a refresh. Answers {entry, 1 when the claim is the caller's}.
 * A claim that cannot be written (memory full) is granted all the same. `w` tells the holder that somebody waits.
 */
const CLAIM: RedisScript = {
  name: 'rightsizeClaim',
  keyCount: 2,
  lua: `
local entry = ARGV[3] == '0' and redis.call('GET', KEYS[1])
if entry then return {entry, 0} end
local taken = redis.pcall('HSETNX', KEYS[2], 't', ARGV[1])
if taken == 0 then
  redis.pcall('HSET', KEYS[2], 'w', '1')
  return {false, 0}
end
redis.pcall('PEXPIRE', KEYS[2], ARGV[2])
return {false, 1}`,
};

/** KEYS claim; ARGV token, lease in ms. */
const RENEW: RedisScript = {
  name: 'rightsizeRenew',
  keyCount: 1,
  lua: `
if redis.call('HGET', KEYS[1], 't') ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,
};

/**
 * KEYS entry, claim; ARGV token, entry or nothing, its life in ms, channel, message. The entry is stored whoever holds the
 * claim by now; only its holder gives it back, and tells those who wait.
 */
const LAND: RedisScript = {
  name: 'rightsizeLand',
  keyCount: 2,
  lua: `
local stored = ARGV[2] == '' or redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if redis.call('HGET', KEYS[2], 't') == ARGV[1] then
  local waited = redis.call('HGET', KEYS[2], 'w')
  redis.call('DEL', KEYS[2])
  if waited then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
end
return stored`,
};
