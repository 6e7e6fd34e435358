import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { valueTicks } from '../lib/axis.ts';
import { count } from '../lib/format.ts';
import { Legend, type Series } from './legend.tsx';

/** How many requests lie in each step of difficulty, stacked by what became of them. */
export const Histogram = ({
  label,
  steps,
  series,
}: {
  label: string;
  steps: readonly { from: number; counts: Record<string, number> }[];
  series: readonly Series[];
}) => {
  const sums = steps.map(({ counts }) => Object.values(counts).reduce((sum, value) => sum + value, 0));
  const ticks = valueTicks(Math.max(0, ...sums));
  return (
    <figure className="stack">
      <div className="chart" role="img" aria-label={label}>
        <ResponsiveContainer width="100%" height="100%">
          <BarChart
            data={steps.map(({ from, counts }) => ({ from, ...counts }))}
            margin={{ top: 4, right: 8, bottom: 0, left: 0 }}
            barCategoryGap={1}
            accessibilityLayer={false}
          >
            <CartesianGrid vertical={false} stroke="var(--line)" />
            <XAxis
              dataKey="from"
              tickFormatter={(from: number) => from.toFixed(2)}
              interval={4}
              tickLine={false}
              axisLine={{ stroke: 'var(--line)' }}
            />
            <YAxis
              ticks={ticks}
              domain={[0, ticks.at(-1) ?? 1]}
              tickFormatter={count}
              width={48}
              tickLine={false}
              axisLine={false}
            />
            <Tooltip
              isAnimationActive={false}
              cursor={{ fill: 'var(--sunken)' }}
              content={({ active, payload, label: from }) =>
                active && payload.length > 0 ? (
                  <div className="tooltip">
                    <strong>
                      {Number(from).toFixed(2)} to {(Number(from) + 0.02).toFixed(2)}
                    </strong>
                    {payload.map((entry) => (
                      <p key={String(entry.dataKey)}>
                        {String(entry.name)}: {count(Number(entry.value ?? 0))}
                      </p>
                    ))}
                  </div>
                ) : null
              }
            />
            {series.map(({ key, name, color }) => (
              <Bar key={key} dataKey={key} name={name} stackId="all" fill={color} isAnimationActive={false} />
            ))}
          </BarChart>
        </ResponsiveContainer>
      </div>
      <Legend series={series} />
    </figure>
  );
};
