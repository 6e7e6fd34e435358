import { describe, expect, test } from 'vitest';
import { authenticate } from '../../src/auth/authenticate.ts';
import { digestOf } from '../../src/auth/digest.ts';
import { KeyDirectory } from '../../src/auth/key-directory.ts';
import { SQLITE_KEY_TABLES } from '../../src/auth/key-tables.ts';
import { SqlKeyRegistry } from '../../src/auth/sql-key-registry.ts';
import type { Caller } from '../../src/contract/caller.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { SqliteDatabase } from '../../src/lib/sqlite-database.ts';
import { ManualClock } from '../support/manual-clock.ts';

const caller = { keyId: 'key_1', team: 'research' };
const other = { keyId: 'key_2', team: 'platform' };
const open = (fixed: Record<string, Caller>) =>
  new KeyDirectory({
    fixed: new Map(Object.entries(fixed).map(([secret, owner]) => [digestOf(secret), owner])),
    registry: new SqlKeyRegistry(new SqliteDatabase({ file: ':memory:', steps: SQLITE_KEY_TABLES })),
    maxAgeMs: 0,
    isAlwaysRequired: false,
    clock: new ManualClock(),
    logger: createLogger('silent'),
  });
const keys = open({ 'rs-one': caller, 'rs-two': other });

describe('with keys configured', () => {
  test.each([
    [{ authorization: 'Bearer rs-one' }, caller],
    [{ authorization: 'bearer rs-one' }, caller],
    [{ authorization: 'Bearer   rs-one  ' }, caller],
    [{ 'api-key': 'rs-two' }, other],
    [{ 'x-api-key': 'rs-two' }, other],
    [{ authorization: 'Bearer rs-one', 'api-key': 'rs-two' }, caller],
    [{ authorization: 'Basic dXNlcjpwYXNz', 'x-api-key': 'rs-two' }, other],
  ])('%j belongs to its owner', async (headers, owner) => {
    await expect(authenticate({ headers }, keys)).resolves.toEqual(owner);
  });

  test.each([
    [{}],
    [{ authorization: '' }],
    [{ authorization: 'Bearer ' }],
    [{ authorization: 'rs-one' }],
    [{ authorization: 'Basic rs-one' }],
    [{ authorization: 'Bearer rs-one extra' }],
    [{ authorization: 'Bearer rs-One' }],
    [{ authorization: 'Bearer wrong', 'api-key': 'rs-one' }],
    [{ 'api-key': '' }],
    [{ 'x-api-key': ['rs-one', 'rs-two'] }],
  ])('%j is refused, without the key in the message', async (headers) => {
    const error = await authenticate({ headers }, keys).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'invalid_api_key', status: 401, isRetryable: false });
    expect((error as Error).message).not.toMatch(/rs-|wrong/);
  });
});

test('without any key configured every caller is anonymous, whatever it sends', async () => {
  const none = open({});
  await none.start();
  for (const headers of [{}, { authorization: 'Bearer anything' }]) {
    await expect(authenticate({ headers }, none)).resolves.toEqual({ keyId: null, team: 'default' });
  }
});
