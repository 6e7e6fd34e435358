import { useQuery } from '@tanstack/react-query';
import type { BudgetUse } from '../../contract/admin/budgets.ts';
import type { ReportSeries } from '../../contract/admin/report.ts';
import { callApi } from '../lib/api.ts';
import { money, shortDay } from '../lib/format.ts';

const WIDTH = 300;
const HEIGHT = 64;
const FILTERS = { team: 'team', key: 'keyId', route: 'route' } as const;

/**
 * What is left of a budget, from the beginning of its period to now and, dashed, to where it leads if it goes on like
 * this. Nothing for a budget without a period, or one that began less than a step of the report ago.
 */
export const BurnDown = ({ budget }: { budget: BudgetUse }) => {
  const { subject, periodStart, periodEnd, limitNanoUsd, spentNanoUsd, forecastNanoUsd } = budget;
  const series = useQuery({
    queryKey: ['burn-down', subject, periodStart],
    queryFn: () =>
      callApi<ReportSeries>('/report/series', {
        query: { from: periodStart, to: new Date().toISOString(), [FILTERS[subject.kind]]: subject.name },
      }),
    enabled: periodStart !== null,
    staleTime: 60_000,
  });
  const points = series.data?.points ?? [];
  if (periodStart === null || periodEnd === null || points.length < 2) return null;
  const [start, end] = [Date.parse(periodStart), Date.parse(periodEnd)];
  const now = Math.min(end, Date.now());
  const x = (at: number) => ((Math.min(end, Math.max(start, at)) - start) / (end - start)) * WIDTH;
  const y = (left: number) => (1 - Math.max(0, Math.min(1, left / limitNanoUsd))) * HEIGHT;
  let spent = 0;
  const steps = points.slice(0, -1).map(({ totals }, i) => {
    spent += totals.costNanoUsd;
    return `${x(points[i + 1]?.at ?? now).toFixed(1)},${y(limitNanoUsd - spent).toFixed(1)}`;
  });
  const here = `${x(now).toFixed(1)},${y(limitNanoUsd - spentNanoUsd).toFixed(1)}`;
  const line = [`0,0`, ...steps, here].join(' ');
  const left = limitNanoUsd - (forecastNanoUsd ?? spentNanoUsd);
  const label = `${money(Math.max(0, limitNanoUsd - spentNanoUsd))} left; on the way to ${
    left > 0 ? `${money(left)} left` : 'nothing left'
  } on ${shortDay(end)}`;
  return (
    <figure className="burn-down">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        <polygon points={`0,${HEIGHT} ${line} ${x(now).toFixed(1)},${HEIGHT}`} />
        <polyline points={line} />
        {forecastNanoUsd !== null && <polyline className="forecast" points={`${here} ${forecastEnd(budget, x, y)}`} />}
      </svg>
      <figcaption>
        <span>{shortDay(start)}</span>
        <span>{shortDay(end)}</span>
      </figcaption>
    </figure>
  );
};

const forecastEnd = (
  { exhaustedAt, periodEnd, limitNanoUsd, forecastNanoUsd }: BudgetUse,
  x: (at: number) => number,
  y: (left: number) => number,
): string =>
  exhaustedAt !== null
    ? `${x(Date.parse(exhaustedAt)).toFixed(1)},${y(0)}`
    : `${x(Date.parse(periodEnd ?? '')).toFixed(1)},${y(limitNanoUsd - (forecastNanoUsd ?? 0)).toFixed(1)}`;
