import { beforeEach, describe, expect, test } from 'vitest';
import { KeyDirectory } from '../../src/auth/key-directory.ts';
import type { FoundKey, KeyRegistry } from '../../src/auth/key-registry.ts';
import { SQLITE_KEY_TABLES } from '../../src/auth/key-tables.ts';
import { SqlKeyRegistry } from '../../src/auth/sql-key-registry.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { SqliteDatabase } from '../../src/lib/sqlite-database.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { NOW, sampleAudit, sampleKey } from './sample-key.ts';

const DIGEST = 'd'.repeat(64);

/** The registry, with its look-ups counted, held back or failing, as a network between would do it. */
class Wire {
  readonly registry: KeyRegistry;
  readonly direct: SqlKeyRegistry;
  lookUps = 0;
  isDown = false;
  /** Awaited between reading and answering. */
  delay: Promise<void> = Promise.resolve();

  constructor() {
    this.direct = new SqlKeyRegistry(new SqliteDatabase({ file: ':memory:', steps: SQLITE_KEY_TABLES }));
    const { direct } = this;
    this.registry = Object.assign(Object.create(direct), {
      touch: (uses: ReadonlyMap<string, number>) => direct.touch(uses),
      hasEver: async (kind: 'client') => {
        if (this.isDown) throw new Error('gone');
        return this.direct.hasEver(kind);
      },
      findByDigest: async (digest: string): Promise<FoundKey | null> => {
        this.lookUps++;
        if (this.isDown) throw new Error('gone');
        const found = await this.direct.findByDigest(digest);
        await this.delay;
        return found;
      },
    });
  }
}

let clock: ManualClock;
let wire: Wire;
const open = (changes: { maxAgeMs?: number; isAlwaysRequired?: boolean } = {}) =>
  new KeyDirectory({
    fixed: new Map(),
    registry: wire.registry,
    maxAgeMs: 5_000,
    isAlwaysRequired: false,
    clock,
    logger: createLogger('silent'),
    ...changes,
  });

beforeEach(() => {
  clock = new ManualClock(NOW);
  wire = new Wire();
});

const key = sampleKey();
const store = () => wire.direct.create(key, DIGEST, sampleAudit());
const revoke = () => wire.direct.replace({ ...key, revokedAt: NOW, version: 2 }, sampleAudit());

test('a key is looked up once in five seconds, and for many at the same time only once', async () => {
  await store();
  const keys = open();
  const callers = await Promise.all(Array.from({ length: 20 }, () => keys.findByDigest(DIGEST)));
  expect(callers[7]).toMatchObject({ keyId: key.id, team: 'research', tags: { project: 'x' } });
  clock.advance(4_999);
  await keys.findByDigest(DIGEST);
  expect(wire.lookUps).toBe(1);
  clock.advance(1);
  await keys.findByDigest(DIGEST);
  expect(wire.lookUps).toBe(2);
});

test('a revoked key is refused within five seconds when nobody tells', async () => {
  await store();
  const keys = open();
  expect(await keys.findByDigest(DIGEST)).not.toBeNull();
  await revoke();
  clock.advance(5_000);
  expect(await keys.findByDigest(DIGEST)).toBeNull();
});

test('news of a change count at once, and an older copy that is on its way never undoes them', async () => {
  await store();
  const keys = open();
  let release = () => {};
  wire.delay = new Promise((resolve) => {
    release = resolve;
  });
  const early = keys.findByDigest(DIGEST);
  await Promise.resolve();
  await revoke();
  keys.changed(key.id, 2);
  wire.delay = Promise.resolve();
  release();
  expect(await early).toBeNull();
  expect(await keys.findByDigest(DIGEST)).toBeNull();
  // Late news of an old version do no harm either.
  keys.changed(key.id, 1);
  expect(await keys.findByDigest(DIGEST)).toBeNull();
});

test('a store that only knows an older version than the news is not believed', async () => {
  await store();
  const keys = open();
  keys.changed(key.id, 2);
  await expect(keys.findByDigest(DIGEST)).rejects.toMatchObject({ code: 'key_store_unavailable', status: 503 });
  await revoke();
  expect(await keys.findByDigest(DIGEST)).toBeNull();
});

