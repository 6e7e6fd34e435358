import type { ReactNode } from 'react';
import { NO_CHANGE } from '../lib/format.ts';

/** One figure with its name. `trend` is its change against the range before, and whether that is good news. */
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
  /** What `trend` compares with. */
  than?: string;
  isGood?: boolean | null;
}) => (
  <div className="card stat">
    <dl>
      <dt>{name}</dt>
      <dd className="stat-value">{value}</dd>
    </dl>
    <p className="stat-note">
      {trend != null && (
        <span className={isGood == null || trend === NO_CHANGE ? undefined : isGood ? 'trend-good' : 'trend-bad'}>
          {trend} to {than}
        </span>
      )}
      {trend != null && note !== undefined && ' · '}
      {note}
    </p>
  </div>
);
