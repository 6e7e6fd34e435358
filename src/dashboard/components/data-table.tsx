import { type ReactNode, useState } from 'react';

export type Column<Row> = {
  key: string;
  title: string;
  isNumber?: boolean;
  render: (row: Row) => ReactNode;
  /** What to sort by; a column without it cannot be sorted by. */
  sortBy?: (row: Row) => number | string | null;
};

/** A short table, sorted in the browser. Its first column names the row. */
export const DataTable = <Row,>({
  caption,
  columns,
  rows,
  keyOf,
  sortedBy,
}: {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** Key of the column to sort by at first, falling. */
  sortedBy?: string;
}) => {
  const [order, setOrder] = useState({ key: sortedBy ?? '', isFalling: true });
  const by = columns.find(({ key }) => key === order.key)?.sortBy;
  const sorted = by === undefined ? rows : [...rows].sort((a, b) => compare(by(a), by(b)) * (order.isFalling ? -1 : 1));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-frame" tabIndex={0} aria-label={caption}>
      <table className="table">
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ key, title, isNumber, sortBy }) => (
              <th
                key={key}
                scope="col"
                className={isNumber ? 'number' : undefined}
                aria-sort={sortBy && key === order.key ? (order.isFalling ? 'descending' : 'ascending') : undefined}
              >
                {sortBy === undefined ? (
                  title
                ) : (
                  <button
                    type="button"
                    className="sort"
                    onClick={() => setOrder({ key, isFalling: key === order.key ? !order.isFalling : true })}
                  >
                    {title}
                    {key === order.key ? (order.isFalling ? ' ↓' : ' ↑') : ''}
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ key, isNumber, render }) => (
                <td key={key} className={isNumber ? 'number' : undefined}>
                  {render(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
};

/** Unknown values go last when falling. */
const compare = (a: number | string | null, b: number | string | null): number => {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
};
