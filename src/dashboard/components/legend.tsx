import type { ReactNode } from 'react';

/** One thing that a chart draws, with its colour. */
export type Series = { key: string; name: string; color: string };

/** What the colours of a chart mean; `note` adds a figure to each. */
export const Legend = ({ series, note }: { series: readonly Series[]; note?: (series: Series) => ReactNode }) => (
  <figcaption className="legend">
    {series.map((one) => (
      <span key={one.key}>
        <span className="swatch" style={{ background: one.color }} />
        {one.name}
        {note !== undefined && <strong> {note(one)}</strong>}
      </span>
    ))}
  </figcaption>
);
