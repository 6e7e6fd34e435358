import { keepPreviousData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { RequestPage } from '../../contract/admin/requests.ts';
import { Card } from '../components/card.tsx';
import { Live } from '../components/live.tsx';
import { LogTable } from '../components/log-table.tsx';
import { PageHead } from '../components/page-head.tsx';
import { RangePicker } from '../components/range-picker.tsx';
import { Empty, Failure, Skeleton } from '../components/states.tsx';
import { callApi } from '../lib/api.ts';
import { setQuery, useLocation } from '../lib/location.ts';
import { useRange } from '../lib/range.ts';
import { useSession } from '../lib/session.ts';
import { WhyCard } from './why-card.tsx';

const FILTERS = [
  { name: 'team', label: 'Team' },
  { name: 'route', label: 'Route' },
  { name: 'tier', label: 'Tier' },
  { name: 'model', label: 'Model' },
  { name: 'keyId', label: 'Key' },
] as const;
const OUTCOMES = ['ok', 'error', 'aborted', 'refused'];
const CACHE_STATES = ['hit', 'semantic', 'shared', 'miss', 'bypass'];
/** The first page is asked for again whenever something happens; those after it once, and the more there are the faster. */
const FIRST_PAGE = 100;
const LATER_PAGES = 500;

type Pages = { pages: RequestPage[]; pageParams: string[] };

/** The log: every request, newest first, with filters that are in the URL, following the traffic as it comes. */
export default function RequestsPage() {
  const queries = useQueryClient();
  const { query } = useLocation();
  const { ms } = useRange();
  const { team } = useSession();
  const filters = Object.fromEntries(
    [...FILTERS.map(({ name }) => name), 'outcome', 'cache'].map((name) => [name, query.get(name) ?? '']),
  );
  const isLive = query.get('live') !== 'off';
  const [isAtTop, setIsAtTop] = useState(true);
  const queryKey = ['requests', filters, ms];
  const log = useInfiniteQuery({
    queryKey,
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      callApi<RequestPage>('/requests', {
        signal,
        query: {
          ...filters,
          from: new Date(Date.now() - ms).toISOString(),
          limit: pageParam === '' ? FIRST_PAGE : LATER_PAGES,
          cursor: pageParam,
        },
      }),
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
    // Nobody wants a hundred pages asked for again, nor compared row by row with those before.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    structuralSharing: false,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const pages = log.data?.pages;
  const rows = useMemo(() => pages?.flatMap((page) => page.rows) ?? [], [pages]);
  const openId = query.get('id');
  return (
    <>
      {isLive && isAtTop && <Live of="requests" />}
      <PageHead title="Requests" note="One row for each request, whatever its end. No prompt or answer is kept here.">
        <label className="row">
          <input
            type="checkbox"
            checked={isLive}
            onChange={(event) => setQuery({ live: event.target.checked ? null : 'off' })}
          />
          Live{isLive && !isAtTop && ', waiting at the top'}
        </label>
        <RangePicker />
      </PageHead>
      <div className="toolbar filters">
        {FILTERS.filter(({ name }) => name !== 'team' || team === null).map(({ name, label }) => (
          <label className="field" key={name}>
            <span>{label}</span>
            <input
              value={filters[name]}
              placeholder="all"
              onChange={(event) => setQuery({ [name]: event.target.value })}
            />
          </label>
        ))}
        <Choice label="Outcome" name="outcome" values={OUTCOMES} value={filters['outcome'] ?? ''} />
        <Choice label="Cache" name="cache" values={CACHE_STATES} value={filters['cache'] ?? ''} />
      </div>
      <Card>
        {log.error !== null && <Failure error={log.error} onRetry={() => void log.refetch()} />}
        {log.isPending && <Skeleton lines={8} />}
        {log.isSuccess && rows.length === 0 && (
          <Empty title="No requests in this range">Widen the range, or clear a filter.</Empty>
        )}
        {rows.length > 0 && (
          <LogTable
            rows={rows}
            onNearEnd={() => {
              if (log.hasNextPage && !log.isFetchingNextPage) void log.fetchNextPage();
            }}
            onTop={(isThere) => {
              setIsAtTop(isThere);
              // What is asked for again at the top is the first page alone.
              if (isThere) queries.setQueryData<Pages>(queryKey, (old) => old && firstPageOf(old));
            }}
          />
        )}
      </Card>
      {openId !== null && <WhyCard id={openId} onClose={() => setQuery({ id: null })} />}
    </>
  );
}

const firstPageOf = ({ pages, pageParams }: Pages): Pages => ({
  pages: pages.slice(0, 1),
  pageParams: pageParams.slice(0, 1),
});

const Choice = ({ label, name, values, value }: { label: string; name: string; values: string[]; value: string }) => (
  <label className="field">
    <span>{label}</span>
    <select value={value} onChange={(event) => setQuery({ [name]: event.target.value })}>
      <option value="">all</option>
      {values.map((option) => (
        <option key={option}>{option}</option>
      ))}
    </select>
  </label>
);
