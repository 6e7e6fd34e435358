import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import type { Breakdown, ReportSeries, Summary, Totals } from '../../contract/admin/report.ts';
import { Card } from '../components/card.tsx';
import { type Column, DataTable } from '../components/data-table.tsx';
import { Link } from '../components/link.tsx';
import { Live } from '../components/live.tsx';
import { PageHead } from '../components/page-head.tsx';
import { RangePicker } from '../components/range-picker.tsx';
import { Segmented } from '../components/segmented.tsx';
import { Stat } from '../components/stat.tsx';
import { Empty, Loaded, Skeleton } from '../components/states.tsx';
import { callApi } from '../lib/api.ts';
import { change, count, energy, milliseconds, money, percent } from '../lib/format.ts';
import { hrefOf, setQuery, useLocation } from '../lib/location.ts';
import { useRange } from '../lib/range.ts';
import { seriesOf } from '../lib/tier-series.ts';

/** Charts come after the figures: nobody waits for a drawing to read a number. */
const loadChart = () => import('../components/time-chart.tsx').then(({ TimeChart: Chart }) => ({ default: Chart }));
const TimeChart = lazy(loadChart);
// Fetched while the figures are asked for, where the first page is this one.
if (/^\/dashboard\/?$/.test(window.location.pathname)) void loadChart();

/** The range before, in words. */
const BEFORE = { '1h': 'hour', '24h': '24 hours', '7d': '7 days', '30d': '30 days', '90d': '90 days' } as const;
const FILTERS = ['team', 'keyId', 'route', 'tier', 'model'] as const;

/** Where the money goes, what was saved, and how well requests were answered. */
export const OverviewPage = () => {
  const { query } = useLocation();
  const { ms, name } = useRange();
  const filters = Object.fromEntries(FILTERS.map((filter) => [filter, query.get(filter)]));
  const report = <Result,>(path: string, extra: Record<string, string> = {}) => ({
    queryKey: ['report', path, name, filters, extra],
    queryFn: () => callApi<Result>(`/report/${path}`, { query: { ...rangeOf(ms), ...filters, ...extra } }),
  });
  const summary = useQuery(report<Summary>('summary'));
  const series = useQuery(report<ReportSeries>('series'));
  const active = FILTERS.filter((filter) => query.get(filter) !== null);
  return (
    <>
      <Live of="report" />
      <PageHead title="Overview" note={`What was spent and saved, against the ${BEFORE[name]} before.`}>
        {active.map((filter) => (
          <button key={filter} type="button" className="button" onClick={() => setQuery({ [filter]: null })}>
            {filter === 'keyId' ? 'key' : filter}: {query.get(filter)} ✕
            <span className="visually-hidden"> remove filter</span>
          </button>
        ))}
        <RangePicker />
      </PageHead>
      <Loaded query={summary} lines={6}>
        {({ now, before }) =>
          now.requests === 0 ? (
            <Card>
              <Empty title="No requests in this range">
                Send one to <code>/v1/chat/completions</code>, or try the{' '}
                <Link href={hrefOf('/playground')}>playground</Link>.
              </Empty>
            </Card>
          ) : (
            <Figures now={now} before={before} />
          )
        }
      </Loaded>
      <Loaded query={series} lines={8}>
        {({ points, stepMs }) =>
          points.every(({ totals }) => totals.requests === 0) ? null : (
            <Suspense fallback={<Skeleton lines={8} />}>
              <div className="halves">
                <Card title="Spend and savings" note={`US dollars ${per(stepMs)}`}>
                  <TimeChart
                    label="Spend and savings over time"
                    points={points.map(({ at, totals }) => ({
                      at,
                      cost: totals.costNanoUsd,
                      saved: Math.max(0, totals.savedNanoUsd),
                    }))}
                    series={[
                      { key: 'cost', name: 'Spent', color: 'var(--large)' },
                      { key: 'saved', name: 'Saved', color: 'var(--small)' },
                    ]}
                    format={money}
                  />
                </Card>
                <Card title="Requests by tier" note={`requests ${per(stepMs)}, and their share of the range`}>
                  <TimeChart
                    label="Requests by tier over time"
                    points={points.map(({ at, byTier }) => ({ at, ...byTier }))}
                    series={seriesOf(points.map(({ byTier }) => byTier))}
                    format={count}
                    legendNote={({ key }) => percent(shareOf(points, key))}
                  />
                </Card>
                <Card title="Latency" note="of answered requests, to within five percent">
                  <TimeChart
                    kind="line"
                    label="Latency over time"
                    points={points.map(({ at, totals }) => ({
                      at,
                      p50: totals.p50Ms,
                      p95: totals.p95Ms,
                      first: totals.firstTokenP50Ms,
                    }))}
                    series={[
                      { key: 'p50', name: 'p50', color: 'var(--small)' },
                      { key: 'p95', name: 'p95', color: 'var(--large)' },
                      { key: 'first', name: 'first token p50', color: 'var(--cached)' },
                    ]}
                    format={milliseconds}
                  />
                </Card>
                <Card title="Errors, fallbacks, escalations" note={`requests ${per(stepMs)}`}>
                  <TimeChart
                    kind="line"
                    label="Errors, fallbacks and escalations over time"
                    points={points.map(({ at, totals }) => ({
                      at,
                      errors: totals.errors,
                      fellBack: totals.fellBack,
                      escalated: totals.escalated,
                    }))}
                    series={[
                      { key: 'errors', name: 'Errors', color: 'var(--bad)' },
                      { key: 'fellBack', name: 'Fallbacks', color: 'var(--cached)' },
                      { key: 'escalated', name: 'Escalations', color: 'var(--large)' },
                    ]}
                    format={count}
                  />
                </Card>
              </div>
            </Suspense>
          )
        }
      </Loaded>
      <BreakdownCard />
    </>
  );
};

