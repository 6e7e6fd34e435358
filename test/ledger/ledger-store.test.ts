import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { LedgerStore, SpendDimension } from '../../src/ledger/ledger-store.ts';
import { MemoryLedgerStore } from '../../src/ledger/memory-ledger-store.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { NO_TOKENS } from '../../src/ledger/tokens.ts';
import { sampleAttempt, sampleEntry } from './sample-entry.ts';

const STORES: Record<string, () => { store: LedgerStore; remove: () => void }> = {
  memory: () => ({ store: new MemoryLedgerStore(), remove: () => {} }),
  sqlite: () => {
    const directory = mkdtempSync(join(tmpdir(), 'ledger-'));
    return {
      store: SqliteLedgerStore.open({ directory }),
      remove: () => rmSync(directory, { recursive: true }),
    };
  },
};

describe.each(Object.entries(STORES))('the %s ledger', (_, make) => {
  let cleanUp = async () => {};
  const open = (): LedgerStore => {
    const { store, remove } = make();
    cleanUp = async () => {
      await store.close();
      remove();
    };
    return store;
  };
  afterEach(() => cleanUp());

  it('gives back every field of an entry and of its attempts', async () => {
    const store = open();
    const entry = sampleEntry({
      attempts: [
        sampleAttempt({ outcome: 'error', errorCode: 'upstream_error', upstreamStatus: 500, firstTokenMs: null }),
        sampleAttempt({ costNanoUsd: null, priceVersion: null, tokens: { ...NO_TOKENS, isEstimated: true } }),
      ],
      keyId: 'key_1',
      savedNanoUsd: -12,
    });
    const bare = sampleEntry({
      id: 'req_0',
      attempts: [],
      requestedModel: null,
      route: null,
      difficulty: null,
      classifierVersion: null,
      isStream: false,
      outcome: 'refused',
      status: 400,
      errorCode: 'invalid_json',
      firstTokenMs: null,
      reason: `'"; DROP TABLE entries; -- \u0000 é 漢`,
    });
    await Promise.all([store.append(entry), store.append(bare)]);
    expect(await store.recent({ sinceMs: 0, limit: 10 })).toEqual([entry, bare]);
  });

  it('keeps the first of two entries with one id', async () => {
    const store = open();
    await Promise.all([store.append(sampleEntry()), store.append(sampleEntry({ team: 'other' }))]);
    await store.append(sampleEntry({ team: 'third' }));
    const entries = await store.recent({ sinceMs: 0, limit: 10 });
    expect(entries.map(({ team, attempts }) => [team, attempts.length])).toEqual([['default', 1]]);
  });

  it('lists the newest first, from a time, up to a limit', async () => {
    const store = open();
    for (const at of [30, 10, 20, 40]) await store.append(sampleEntry({ id: `req_${at}`, at }));
    const ids = async (query: { sinceMs: number; limit: number }) => (await store.recent(query)).map(({ at }) => at);
    expect(await ids({ sinceMs: 20, limit: 10 })).toEqual([40, 30, 20]);
    expect(await ids({ sinceMs: 0, limit: 2 })).toEqual([40, 30]);
  });

  it('reports a row of zeros when nothing was spent, and no groups', async () => {
    const store = open();
    expect(await store.spend({ sinceMs: 0, untilMs: 99 })).toMatchObject([
      { group: 'all', requests: 0, costNanoUsd: 0 },
    ]);
    expect(await store.spend({ sinceMs: 0, untilMs: 99, by: 'team' })).toEqual([]);
  });

  const history = () => [
    sampleEntry({ id: 'req_a', at: 10, team: 'red', savedNanoUsd: 500 }),
    // The small model failed, the large one served.
    sampleEntry({
      id: 'req_b',
      at: 20,
      team: 'blue',
      savedNanoUsd: -300,
      attempts: [
        sampleAttempt({ tier: 'small', upstream: 'local', model: 'nano', outcome: 'error', costNanoUsd: 300 }),
        sampleAttempt({ tokens: { ...NO_TOKENS, promptTokens: 1, isEstimated: true }, costNanoUsd: 7 }),
      ],
    }),
    // One model without a price beside one with.
    sampleEntry({
      id: 'req_c',
      at: 30,
      team: 'blue',
      keyId: 'key_1',
      savedNanoUsd: null,
      attempts: [
        sampleAttempt({ outcome: 'aborted', costNanoUsd: 40 }),
        sampleAttempt({ model: 'new', costNanoUsd: null }),
      ],
    }),
    sampleEntry({ id: 'req_d', at: 40, team: 'red', cache: 'hit', attempts: [], model: 'big', savedNanoUsd: 1_000 }),
    sampleEntry({ id: 'req_e', at: 50, team: 'red', route: null, outcome: 'refused', status: 429, attempts: [] }),
    sampleEntry({ id: 'req_f', at: 60, team: 'late' }),
  ];

  it('sums spend by team over a period that ends before its end', async () => {
    const store = open();
    await Promise.all(history().map((entry) => store.append(entry)));
    expect(await store.spend({ sinceMs: 10, untilMs: 60, by: 'team' })).toEqual([
      {
        group: 'red',
        requests: 3,
        errors: 1,
        cacheHits: 1,
        promptTokens: 10,
        completionTokens: 5,
        estimatedRequests: 0,
        costNanoUsd: 1_000,
        savedNanoUsd: 1_500,
        unpricedRequests: 0,
      },
      {
        group: 'blue',
        requests: 2,
        errors: 0,
        cacheHits: 0,
        promptTokens: 31,
        completionTokens: 15,
        estimatedRequests: 1,
        costNanoUsd: 347,
        savedNanoUsd: -300,
        unpricedRequests: 1,
      },
    ]);
  });

  it('attributes cost to the model of each attempt, and the saving to the one that served', async () => {
    const store = open();
    await Promise.all(history().map((entry) => store.append(entry)));
    expect(await store.spend({ sinceMs: 0, untilMs: 60, by: 'model' })).toMatchObject([
      {
        group: 'big',
        requests: 3,
        errors: 0,
        cacheHits: 1,
        costNanoUsd: 1_047,
        savedNanoUsd: 1_200,
        unpricedRequests: 0,
      },
      { group: 'nano', requests: 0, errors: 0, costNanoUsd: 300, savedNanoUsd: 0 },
      { group: '(none)', requests: 1, errors: 1, costNanoUsd: 0 },
      { group: 'new', requests: 1, costNanoUsd: 0, unpricedRequests: 1 },
    ]);
  });

  it('adds up to the same tokens, cost and saving whatever the grouping', async () => {
    const store = open();
    await Promise.all(history().map((entry) => store.append(entry)));
    const [total] = await store.spend({ sinceMs: 0, untilMs: 99 });
    for (const by of ['team', 'key', 'model', 'route', 'tier', 'upstream', 'hour', 'day'] satisfies SpendDimension[]) {
      const rows = await store.spend({ sinceMs: 0, untilMs: 99, by });
      for (const field of ['requests', 'promptTokens', 'completionTokens', 'costNanoUsd', 'savedNanoUsd'] as const) {
        expect(rows.reduce((sum, row) => sum + row[field], 0)).toBe(total?.[field]);
      }
    }
  });

  it('sums spend by hour and day, the oldest first, and by the values of a tag', async () => {
    const store = open();
    const hour = 3_600_000;
    for (const [i, app] of ['chat', 'mail', 'chat'].entries()) {
      await store.append(sampleEntry({ id: `req_${i}`, at: (22 + i) * hour + 5, tags: { app }, savedNanoUsd: 1 }));
    }
    await store.append(sampleEntry({ id: 'req_9', at: 22 * hour }));
    const query = { sinceMs: 1, untilMs: 30 * hour };
    const shown = async (by: SpendDimension, tag?: string) =>
      (await store.spend({ ...query, by, tag })).map(({ group, requests }) => [group, requests]);
    expect(await shown('hour')).toEqual([
      ['1970-01-01T22:00:00.000Z', 2],
      ['1970-01-01T23:00:00.000Z', 1],
      ['1970-01-02T00:00:00.000Z', 1],
    ]);
    expect(await shown('day')).toEqual([
      ['1970-01-01T00:00:00.000Z', 3],
      ['1970-01-02T00:00:00.000Z', 1],
    ]);
    expect(await shown('tag', 'app')).toEqual([
      ['chat', 2],
      ['mail', 1],
    ]);
  });
});

it('the memory ledger forgets its oldest entry beyond its bound', async () => {
  const store = new MemoryLedgerStore({ maxEntries: 2 });
  for (const id of ['req_1', 'req_2', 'req_3']) await store.append(sampleEntry({ id }));
  expect((await store.recent({ sinceMs: 0, limit: 9 })).map(({ id }) => id)).toEqual(['req_3', 'req_2']);
});