test('when news may have been missed every key is looked up anew, also one whose look-up is on its way', async () => {
  await store();
  const keys = open();
  let release = () => {};
  wire.delay = new Promise((resolve) => {
    release = resolve;
  });
  const early = keys.findByDigest(DIGEST);
  await Promise.resolve();
  await revoke();
  keys.missedNews();
  release();
  await early;
  expect(await keys.findByDigest(DIGEST)).toBeNull();
});

test('with a maximum age of zero what another process writes counts with the next request', async () => {
  await store();
  const keys = open({ maxAgeMs: 0 });
  expect(await keys.findByDigest(DIGEST)).not.toBeNull();
  await revoke();
  expect(await keys.findByDigest(DIGEST)).toBeNull();
});

describe('while the store is gone', () => {
  test('keys that were found in the last ten minutes are still known, others are not refused but put off', async () => {
    await store();
    const keys = open();
    await keys.findByDigest(DIGEST);
    wire.isDown = true;
    clock.advance(599_999);
    expect(await keys.findByDigest(DIGEST)).toMatchObject({ keyId: key.id });
    await expect(keys.findByDigest('e'.repeat(64))).rejects.toMatchObject({
      code: 'key_store_unavailable',
      retryAfterSeconds: 5,
    });
    clock.advance(1);
    await expect(keys.findByDigest(DIGEST)).rejects.toMatchObject({ code: 'key_store_unavailable' });
  });

  test('a key that is known to be revoked stays refused', async () => {
    await store();
    const keys = open();
    await keys.findByDigest(DIGEST);
    wire.isDown = true;
    keys.changed(key.id, 2);
    await expect(keys.findByDigest(DIGEST)).rejects.toMatchObject({ code: 'key_store_unavailable' });
  });

  test('a key is required: nobody can say that there is none', async () => {
    wire.isDown = true;
    const keys = open();
    expect(await keys.start()).toBeNull();
    expect(keys.isKeyRequired()).toBe(true);
    wire.isDown = false;
    expect(await keys.start()).toBe(false);
    expect(keys.isKeyRequired()).toBe(false);
  });
});

test('keys are required within a second of the first one, and for good', async () => {
  const keys = open();
  await keys.start();
  expect(keys.isKeyRequired()).toBe(false);
  await store();
  clock.advance(1_000);
  await expect.poll(() => keys.isKeyRequired()).toBe(true);
  await revoke();
  clock.advance(60_000);
  expect(keys.isKeyRequired()).toBe(true);
});

test('a gateway that others can reach requires a key even while there is none', async () => {
  const keys = open({ isAlwaysRequired: true });
  expect(await keys.start()).toBe(false);
  expect(keys.isKeyRequired()).toBe(true);
});

test.each([
  ['before its end', { expiresAt: NOW + 1 }, true],
  ['at its end', { expiresAt: NOW }, false],
  ['revoked', { revokedAt: NOW - 1 }, false],
  ['of a person', { kind: 'viewer' as const }, false],
])('a key %s opens inference: %j', async (_, changes, isOpen) => {
  await wire.direct.create(sampleKey(changes), DIGEST, sampleAudit());
  expect((await open().findByDigest(DIGEST)) !== null).toBe(isOpen);
});

test('a client key is nobody to the admin API', async () => {
  await store();
  expect(await open().findPerson(DIGEST)).toBeNull();
});

test('a secret that was replaced is refused from its end on', async () => {
  await store();
  const secret = { digest: 'f'.repeat(64), previousEndsAt: NOW + 1_000 };
  await wire.direct.replace({ ...key, version: 2 }, sampleAudit(), secret);
  const keys = open();
  expect(await keys.findByDigest(DIGEST)).not.toBeNull();
  clock.advance(1_000);
  expect(await keys.findByDigest(DIGEST)).toBeNull();
  expect(await keys.findByDigest(secret.digest)).not.toBeNull();
});

test('the last use is written once a minute and at the end', async () => {
  await store();
  const keys = open();
  const lastUsed = async () => (await wire.direct.findByDigest(DIGEST))?.key.lastUsedAt;
  await keys.findByDigest(DIGEST);
  clock.advance(30_000);
  await keys.findByDigest(DIGEST);
  expect(await lastUsed()).toBeNull();
  clock.advance(30_000);
  await expect.poll(lastUsed).toBe(NOW + 30_000);
  await keys.findByDigest(DIGEST);
  await keys.close();
  expect(await lastUsed()).toBe(NOW + 60_000);
});