/** Long ranges begin with a full hour: of a part of one, each request would have to be read. */
const rangeOf = (ms: number) => {
  const now = Date.now();
  const from = ms < WEEK_MS ? now - ms : Math.floor((now - ms) / HOUR_MS) * HOUR_MS;
  return { from: new Date(from).toISOString(), to: new Date(now).toISOString() };
};

/** How long a step of the charts is, such as `per hour`. */
const per = (stepMs: number): string => {
  const [count, unit] =
    stepMs % DAY_MS === 0
      ? [stepMs / DAY_MS, 'day']
      : stepMs % HOUR_MS === 0
        ? [stepMs / HOUR_MS, 'hour']
        : [stepMs / 60_000, 'minute'];
  return count === 1 ? `per ${unit}` : `per ${count} ${unit}s`;
};
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;

const shareOf = (points: ReportSeries['points'], tier: string): number => {
  const sum = (of: (byTier: Record<string, number>) => number) =>
    points.reduce((total, { byTier }) => total + of(byTier), 0);
  return sum((byTier) => byTier[tier] ?? 0) / sum((byTier) => Object.values(byTier).reduce((a, b) => a + b, 0));
};

const Figures = ({ now, before }: Summary) => {
  const less = (a: number, b: number) => (b > 0 ? a <= b : null);
  const more = (a: number, b: number) => (b > 0 ? a >= b : null);
  const share = (part: number, { requests }: Totals) => (requests === 0 ? 0 : part / requests);
  return (
    <div className="grid">
      <Stat
        name="Spent"
        value={money(now.costNanoUsd)}
        trend={change(now.costNanoUsd, before.costNanoUsd)}
        isGood={less(now.costNanoUsd, before.costNanoUsd)}
        note={
          now.unknownCosts > 0
            ? `${count(now.unknownCosts)} requests have no known price`
            : `${money(now.costNanoUsd / now.requests)} a request`
        }
      />
      <Stat
        name="Saved against the large model"
        value={money(now.savedNanoUsd)}
        trend={change(now.savedNanoUsd, before.savedNanoUsd)}
        isGood={more(now.savedNanoUsd, before.savedNanoUsd)}
        note={`${money(now.fullSavedNanoUsd)} after hardware`}
      />
      <Stat
        name="Requests"
        value={count(now.requests)}
        trend={change(now.requests, before.requests)}
        note={`${count(now.promptTokens)} tokens in, ${count(now.completionTokens)} out`}
      />
      <Stat
        name="From the cache"
        value={percent(share(now.cacheHits, now))}
        trend={change(share(now.cacheHits, now), share(before.cacheHits, before))}
        isGood={more(share(now.cacheHits, now), share(before.cacheHits, before))}
        note={`${money(now.cacheSavedNanoUsd)} saved by it`}
      />
      <Stat
        name="Escalated"
        value={percent(share(now.escalated, now))}
        trend={change(share(now.escalated, now), share(before.escalated, before))}
        note={`${money(now.wasteNanoUsd)} on answers nobody was shown`}
      />
      <Stat
        name="Latency p50 / p95"
        value={`${milliseconds(now.p50Ms)} / ${milliseconds(now.p95Ms)}`}
        trend={change(now.p95Ms, before.p95Ms)}
        isGood={less(now.p95Ms ?? 0, before.p95Ms ?? 0)}
        note={`first token ${milliseconds(now.firstTokenP50Ms)} / ${milliseconds(now.firstTokenP95Ms)}`}
      />
      <Stat
        name="Errors"
        value={percent(share(now.errors, now))}
        trend={change(share(now.errors, now), share(before.errors, before))}
        isGood={less(share(now.errors, now), share(before.errors, before))}
        note={`${count(now.fellBack)} fell back, ${count(now.refused)} refused, ${count(now.aborted)} aborted`}
      />
      <Stat
        name="Energy of local models"
        value={energy(now.energyWh)}
        trend={change(now.energyWh, before.energyWh)}
        note={`${money(now.hardwareNanoUsd)} of hardware`}
      />
    </div>
  );
};

