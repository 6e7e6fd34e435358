import { memo, useEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import type { RequestRow } from '../../contract/admin/requests.ts';
import { count, milliseconds, moment, money, shortMoment } from '../lib/format.ts';
import { setQuery } from '../lib/location.ts';
import { OutcomeBadge } from './badge.tsx';

/** The height of a row in pixels; the style says the same. */
const ROW_HEIGHT = 37;
/** Rows below the last one in view when more are asked for: a second of fast scrolling. */
const AHEAD = 300;
/** Rows kept above and below those in view. */
const MARGIN = 12;

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

/**
 * The log's rows. Only those in view exist, so a hundred thousand scroll as smoothly as ten: all are of one height, and so
 * nothing has to be measured or counted again when more come.
 */
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
  const [first, setFirst] = useState(0);
  const [inView, setInView] = useState(30);
  useEffect(() => {
    const element = frame.current as HTMLElement;
    const observer = new ResizeObserver(() => setInView(Math.ceil(element.clientHeight / ROW_HEIGHT)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const from = Math.min(Math.max(0, first - MARGIN), rows.length);
  const to = Math.min(rows.length, first + inView + MARGIN);
  const isAtTop = first === 0;
  useEffect(() => {
    if (to >= rows.length - AHEAD && !(isAtTop && to < rows.length)) onNearEnd();
  }, [to, rows.length, isAtTop, onNearEnd]);
  const scroll = () => {
    const next = Math.floor((frame.current?.scrollTop ?? 0) / ROW_HEIGHT);
    if (next === first) return;
    // In this frame: the next would show a hole where rows have yet to come.
    flushSync(() => setFirst(next));
    if ((next === 0) !== isAtTop) onTop(next === 0);
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-frame log" ref={frame} onScroll={scroll} tabIndex={0} aria-label="Requests">
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
          {from > 0 && <Gap height={from * ROW_HEIGHT} />}
          {rows.slice(from, to).map((row, i) => (
            <LogRow key={row.id} row={row} position={from + i + 1} />
          ))}
          {to < rows.length && <Gap height={(rows.length - to) * ROW_HEIGHT} />}
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
