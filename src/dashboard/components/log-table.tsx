import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useRef, useState } from 'react';
import type { RequestRow } from '../../contract/admin/requests.ts';
import { count, milliseconds, moment, money, shortMoment } from '../lib/format.ts';
import { setQuery } from '../lib/location.ts';
import { OutcomeBadge } from './badge.tsx';

/** The height of a row in pixels; the style says the same. */
const ROW_HEIGHT = 37;
/** Rows below the last one in view when more are asked for: a second of fast scrolling. */
const AHEAD = 300;

const COLUMNS = [
  { name: 'time', title: 'Time' },
  { name: 'outcome', title: 'Outcome' },
  { name: 'team', title: 'Team' },
  { name: 'route', title: 'Route' },
  { name: 'model', title: 'Answered by' },
  { name: 'number', title: 'Difficulty' },
  { name: 'number', title: 'Tokens' },
  { name: 'number', title: 'Latency' },
  { name: 'number cost', title: 'Cost' },
  { name: 'reason', title: 'Reason' },
];

/** The log's rows. Only those in view exist, so a hundred thousand scroll as smoothly as ten. */
export const LogTable = ({
  rows,
  onNearEnd,
  onTop,
}: {
  rows: readonly RequestRow[];
  /** More rows are wanted. */
  onNearEnd: () => void;
  /** The reader has come to the first row, or left it. */
  onTop: (isThere: boolean) => void;
}) => {
  const frame = useRef<HTMLElement>(null);
  const [isAtTop, setIsAtTop] = useState(true);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    onChange: ({ scrollOffset }) => {
      const isThere = (scrollOffset ?? 0) < ROW_HEIGHT;
      if (isThere === isAtTop) return;
      setIsAtTop(isThere);
      onTop(isThere);
    },
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - AHEAD && !(isAtTop && last < rows.length - 1)) onNearEnd();
  }, [last, rows.length, isAtTop, onNearEnd]);
  const [above, below] = [items[0]?.start ?? 0, virtual.getTotalSize() - (items.at(-1)?.end ?? 0)];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-frame log" ref={frame} tabIndex={0} aria-label="Requests">
      <table className="table" aria-rowcount={rows.length}>
        <thead>
          <tr>
            {COLUMNS.map(({ name, title }) => (
              <th key={title} scope="col" className={name.startsWith('number') ? name : `log-${name}`}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <Gap height={above} />}
          {items.map(({ index }) => {
            const row = rows[index] as RequestRow;
            return <LogRow key={row.id} row={row} position={index + 1} />;
          })}
          {below > 0 && <Gap height={below} />}
        </tbody>
      </table>
    </section>
  );
};

const Gap = ({ height }: { height: number }) => (
  <tr className="gap">
    <td colSpan={COLUMNS.length} style={{ height }} />
  </tr>
);

const LogRow = memo(({ row, position }: { row: RequestRow; position: number }) => {
  const why = row.reason || (row.errorCode ?? '');
  return (
    <tr data-clickable aria-rowindex={position} onClick={() => setQuery({ id: row.id })}>
      <td title={moment(row.at)}>
        <button type="button" className="sort" onClick={() => setQuery({ id: row.id })}>
          {shortMoment(row.at)}
        </button>
      </td>
      <td>
        <OutcomeBadge outcome={row.outcome} />
        {row.status >= 400 && ` ${row.status}`}
      </td>
      <td title={row.team}>{row.team}</td>
      <td title={row.route ?? undefined}>{row.route ?? '–'}</td>
      <td title={row.model ?? undefined}>{servedBy(row)}</td>
      <td className="number">{row.difficulty?.toFixed(2) ?? '–'}</td>
      <td className="number">{count(row.promptTokens + row.completionTokens)}</td>
      <td className="number">{milliseconds(row.totalMs)}</td>
      <td className="number">{money(row.costNanoUsd)}</td>
      <td title={why}>{why}</td>
    </tr>
  );
});

const servedBy = ({ cache, model }: RequestRow): string =>
  ['hit', 'semantic', 'shared'].includes(cache) ? `cache (${model})` : (model ?? '–');
