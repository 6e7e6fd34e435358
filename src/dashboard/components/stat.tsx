import type { ReactNode } from 'react';
import { NO_CHANGE } from '../lib/format.ts';

/** One figure with its name. `trend` is its change against what the page says it compares with, and `isGood` what to think of it. */
export const Stat = ({
  name,
  value,
  note,
  trend,
  than = 'the range before',
  isGood,
}: {
  name: string;
  value: ReactNode;
  note?: ReactNode;
  trend?: string | null;
  /** What `trend` compares with, for who cannot see where it stands. */
  than?: string;
  isGood?: boolean | null;
}) => (
  <div className="card stat">
    <dl>
      <dt>{name}</dt>
      <dd>
        <span className="stat-value">{value}</span>
        {trend != null && (
          <span
            className={`trend ${isGood == null || trend === NO_CHANGE ? '' : isGood ? 'trend-good' : 'trend-bad'}`}
            title={`against ${than}`}
          >
            {trend}
            <span className="visually-hidden"> against {than}</span>
          </span>
        )}
      </dd>
    </dl>
    {note !== undefined && <p className="stat-note">{note}</p>}
  </div>
);
