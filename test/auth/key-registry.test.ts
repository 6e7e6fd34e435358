import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { POSTGRES_KEY_TABLES, SQLITE_KEY_TABLES } from '../../src/auth/key-tables.ts';
import { SqlAdminSessionStore } from '../../src/auth/sql-admin-session-store.ts';
import { SqlKeyRegistry } from '../../src/auth/sql-key-registry.ts';
import { TeamScope } from '../../src/auth/team-scope.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { Postgres } from '../../src/lib/postgres.ts';
import { PostgresDatabase } from '../../src/lib/postgres-database.ts';
import type { SqlDatabase } from '../../src/lib/sql-database.ts';
import { SqliteDatabase } from '../../src/lib/sqlite-database.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { NOW, sampleAudit, sampleKey } from './sample-key.ts';

const ALL = TeamScope.of({ team: null });
const EVIL = `'; DROP TABLE rightsize_keys; -- "$1" \\ %s ?1 \u202e 😀`;
let digests = 0;
const newDigest = () => (++digests).toString(16).padStart(64, '0');

const directory = mkdtempSync(join(tmpdir(), 'rs-keys-'));
let server: PostgresServer;
const postgresPools: Postgres[] = [];
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await Promise.all(postgresPools.map((pool) => pool.close()));
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Each opens one store twice, as two processes would; the one in memory is one and the same. */
const ADAPTERS: Record<string, () => Promise<[SqlDatabase, SqlDatabase]>> = {
  'SQLite in memory': async () => {
    const database = new SqliteDatabase({ file: ':memory:', steps: SQLITE_KEY_TABLES });
    return [database, database];
  },
  'a SQLite file': async () => {
    const file = join(directory, 'deep', 'keys.sqlite');
    const open = () => new SqliteDatabase({ file, steps: SQLITE_KEY_TABLES });
    return [open(), open()];
  },
  Postgres: async () => {
    const url = await server.newDatabase();
    const open = () => {
      const pool = new Postgres({ url, logger: createLogger('silent') });
      postgresPools.push(pool);
      return new PostgresDatabase(pool, 'keys', POSTGRES_KEY_TABLES);
    };
    return [open(), open()];
  },
};

