import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Totals } from '../../src/contract/admin/report.ts';
import type { LedgerEntry } from '../../src/contract/ledger-entry.ts';
import type { LedgerReports, ReportFilter } from '../../src/ledger/ledger-reports.ts';
import { randomEntries, randomFrom } from './random-entries.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.parse('2026-11-18T00:00:00Z');
const END = START + 4 * DAY;

/** The same guarantees of reports, whatever store they read. `store` keeps the entries and gives reports over them. */
export const reportsContract = (
  name: string,
  store: (entries: LedgerEntry[]) => Promise<{ reports: LedgerReports; close(): Promise<void> }>,
): void => {
  describe(name, () => {
    const entries = randomEntries(600, START, END);
    let reports: LedgerReports;
    let close: () => Promise<void>;
    beforeAll(async () => {
      ({ reports, close } = await store(entries));
    });
    afterAll(() => close());

    const inRange = ({ fromMs, toMs, team, keyId, route }: ReportFilter) =>
      entries.filter(
        (entry) =>
          entry.at >= fromMs &&
          entry.at < toMs &&
          (team === undefined || entry.team === team) &&
          (keyId === undefined || entry.keyId === keyId) &&
          (route === undefined || entry.route === route),
      );
    const sum = (of: LedgerEntry[], value: (entry: LedgerEntry) => number | null) =>
      of.reduce((total, entry) => total + (value(entry) ?? 0), 0);
    const expected = (of: LedgerEntry[]): Partial<Totals> => ({
      requests: of.length,
      ok: of.filter(({ outcome }) => outcome === 'ok').length,
      errors: of.filter(({ outcome }) => outcome === 'error').length,
      aborted: of.filter(({ outcome }) => outcome === 'aborted').length,
      refused: of.filter(({ outcome }) => outcome === 'refused').length,
      streamed: of.filter(({ isStream }) => isStream).length,
      escalated: of.filter(({ attempts }) => attempts.some(({ outcome }) => outcome === 'escalated')).length,
      fellBack: of.filter(({ attempts }) => attempts.length === 2 && attempts[0]?.outcome === 'error').length,
      cacheHits: of.filter(({ cache }) => cache === 'hit').length,
      unknownCosts: of.filter(({ costNanoUsd }) => costNanoUsd === null).length,
      costNanoUsd: sum(of, ({ attempts }) =>
        attempts.reduce((total, { costNanoUsd }) => total + (costNanoUsd ?? 0), 0),
      ),
      promptTokens: sum(of, ({ tokens }) => tokens.promptTokens),
      completionTokens: sum(of, ({ tokens }) => tokens.completionTokens),
      baselineNanoUsd: sum(of, ({ baselineNanoUsd }) => baselineNanoUsd),
      savedNanoUsd: sum(of, ({ savedNanoUsd }) => savedNanoUsd),
      fullSavedNanoUsd: sum(of, ({ fullSavedNanoUsd }) => fullSavedNanoUsd),
      cacheSavedNanoUsd: sum(of, ({ cache, savedNanoUsd }) => (cache === 'hit' ? savedNanoUsd : 0)),
      wasteNanoUsd: sum(of, ({ wasteNanoUsd }) => wasteNanoUsd),
      hardwareNanoUsd: sum(of, ({ hardwareNanoUsd }) => hardwareNanoUsd),
    });

    it('a summary equals the entries of its range to the millisecond, and so does the range before', async () => {
      const random = randomFrom(7);
      for (let i = 0; i < 25; i++) {
        const fromMs = Math.floor(START + random() * 3 * DAY);
        const toMs = Math.floor(fromMs + 1 + random() ** 3 * (END - fromMs));
        const filter: ReportFilter = {
          fromMs,
          toMs,
          ...(random() < 0.5 && { team: 'red' }),
          ...(random() < 0.3 && { keyId: 'key_1' }),
          ...(random() < 0.3 && { route: 'code' }),
        };
        const { now, before } = await reports.summary(filter);
        expect(now).toMatchObject(expected(inRange(filter)));
        const earlier = { ...filter, fromMs: fromMs - (toMs - fromMs), toMs: fromMs };
        expect(before).toMatchObject(expected(inRange(earlier)));
      }
    });

    it.each(['team', 'key', 'route', 'tier', 'model', 'upstream'] as const)(
      'a breakdown by %s adds up to the summary',
      async (by) => {
        const filter = { fromMs: START + 1, toMs: END - 1 };
        const { rows, isComplete } = await reports.breakdown({ ...filter, by });
        const whole = expected(inRange(filter));
        expect(isComplete).toBe(true);
        for (const field of [
          'requests',
          'costNanoUsd',
          'promptTokens',
          'savedNanoUsd',
          'wasteNanoUsd',
          'errors',
        ] as const) {
          expect(rows.reduce((total, { totals }) => total + totals[field], 0)).toBe(whole[field]);
        }
        const costs = rows.map(({ totals }) => totals.costNanoUsd);
        expect(costs).toEqual(costs.toSorted((a, b) => b - a));
      },
    );

    it('a model is charged what its own attempts cost, escalated ones too', async () => {
      const { rows } = await reports.breakdown({ fromMs: START, toMs: END, by: 'model' });
      const nano = entries.flatMap(({ attempts }) => attempts).filter(({ model }) => model === 'nano');
      expect(rows.find(({ name: model }) => model === 'nano')?.totals).toMatchObject({
        costNanoUsd: nano.reduce((total, { costNanoUsd }) => total + (costNanoUsd ?? 0), 0),
        promptTokens: nano.reduce((total, { tokens }) => total + tokens.promptTokens, 0),
      });
    });

    it('a breakdown by tag has each value of it, for one team as for all', async () => {
      for (const team of [undefined, 'blue']) {
        const filter = { fromMs: START + 5 * HOUR + 123, toMs: END - 7 * HOUR - 45, team };
        const { rows } = await reports.breakdown({ ...filter, by: 'tag', tag: 'app' });
        expect(Object.fromEntries(rows.map(({ name: value, totals }) => [value, totals]))).toMatchObject(
          Object.fromEntries(
            ['chat', 'mail', 'search'].map((app) => [
              app,
              expected(inRange(filter).filter(({ tags }) => tags['app'] === app)),
            ]),
          ),
        );
      }
    });

    it.each([
      ['four days by the hour', START, END],
      ['an hour by the minute', START + 30 * HOUR + 1, START + 31 * HOUR],
    ])('a series of %s has every step, and adds up', async (_, fromMs, toMs) => {
      const { stepMs, points } = await reports.series({ fromMs, toMs });
      expect(points.length).toBeLessThanOrEqual(400);
      expect(points.map(({ at }) => at)).toEqual(points.map((_point, i) => (points[0]?.at ?? 0) + i * stepMs));
      const whole = inRange({ fromMs, toMs });
      for (const field of ['requests', 'costNanoUsd', 'savedNanoUsd'] as const) {
        expect(points.reduce((total, { totals }) => total + totals[field], 0)).toBe(expected(whole)[field]);
      }
      const shown = points.flatMap(({ byTier }) => Object.values(byTier)).reduce((total, number) => total + number, 0);
      expect(shown).toBe(whole.length);
    });

    it('percentiles are within five percent of the true ones', async () => {
      const { now } = await reports.summary({ fromMs: START, toMs: END });
      const totals = entries
        .filter(({ outcome }) => outcome === 'ok')
        .map(({ totalMs }) => totalMs)
        .sort((a, b) => a - b);
      for (const [shown, quantile] of [
        [now.p50Ms, 0.5],
        [now.p95Ms, 0.95],
      ] as const) {
        const exact = totals[Math.ceil(quantile * totals.length) - 1] ?? 0;
        expect(Math.abs((shown ?? 0) / exact - 1)).toBeLessThan(0.05);
      }
    });

    it('the difficulties count each scored request once', async () => {
      const { steps } = await reports.difficulty({ fromMs: START, toMs: END });
      expect(steps).toHaveLength(50);
      const counted = steps.flatMap(({ counts }) => Object.values(counts)).reduce((total, number) => total + number, 0);
      expect(counted).toBe(entries.filter(({ difficulty }) => difficulty !== null).length);
      expect(steps.reduce((total, { counts }) => total + (counts['escalated'] ?? 0), 0)).toBe(
        expected(entries).escalated,
      );
    });

    it('pages go through every request once, newest first, while others arrive', async () => {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await reports.requests({ limit: 97, ...(cursor !== undefined && { cursor }) });
        seen.push(...page.rows.map(({ id }) => id));
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      expect(seen).toEqual(entries.toSorted((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1)).map(({ id }) => id));
    });

    it.each([
      { outcome: 'error' },
      { model: 'nano', cache: 'miss' },
      { team: 'red', outcome: 'refused', fromMs: START + 7 * HOUR + 5, toMs: END - 9 * HOUR - 5 },
    ])('pages of the log filtered by %j hold what it lets through, each once', async (filter) => {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await reports.requests({ ...filter, limit: 7, ...(cursor !== undefined && { cursor }) });
        seen.push(...page.rows.map(({ id }) => id));
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      const { fromMs = START, toMs = END, ...equal } = { fromMs: START, toMs: END, ...filter };
      const wanted = inRange({ fromMs, toMs }).filter((entry) =>
        Object.entries(equal).every(([name, value]) => entry[name as keyof LedgerEntry] === value),
      );
      expect(wanted.length).toBeGreaterThan(7);
      expect(seen).toEqual(wanted.toSorted((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1)).map(({ id }) => id));
    });

    it('a request is found by the id that its client gave it', async () => {
      const { rows } = await reports.requests({ clientRequestId: 'trace-10', limit: 500 });
      const named = entries.filter(({ clientRequestId }) => clientRequestId === 'trace-10');
      expect(named.length).toBeGreaterThan(1);
      expect(rows.map(({ id }) => id).sort()).toEqual(named.map(({ id }) => id).sort());
    });

    it('a request is shown whole to its own team, and to no other', async () => {
      const [entry] = entries as [LedgerEntry];
      expect(await reports.request({ id: entry.id })).toEqual(entry);
      expect(await reports.request({ id: entry.id, team: entry.team })).toEqual(entry);
      expect(await reports.request({ id: entry.id, team: 'green' })).toBeNull();
    });

    it('a long history is sampled evenly', async () => {
      const history = await reports.history({ fromMs: START, toMs: END, limit: 200 });
      expect(history).toMatchObject({ total: 600, isSample: true });
      const first = history.entries.filter(({ at }) => at < START + 2 * DAY).length;
      expect(first / history.entries.length).toBeGreaterThan(0.3);
      expect(first / history.entries.length).toBeLessThan(0.7);
      expect((await reports.history({ fromMs: START, toMs: END, limit: 600 })).entries).toHaveLength(600);
    });

    it.each(["' OR 1=1 --", '"; DROP TABLE entries; --', '\\', '%', '\u0000'])(
      'the filter %j is a name like any other',
      async (value) => {
        const filter = { fromMs: START, toMs: END };
        expect((await reports.summary({ ...filter, team: value })).now.requests).toBe(0);
        expect((await reports.breakdown({ ...filter, by: 'tag', tag: value })).rows).toEqual([]);
        expect((await reports.requests({ team: value, model: value, limit: 5 })).rows).toEqual([]);
        expect(await reports.request({ id: value })).toBeNull();
        expect((await reports.summary(filter)).now.requests).toBe(600);
      },
    );
  });
};
