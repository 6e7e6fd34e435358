import { useInfiniteQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import type { RequestPage, RequestRow } from '../../contract/admin/requests.ts';
import { OutcomeBadge } from '../components/badge.tsx';
import { Card } from '../components/card.tsx';
import { PageHead } from '../components/page-head.tsx';
import { RangePicker } from '../components/range-picker.tsx';
import { Empty, Failure, Skeleton } from '../components/states.tsx';
import { callApi } from '../lib/api.ts';
import { count, milliseconds, money, shortMoment } from '../lib/format.ts';
import { setQuery, useLocation } from '../lib/location.ts';
import { useRange } from '../lib/range.ts';
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
const PAGE_SIZE = 100;
const ROW_HEIGHT = 37;

/** The log: every request, newest first, with filters that are in the URL, following the traffic as it comes. */
export default function RequestsPage() {
  const { query } = useLocation();
  const { ms } = useRange();
  const filters = Object.fromEntries(
    [...FILTERS.map(({ name }) => name), 'outcome', 'cache'].map((name) => [name, query.get(name) ?? '']),
  );
  const isLive = query.get('live') !== 'off';
  const log = useInfiniteQuery({
    queryKey: ['requests', filters, ms],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      callApi<RequestPage>('/requests', {
        signal,
        query: { ...filters, from: new Date(Date.now() - ms).toISOString(), limit: PAGE_SIZE, cursor: pageParam },
      }),
    getNextPageParam: ({ next }) => next,
    // A reader who has gone back in time is left where they are.
    refetchInterval: ({ state }) => (isLive && (state.data?.pages.length ?? 0) <= 1 ? 1_000 : false),
  });
  const rows = log.data?.pages.flatMap((page) => page.rows) ?? [];
  const openId = query.get('id');
  return (
    <>
      <PageHead title="Requests" note="One row for each request, whatever its end. No prompt or answer is kept here.">
        {FILTERS.map(({ name, label }) => (
          <label className="field" key={name}>
            <span>{label}</span>
            <input
              size={10}
              value={filters[name]}
              placeholder="all"
              onChange={(event) => setQuery({ [name]: event.target.value })}
            />
          </label>
        ))}
        <Choice label="Outcome" name="outcome" values={OUTCOMES} value={filters['outcome'] ?? ''} />
        <Choice label="Cache" name="cache" values={CACHE_STATES} value={filters['cache'] ?? ''} />
        <RangePicker />
        <label className="row">
          <input
            type="checkbox"
            checked={isLive}
            onChange={(event) => setQuery({ live: event.target.checked ? null : 'off' })}
          />
          Live
        </label>
      </PageHead>
      <Card>
        {log.error !== null && <Failure error={log.error} onRetry={() => void log.refetch()} />}
        {log.isPending && <Skeleton lines={8} />}
        {log.isSuccess && rows.length === 0 && (
          <Empty title="No requests in this range">Widen the range, or clear a filter.</Empty>
        )}
        {rows.length > 0 && (
          <LogTable
            rows={rows}
            onEnd={() => {
              if (log.hasNextPage && !log.isFetchingNextPage) void log.fetchNextPage();
            }}
          />
        )}
      </Card>
      {openId !== null && <WhyCard id={openId} onClose={() => setQuery({ id: null })} />}
    </>
  );
}

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

/** Only the rows in view exist, so a hundred thousand scroll as smoothly as ten. */
const LogTable = ({ rows, onEnd }: { rows: readonly RequestRow[]; onEnd: () => void }) => {
  const frame = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - 1) onEnd();
  }, [last, rows.length, onEnd]);
  const [above, below] = [items[0]?.start ?? 0, virtual.getTotalSize() - (items.at(-1)?.end ?? 0)];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-frame log" ref={frame} tabIndex={0} aria-label="Requests">
      <table className="table" aria-rowcount={rows.length}>
        <thead>
          <tr>
            {['Time', 'Outcome', 'Team', 'Route', 'Answered by'].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
            {['Difficulty', 'Tokens', 'Latency', 'Cost'].map((title) => (
              <th key={title} scope="col" className="number">
                {title}
              </th>
            ))}
            <th scope="col">Reason</th>
          </tr>
        </thead>
        <tbody>
          {above > 0 && <Gap height={above} />}
          {items.map(({ index, key }) => (
            <LogRow key={key} row={rows[index] as RequestRow} position={index + 1} />
          ))}
          {below > 0 && <Gap height={below} />}
        </tbody>
      </table>
    </section>
  );
};

const Gap = ({ height }: { height: number }) => (
  <tr>
    <td colSpan={10} style={{ height, padding: 0, border: 0 }} />
  </tr>
);

const LogRow = ({ row, position }: { row: RequestRow; position: number }) => (
  <tr data-clickable aria-rowindex={position} onClick={() => setQuery({ id: row.id })}>
    <td>
      <button type="button" className="sort mono" onClick={() => setQuery({ id: row.id })}>
        {shortMoment(row.at)}
      </button>
    </td>
    <td>
      <OutcomeBadge outcome={row.outcome} />
      {row.status >= 400 && ` ${row.status}`}
    </td>
    <td>{row.team}</td>
    <td>{row.route}</td>
    <td>{['hit', 'semantic', 'shared'].includes(row.cache) ? `cache (${row.model})` : (row.model ?? '–')}</td>
    <td className="number">{row.difficulty?.toFixed(2) ?? '–'}</td>
    <td className="number">{count(row.promptTokens + row.completionTokens)}</td>
    <td className="number">{milliseconds(row.totalMs)}</td>
    <td className="number">{money(row.costNanoUsd)}</td>
    <td className="reason">{row.reason}</td>
  </tr>
);