const DIMENSIONS = [
  { value: 'team', label: 'Team' },
  { value: 'key', label: 'Key' },
  { value: 'model', label: 'Model' },
  { value: 'route', label: 'Route' },
  { value: 'tier', label: 'Tier' },
  { value: 'tag', label: 'Tag' },
] as const;

/** Who or what the requests came from or went to; a name leads to the same overview of it alone. */
const BreakdownCard = () => {
  const { query } = useLocation();
  const { ms, name: range } = useRange();
  const by = DIMENSIONS.find(({ value }) => value === query.get('by'))?.value ?? 'team';
  const tag = query.get('tag') ?? '';
  const filters = Object.fromEntries(FILTERS.map((filter) => [filter, query.get(filter)]));
  const breakdown = useQuery({
    queryKey: ['report', 'breakdown', range, by, tag, filters],
    queryFn: () => callApi<Breakdown>('/report/breakdown', { query: { ...rangeOf(ms), ...filters, by, tag } }),
    enabled: by !== 'tag' || tag !== '',
  });
  const columns: Column<Breakdown['rows'][number]>[] = [
    {
      key: 'name',
      title: DIMENSIONS.find(({ value }) => value === by)?.label ?? '',
      render: ({ name }) => <Name by={by} name={name} />,
      sortBy: ({ name }) => name,
    },
    number('requests', 'Requests', ({ requests }) => requests, count),
    number('tokens', 'Tokens', ({ promptTokens, completionTokens }) => promptTokens + completionTokens, count),
    number('cost', 'Spent', ({ costNanoUsd }) => costNanoUsd, money),
    number('saved', 'Saved', ({ savedNanoUsd }) => savedNanoUsd, money),
    number('hits', 'Cache', ({ cacheHits, requests }) => cacheHits / requests, percent),
    number('escalated', 'Escalated', ({ escalated, requests }) => escalated / requests, percent),
    number('errors', 'Errors', ({ errors, requests }) => errors / requests, percent),
    number('p95', 'p95', ({ p95Ms }) => p95Ms, milliseconds),
  ];
  return (
    <Card
      title="Breakdown"
      actions={
        <div className="toolbar">
          <Segmented
            label="Break down by"
            value={by}
            options={DIMENSIONS}
            onChange={(next) => setQuery({ by: next === 'team' ? null : next })}
          />
          {by === 'tag' && (
            <label className="field">
              <span>Name of the tag</span>
              <input value={tag} onChange={(event) => setQuery({ tag: event.target.value })} />
            </label>
          )}
        </div>
      }
    >
      {by === 'tag' && tag === '' ? (
        <Empty title="Which tag?">Tags come from keys and from the metadata of requests.</Empty>
      ) : (
        <Loaded query={breakdown} lines={5}>
          {({ rows, isComplete }) =>
            rows.length === 0 ? (
              <Empty title="Nothing to break down in this range" />
            ) : (
              <>
                <DataTable
                  caption={`Requests by ${by}`}
                  rows={rows}
                  keyOf={({ name }) => name ?? ''}
                  columns={columns}
                  sortedBy="cost"
                />
                {!isComplete && <p className="hint">Only the most expensive are listed.</p>}
              </>
            )
          }
        </Loaded>
      )}
    </Card>
  );
};

const number = (
  key: string,
  title: string,
  value: (totals: Totals) => number | null,
  format: (value: number | null) => string,
): Column<Breakdown['rows'][number]> => ({
  key,
  title,
  isNumber: true,
  render: ({ totals }) => format(value(totals)),
  sortBy: ({ totals }) => value(totals),
});

const Name = ({ by, name }: { by: string; name: string | null }) => {
  if (name === null) return <span className="hint">none</span>;
  const filter = by === 'key' ? 'keyId' : by;
  if (by === 'tag') return name;
  return (
    <button type="button" className="button button-plain" onClick={() => setQuery({ [filter]: name })}>
      {name}
    </button>
  );
};