describe.each(Object.entries(ADAPTERS))('keys in %s', (_, open) => {
  let databases: [SqlDatabase, SqlDatabase];
  let here: SqlKeyRegistry;
  let there: SqlKeyRegistry;
  beforeAll(async () => {
    databases = await open();
    [here, there] = [new SqlKeyRegistry(databases[0]), new SqlKeyRegistry(databases[1])];
  });
  afterAll(() => Promise.all(databases.map((database) => database.close())));

  test('before the first key there has never been one; afterwards there always has', async () => {
    expect(await here.hasEver('client')).toBe(false);
    const key = sampleKey({ kind: 'viewer', team: null });
    await here.create(key, newDigest(), sampleAudit());
    expect(await there.hasEver('client')).toBe(false);
    const client = sampleKey();
    await here.create(client, newDigest(), sampleAudit());
    await here.replace({ ...client, revokedAt: NOW, version: 2 }, sampleAudit());
    expect(await there.hasEver('client')).toBe(true);
  });

  test('a key is found by the digest of its secret, with all that was said of it, in every process', async () => {
    const key = sampleKey({ name: EVIL, tags: { a: EVIL }, permissions: { models: [EVIL] }, expiresAt: NOW + 5 });
    const digest = newDigest();
    await here.create(key, digest, sampleAudit());
    expect(await there.findByDigest(digest)).toEqual({ key, secretEndsAt: null });
    expect(await there.find(key.id, ALL)).toEqual(key);
    for (const other of [newDigest(), `${digest.toUpperCase()}0`, EVIL, '']) {
      expect(await there.findByDigest(other)).toBeNull();
    }
    expect(await there.find(EVIL, ALL)).toBeNull();
  });

  test('two keys never share a secret: the second is not stored, and neither is its audit entry', async () => {
    const digest = newDigest();
    await here.create(sampleKey(), digest, sampleAudit());
    const second = sampleKey();
    const audit = sampleAudit();
    await expect(here.create(second, digest, audit)).rejects.toThrow();
    expect(await here.find(second.id, ALL)).toBeNull();
    expect((await here.audit({ limit: 200 })).map(({ id }) => id)).not.toContain(audit.id);
  });

  test('of two changes made from one version only the first counts', async () => {
    const key = sampleKey();
    await here.create(key, newDigest(), sampleAudit());
    const changes = await Promise.all([
      here.replace({ ...key, name: 'first', version: 2 }, sampleAudit()),
      there.replace({ ...key, name: 'second', version: 2 }, sampleAudit()),
    ]);
    expect(changes.filter(Boolean)).toHaveLength(1);
    expect(await here.replace({ ...key, name: 'late', version: 2 }, sampleAudit())).toBe(false);
    expect(await there.find(key.id, ALL)).toMatchObject({ version: 2, name: changes[0] ? 'first' : 'second' });
  });

  test('a rotation sets an end to the secrets before it, and never moves an earlier end', async () => {
    const key = sampleKey();
    const [first, second, third] = [newDigest(), newDigest(), newDigest()];
    await here.create(key, first, sampleAudit());
    await here.replace({ ...key, version: 2 }, sampleAudit(), { digest: second, previousEndsAt: NOW + 10 });
    await here.replace({ ...key, version: 3 }, sampleAudit(), { digest: third, previousEndsAt: NOW + 99 });
    const ends = await Promise.all([first, second, third].map((digest) => there.findByDigest(digest)));
    expect(ends.map((found) => found?.secretEndsAt)).toEqual([NOW + 10, NOW + 99, null]);
  });

  test('a key has at most five secrets, the new one and those that end last', async () => {
    const key = sampleKey();
    const secrets = [newDigest()];
    await here.create(key, secrets[0] as string, sampleAudit());
    for (let version = 2; version < 10; version++) {
      secrets.push(newDigest());
      const secret = { digest: secrets.at(-1) as string, previousEndsAt: NOW + version };
      await here.replace({ ...key, version }, sampleAudit(), secret);
    }
    const found = await Promise.all(secrets.map((digest) => there.findByDigest(digest)));
    expect(found.map((one) => one !== null)).toEqual([...Array(4).fill(false), ...Array(5).fill(true)]);
  });

  test('a viewer of one team finds and lists only its keys', async () => {
    const mine = sampleKey({ team: 'mine' });
    const theirs = sampleKey({ team: 'theirs' });
    await here.create(mine, newDigest(), sampleAudit());
    await here.create(theirs, newDigest(), sampleAudit());
    const scope = TeamScope.of({ team: 'mine' });
    expect(await here.list({ scope, limit: 100 })).toEqual([mine]);
    expect(await here.find(theirs.id, scope)).toBeNull();
    const everyone = await here.list({ scope: ALL, limit: 100 });
    expect(everyone.map(({ id }) => id)).toEqual(expect.arrayContaining([mine.id, theirs.id]));
    expect(await here.list({ scope: ALL, limit: 1 })).toHaveLength(1);
  });

  test('the last use only moves forward, and changes nothing else', async () => {
    const key = sampleKey();
    await here.create(key, newDigest(), sampleAudit());
    await here.touch(new Map([[key.id, NOW + 50]]));
    await there.touch(
      new Map([
        [key.id, NOW + 20],
        ['key_gone', NOW],
      ]),
    );
    expect(await here.find(key.id, ALL)).toEqual({ ...key, lastUsedAt: NOW + 50 });
  });

  test('the audit log is read page by page, newest first, and nobody can change it', async () => {
    const entries = [0, 1, 2, 3].map((n) => sampleAudit({ actor: `${EVIL} ${n}`, before: { name: EVIL } }));
    for (const entry of entries) await here.appendAudit(entry);
    const first = await there.audit({ limit: 2 });
    expect(first).toEqual([entries[3], entries[2]]);
    expect(await there.audit({ limit: 2, before: first[1]?.id as string })).toEqual([entries[1], entries[0]]);
    const change = (text: string) => databases[0].write([{ text, values: [] }]);
    await expect(change("UPDATE rightsize_audit SET actor = 'me'")).rejects.toThrow('append-only');
    await expect(change('DELETE FROM rightsize_audit')).rejects.toThrow('append-only');
  });

  test('a session is found until its end, by every process; a key has at most fifty', async () => {
    const clock = new ManualClock(NOW);
    const [a, b] = [new SqlAdminSessionStore(databases[0], clock), new SqlAdminSessionStore(databases[1], clock)];
    const sessions = Array.from({ length: 51 }, (_value, index) => ({
      idDigest: newDigest(),
      keyDigest: 'k'.repeat(64),
      expiresAt: NOW + 100 + index,
    }));
    for (const session of sessions) await a.open(session);
    expect(await b.find(sessions[0]?.idDigest as string)).toBeNull();
    expect(await b.find(sessions[1]?.idDigest as string)).toEqual(sessions[1]);
    await a.close(sessions[1]?.idDigest as string);
    expect(await b.find(sessions[1]?.idDigest as string)).toBeNull();
    clock.advance(103);
    expect(await b.find(sessions[3]?.idDigest as string)).toBeNull();
    expect(await b.find(EVIL)).toBeNull();
  });
});

test('the file of keys is for its owner alone, and a newer one is refused by name', () => {
  const file = join(directory, 'deep', 'keys.sqlite');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(() => new SqliteDatabase({ file, steps: [] })).toThrow(/keys\.sqlite: it has version 1/);
});
