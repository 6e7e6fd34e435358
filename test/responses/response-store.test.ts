import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MemoryResponseStore } from '../../src/responses/memory-response-store.ts';
import { SqliteResponseStore } from '../../src/responses/sqlite-response-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { describeResponseStore, storedResponse } from './response-store-contract.ts';

const temporary = () => mkdtempSync(join(tmpdir(), 'responses-'));

describeResponseStore('memory', async (clock, limits) => ({
  store: new MemoryResponseStore(clock, limits),
  remove: async () => {},
}));

describeResponseStore('SQLite', async (clock, limits) => {
  const directory = temporary();
  return {
    store: SqliteResponseStore.open({ directory, clock, limits }),
    remove: async () => rmSync(directory, { recursive: true }),
  };
});

test('the SQLite file is its owner’s alone, survives a restart, and serves two processes at once', async () => {
  const directory = temporary();
  const clock = new ManualClock(1_800_000_000_000);
  const first = SqliteResponseStore.open({ directory, clock });
  await first.put(storedResponse('resp_1'));
  const second = SqliteResponseStore.open({ directory, clock });
  await second.put(storedResponse('resp_2', { previousId: 'resp_1' }));
  expect(await first.chain('a', 'resp_2')).toHaveLength(2);
  await Promise.all([first.close(), second.close()]);
  expect(statSync(join(directory, 'responses.sqlite')).mode & 0o777).toBe(0o600);
  const again = SqliteResponseStore.open({ directory, clock });
  expect(await again.chain('a', 'resp_2')).toHaveLength(2);
  await again.close();
  rmSync(directory, { recursive: true });
});

test('a file that is no database is an error that names it', () => {
  const directory = temporary();
  rmSync(directory, { recursive: true });
  expect(() => SqliteResponseStore.open({ directory: '/dev/null/x', clock: new ManualClock(0) })).toThrow(
    /Cannot open the stored responses \/dev\/null\/x\/responses\.sqlite/,
  );
});
