import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startCheckpoints } from '../../src/ledger/checkpoint-worker.ts';
import { ledgerFile } from '../../src/ledger/sqlite-ledger-file.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { temporaryDirectory } from '../support/run-cli.ts';
import { until } from '../support/until.ts';
import { randomEntries } from './random-entries.ts';

const WAL_BYTES = 4_096_000;

test('entries are moved from the WAL into the file by the thread, while others go on being stored', async () => {
  const directory = temporaryDirectory();
  const store = SqliteLedgerStore.open({ directory });
  const failures: unknown[] = [];
  const end = startCheckpoints(directory, { warn: (failure: unknown) => failures.push(failure) });
  try {
    const entries = randomEntries(3_000, 0, 3_600_000, 1);
    const wal = () => statSync(`${ledgerFile(directory)}-wal`).size;
    const file = () => statSync(ledgerFile(directory)).size;
    const before = file();
    let wasFull = false;
    let stored = 0;
    for (const entry of entries) {
      await store.append(entry);
      stored++;
      wasFull ||= wal() >= WAL_BYTES;
      if (wasFull) break;
    }
    expect(wasFull).toBe(true);
    // Commits would not do it before twenty times as much.
    await until(() => file() > before, 5_000, 'a checkpoint by the thread');
    await Promise.all(entries.slice(stored).map((entry) => store.append(entry)));
    expect(await store.recent({ sinceMs: 0, limit: 5_000 })).toHaveLength(3_000);
    expect(failures).toEqual([]);
  } finally {
    await end();
    await store.close();
  }
});
