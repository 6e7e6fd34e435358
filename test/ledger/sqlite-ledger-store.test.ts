import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { entries } from '../../src/ledger/migrations/0001-entries.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { sampleAttempt, sampleEntry } from './sample-entry.ts';

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'ledger-')), 'data');
});
afterEach(() => rmSync(join(directory, '..'), { recursive: true }));

const file = () => join(directory, 'ledger.sqlite');
const ids = async (store: SqliteLedgerStore) =>
  (await store.recent({ sinceMs: 0, limit: 1_000 })).map(({ id }) => id).sort();

/** A process that appends the entries `req_<first>` and up, and prints the id of each once it is stored. */
const startWriter = (first: number, count: number) => {
  const script = fileURLToPath(new URL('append-entries.ts', import.meta.url));
  const child = spawn(process.execPath, [script, directory, `${first}`, `${count}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, lines: createInterface(child.stdout), exited: once(child, 'exit') };
};

describe('durability', () => {
  it('an entry whose append has resolved survives kill -9', async () => {
    const { child, lines, exited } = startWriter(0, 100_000);
    const stored: string[] = [];
    for await (const line of lines) {
      stored.push(line);
      if (stored.length === 200) child.kill('SIGKILL');
    }
    await exited;
    const store = SqliteLedgerStore.open({ directory });
    expect(await ids(store)).toEqual(expect.arrayContaining(stored));
    await store.close();
  });

  it('close stores what is queued', async () => {
    const store = SqliteLedgerStore.open({ directory });
    const stored = Array.from({ length: 600 }, (_, i) => store.append(sampleEntry({ id: `req_${i}` })));
    await store.close();
    await Promise.all(stored);
    await expect(store.append(sampleEntry())).rejects.toThrow('closed');
    const reader = SqliteLedgerStore.openToRead({ directory });
    expect(reader && (await ids(reader))).toHaveLength(600);
    await reader?.close();
  });
});

describe('several processes', () => {
  it('a reader sees what a running gateway stores', async () => {
    const { child, lines, exited } = startWriter(0, 100_000);
    const [first] = await once(lines, 'line');
    const reader = SqliteLedgerStore.openToRead({ directory });
    const [total] = (await reader?.spend({ sinceMs: 0, untilMs: 1e15 })) ?? [];
    expect(total?.requests).toBeGreaterThan(0);
    expect(reader && (await ids(reader))).toContain(first);
    await expect(reader?.append(sampleEntry({ id: 'req_new' }))).rejects.toThrow('readonly');
    await reader?.close();
    child.kill('SIGKILL');
    await exited;
  });

  it('writers that start together on no ledger store every entry', async () => {
    const writers = [0, 1_000, 2_000].map((first) => startWriter(first, 100));
    const exits = await Promise.all(writers.map(({ exited }) => exited));
    expect(exits.map(([code]) => code)).toEqual([0, 0, 0]);
    const store = SqliteLedgerStore.open({ directory });
    expect(await ids(store)).toHaveLength(300);
    await store.close();
  });
});

describe('failure', () => {
  it('a locked file rejects the append, and later ones are stored', async () => {
    const store = SqliteLedgerStore.open({ directory, busyTimeoutMs: 1 });
    const other = new DatabaseSync(file());
    other.exec('BEGIN IMMEDIATE');
    const both = [store.append(sampleEntry({ id: 'req_1' })), store.append(sampleEntry({ id: 'req_2' }))];
    for (const append of both) await expect(append).rejects.toThrow('locked');
    other.exec('ROLLBACK');
    other.close();
    await store.append(sampleEntry({ id: 'req_3' }));
    expect(await ids(store)).toEqual(['req_3']);
    await store.close();
  });

  it('while another process writes, commits wait and nothing else does; then all are stored', async () => {
    const store = SqliteLedgerStore.open({ directory, busyTimeoutMs: 20_000 });
    const other = new DatabaseSync(file());
    other.exec('BEGIN IMMEDIATE');
    const appends = [store.append(sampleEntry({ id: 'req_1', at: 1 }))];
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    appends.push(store.append(sampleEntry({ id: 'req_2', at: 2 })));
    other.exec('ROLLBACK');
    other.close();
    await Promise.all(appends);
    expect((await ids(store)).sort()).toEqual(['req_1', 'req_2']);
    await store.close();
  });

  it('an entry that breaks the schema rejects alone and leaves nothing behind', async () => {
    const store = SqliteLedgerStore.open({ directory });
    const broken = sampleEntry({
      id: 'req_2',
      attempts: [sampleAttempt(), sampleAttempt({ totalMs: Number.NaN })],
    });
    const appends = [sampleEntry({ id: 'req_1' }), broken, sampleEntry({ id: 'req_3' })].map((entry) =>
      store.append(entry),
    );
    expect((await Promise.allSettled(appends)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(await ids(store)).toEqual(['req_1', 'req_3']);
    await store.close();
  });

  it('a full queue rejects at once', async () => {
    const store = SqliteLedgerStore.open({ directory, maxQueued: 1 });
    const first = store.append(sampleEntry());
    await expect(store.append(sampleEntry({ id: 'req_2' }))).rejects.toThrow('queue is full: 1');
    await first;
    await store.close();
  });
});

describe('opening', () => {
  it('keeps the directory and the file from other users', async () => {
    await SqliteLedgerStore.open({ directory }).close();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('keeps what is there', async () => {
    for (const id of ['req_1', 'req_2']) {
      const store = SqliteLedgerStore.open({ directory });
      await store.append(sampleEntry({ id }));
      await store.close();
    }
    const store = SqliteLedgerStore.open({ directory });
    expect(await ids(store)).toEqual(['req_1', 'req_2']);
    await store.close();
  });

  it('to read finds nothing where there is no ledger, and makes none', () => {
    expect(SqliteLedgerStore.openToRead({ directory })).toBeNull();
    expect(() => statSync(directory)).toThrow('ENOENT');
  });

  const setVersion = (version: number) => {
    const database = new DatabaseSync(file());
    database.exec(`PRAGMA user_version = ${version}`);
    database.close();
  };

  it('refuses a ledger from a newer version', async () => {
    await SqliteLedgerStore.open({ directory }).close();
    setVersion(99);
    expect(() => SqliteLedgerStore.open({ directory })).toThrow(/schema version 99 .* run the newer version/);
    expect(() => SqliteLedgerStore.openToRead({ directory })).toThrow(/schema version 99/);
  });

  it('brings a ledger of the first version forward and keeps its entries', async () => {
    mkdirSync(directory);
    const first = new DatabaseSync(file());
    first.exec(`${entries}
      INSERT INTO entries (id, at, endpoint, team, reason, config_version, is_stream, cache, outcome, status,
        prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens, is_estimated, cost_nano_usd, total_ms, overhead_ms)
      VALUES ('req_old', 7, '/v1/chat/completions', 'red', '', 'c0', 1, 'miss', 'ok', 200, 10, 2, 5, 1, 0, 900, 80, 1);
      INSERT INTO attempts (entry_id, position, tier, upstream, model, outcome, prompt_tokens, cached_tokens,
        completion_tokens, reasoning_tokens, is_estimated, cost_nano_usd, total_ms)
      VALUES ('req_old', 0, 'large', 'cloud', 'big', 'ok', 10, 2, 5, 1, 0, 900, 79);
      PRAGMA user_version = 1;`);
    first.close();
    const store = SqliteLedgerStore.open({ directory });
    await store.append(sampleEntry({ id: 'req_new', at: 8 }));
    expect(await store.recent({ sinceMs: 0, limit: 9 })).toMatchObject([
      sampleEntry({ id: 'req_new', at: 8 }),
      {
        id: 'req_old',
        costNanoUsd: 900,
        tags: {},
        decision: null,
        tokens: { promptTokens: 10, cacheWriteTokens: 0, isEstimated: false },
        attempts: [{ model: 'big', isShown: true, costSplit: null, hardwareNanoUsd: null, startedMs: 0 }],
      },
    ]);
    await store.close();
  });

  it('to read refuses a ledger that is not yet upgraded', async () => {
    await SqliteLedgerStore.open({ directory }).close();
    setVersion(0);
    expect(() => SqliteLedgerStore.openToRead({ directory })).toThrow(/start the gateway once/);
  });

  it('says what to do about a file that is no ledger', async () => {
    await SqliteLedgerStore.open({ directory }).close();
    writeFileSync(file(), 'garbage, and more of it'.repeat(100));
    expect(() => SqliteLedgerStore.open({ directory })).toThrow(/ledger\.sqlite: .*not a database.*Restore it/);
    expect(() => SqliteLedgerStore.openToRead({ directory })).toThrow(/Restore it/);
  });

  it('says what to do about a data directory that cannot be', () => {
    writeFileSync(directory, '');
    expect(() => SqliteLedgerStore.open({ directory })).toThrow(/EEXIST.*RIGHTSIZE_DATA_DIR/);
    expect(() => SqliteLedgerStore.open({ directory: join(directory, 'under') })).toThrow(
      /ENOTDIR.*RIGHTSIZE_DATA_DIR/,
    );
  });
});
