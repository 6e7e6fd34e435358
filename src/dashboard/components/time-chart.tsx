import { Area, AreaChart, CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { moment, tick } from '../lib/format.ts';

export type Series = { key: string; name: string; color: string };
export type Point = { at: number } & Record<string, number | null>;

/**
 * Values over time, as stacked areas or as lines. `format` writes a value with its unit. A table with the same values
 * stands beside it for who cannot see it.
 */
export const TimeChart = ({
  label,
  points,
  series,
  format,
  kind = 'area',
}: {
  label: string;
  points: readonly Point[];
  series: readonly Series[];
  format: (value: number) => string;
  kind?: 'area' | 'line';
}) => {
  const span = (points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0);
  const Chart = kind === 'area' ? AreaChart : LineChart;
  return (
    <figure className="stack">
      <div className="chart" role="img" aria-label={label}>
        <ResponsiveContainer width="100%" height="100%">
          <Chart
            data={withZeros(points, series)}
            margin={{ top: 4, right: 8, bottom: 0, left: 0 }}
            accessibilityLayer={false}
          >
            <CartesianGrid vertical={false} stroke="var(--line)" />
            <XAxis
              dataKey="at"
              type="number"
              domain={['dataMin', 'dataMax']}
              tickFormatter={(at: number) => tick(at, span)}
              minTickGap={40}
              tickLine={false}
              axisLine={{ stroke: 'var(--line)' }}
            />
            <YAxis tickFormatter={format} width={64} tickLine={false} axisLine={false} />
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
                  dot={false}
                  strokeWidth={2}
                  isAnimationActive={false}
                  connectNulls
                />
              ),
            )}
          </Chart>
        </ResponsiveContainer>
      </div>
      <figcaption className="legend">
        {series.map(({ key, name, color }) => (
          <span key={key}>
            <span className="swatch" style={{ background: color }} />
            {name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
};

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
