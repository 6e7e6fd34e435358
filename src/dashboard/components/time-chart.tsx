import type { ReactNode } from 'react';
import { Area, AreaChart, CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { shortened, timeTicks, valueTicks } from '../lib/axis.ts';
import { moment, tick } from '../lib/format.ts';
import { Legend, type Series } from './legend.tsx';

export type Point = { at: number } & Record<string, number | null>;

/** Values over time, as stacked areas or as lines. `format` writes a value with its unit. */
export const TimeChart = ({
  label,
  points,
  series,
  format,
  kind = 'area',
  legendNote,
}: {
  label: string;
  points: readonly Point[];
  series: readonly Series[];
  format: (value: number) => string;
  kind?: 'area' | 'line';
  /** A figure of each series for the legend. */
  legendNote?: (series: Series) => ReactNode;
}) => {
  const [from, to] = [points[0]?.at ?? 0, points.at(-1)?.at ?? 0];
  const values = valueTicks(highestOf(points, series, kind));
  const Chart = kind === 'area' ? AreaChart : LineChart;
  return (
    <figure className="stack">
      <div className="chart" role="img" aria-label={label}>
        <ResponsiveContainer width="100%" height="100%">
          <Chart
            data={withZeros(points, series)}
            margin={{ top: 8, right: 12, bottom: 0, left: 0 }}
            accessibilityLayer={false}
          >
            <CartesianGrid vertical={false} stroke="var(--line)" />
            <XAxis
              dataKey="at"
              type="number"
              domain={['dataMin', 'dataMax']}
              ticks={timeTicks(from, to)}
              tickFormatter={(at: number) => tick(at, to - from)}
              minTickGap={16}
              height={24}
              tickLine={false}
              axisLine={{ stroke: 'var(--line)' }}
            />
            <YAxis
              ticks={values}
              domain={[0, values.at(-1) ?? 1]}
              tickFormatter={(value: number) => shortened(format(value))}
              width={56}
              tickLine={false}
              axisLine={false}
            />
            <Tooltip
              isAnimationActive={false}
              content={({ active, payload, label: at }) =>
                active && payload.length > 0 ? (
                  <div className="tooltip">
                    <strong>{moment(Number(at))}</strong>
                    <dl>
                      {payload.map((entry) => (
                        <Entry
                          key={String(entry.dataKey)}
                          name={String(entry.name)}
                          value={entry.value}
                          format={format}
                        />
                      ))}
                    </dl>
                  </div>
                ) : null
              }
            />
            {series.map(({ key, name, color }) =>
              kind === 'area' ? (
                <Area
                  key={key}
                  dataKey={key}
                  name={name}
                  stackId="all"
                  stroke={color}
                  fill={color}
                  fillOpacity={0.28}
                  isAnimationActive={false}
                />
              ) : (
                <Line
                  key={key}
                  dataKey={key}
                  name={name}
                  stroke={color}
                  // A line needs two points; one alone is a dot.
                  dot={measured(points, key) < 2 ? { r: 3, fill: color } : false}
                  strokeWidth={2}
                  isAnimationActive={false}
                  connectNulls
                />
              ),
            )}
          </Chart>
        </ResponsiveContainer>
      </div>
      <Legend series={series} {...(legendNote && { note: legendNote })} />
    </figure>
  );
};

const highestOf = (points: readonly Point[], series: readonly Series[], kind: 'area' | 'line'): number =>
  points.reduce((highest, point) => {
    const values = series.map(({ key }) => point[key] ?? 0);
    return Math.max(highest, kind === 'area' ? values.reduce((sum, value) => sum + value, 0) : Math.max(0, ...values));
  }, 0);

const measured = (points: readonly Point[], key: string): number => points.filter((point) => point[key] != null).length;

/** A step in which nothing happened is a zero, not a hole; what was not measured (null) stays a hole. */
const withZeros = (points: readonly Point[], series: readonly Series[]): Point[] => {
  const zeros = Object.fromEntries(series.map(({ key }) => [key, 0]));
  return points.map((point) => ({ ...zeros, ...point }));
};

const Entry = ({ name, value, format }: { name: string; value: unknown; format: (value: number) => string }) => (
  <>
    <dt>{name}</dt>
    <dd>{typeof value === 'number' ? format(value) : '–'}</dd>
  </>
);
