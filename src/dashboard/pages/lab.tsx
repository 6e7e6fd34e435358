import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useDeferredValue, useState } from 'react';
import type { Explanation } from '../../contract/admin/explain.ts';
import type { DifficultyHistogram } from '../../contract/admin/report.ts';
import type { PolicyFigures, Simulation, ThresholdCurve } from '../../contract/admin/simulate.ts';
import { Badge } from '../components/badge.tsx';
import { Card } from '../components/card.tsx';
import { DataTable } from '../components/data-table.tsx';
import { Facts } from '../components/facts.tsx';
import { PageHead } from '../components/page-head.tsx';
import { RangePicker } from '../components/range-picker.tsx';
import { Stat } from '../components/stat.tsx';
import { Empty, Failure, Loaded, Skeleton } from '../components/states.tsx';
import { callApi } from '../lib/api.ts';
import { change, count, milliseconds, money, NO_CHANGE, percent } from '../lib/format.ts';
import { useRange } from '../lib/range.ts';
import { useRoutes } from '../lib/routes.ts';
import { seriesOf } from '../lib/tier-series.ts';
import { Scale } from './why-card.tsx';

const Histogram = lazy(() => import('../components/histogram.tsx').then((module) => ({ default: module.Histogram })));

/** What would be decided, and what another threshold would have done to the last days. */
export default function LabPage() {
  return (
    <>
      <PageHead
        title="Routing lab"
        note="Try a prompt, or move the threshold over what really happened. Nothing is sent."
      >
        <RangePicker />
      </PageHead>
      <TryPrompt />
      <ThresholdCard />
      <HistogramCard />
      <ObserveCard />
    </>
  );
}

const TryPrompt = () => {
  const [prompt, setPrompt] = useState('');
  const [model, setModel] = useState('auto');
  const [team, setTeam] = useState('default');
  const wanted = useDeferredValue(JSON.stringify({ prompt, model: model || 'auto', team: team || 'default' }));
  const decision = useQuery({
    queryKey: ['explain', wanted],
    queryFn: ({ signal }) => callApi<Explanation>('/explain', { method: 'POST', body: JSON.parse(wanted), signal }),
    enabled: prompt.trim() !== '',
    placeholderData: (previous) => previous,
  });
  return (
    <Card title="Try a prompt" note="decided as you type">
      <div className="halves">
        <div className="stack">
          <label className="field">
            <span>Prompt</span>
            <textarea rows={6} value={prompt} onChange={(event) => setPrompt(event.target.value)} />
          </label>
          <div className="toolbar">
            <label className="field">
              <span>Model asked for</span>
              <input value={model} onChange={(event) => setModel(event.target.value)} />
            </label>
            <label className="field">
              <span>Team</span>
              <input value={team} onChange={(event) => setTeam(event.target.value)} />
            </label>
          </div>
        </div>
        <div className="stack" aria-live="polite">
          {prompt.trim() === '' && <Empty title="No prompt yet" />}
          {prompt.trim() !== '' && decision.error !== null && <Failure error={decision.error} />}
          {prompt.trim() !== '' && decision.data !== undefined && <DecisionView decision={decision.data} />}
        </div>
      </div>
    </Card>
  );
};

const DecisionView = ({ decision }: { decision: Explanation }) => (
  <>
    <div className="row">
      <Badge tone="accent">{decision.tier}</Badge>
      <strong>{decision.attempts[0]}</strong>
    </div>
    <Scale difficulty={decision.difficulty} threshold={decision.threshold} />
    <Facts
      facts={[
        ['Route', `${decision.route}${decision.line === null ? '' : ` (line ${decision.line})`}`],
        ['Reason', decision.reasons.join('; ')],
        ['Then', decision.attempts.slice(1).join(', then ')],
        ['Because', decision.because.map(({ text }) => `it ${text}`).join(', ')],
        ['Otherwise', decision.alternative],
      ]}
    />
  </>
);

const isoRange = (ms: number) => {
  const now = Date.now();
  return { from: new Date(now - ms).toISOString(), to: new Date(now).toISOString() };
};

const ThresholdCard = () => {
  const { ms, name } = useRange();
  const routes = useRoutes();
  const [chosen, setChosen] = useState<string | null>(null);
  const byDifficulty = routes.data?.routes.filter(({ usesDifficulty }) => usesDifficulty) ?? [];
  const route = chosen ?? byDifficulty.at(-1)?.name ?? null;
  const curve = useQuery({
    queryKey: ['curve', route, name],
    queryFn: () => callApi<ThresholdCurve>('/simulate/curve', { query: { ...isoRange(ms), route } }),
    enabled: route !== null,
    staleTime: 60_000,
  });
  return (
    <Card
      title="Move the threshold"
      note="the route's requests of the range decided again, against the threshold in force"
      actions={
        byDifficulty.length > 1 && (
          <label className="field">
            <span>Route</span>
            <select value={route ?? ''} onChange={(event) => setChosen(event.target.value)}>
              {byDifficulty.map(({ name: option }) => (
                <option key={option}>{option}</option>
              ))}
            </select>
          </label>
        )
      }
    >
      {routes.isSuccess && route === null ? (
        <Empty title="No route decides by difficulty" />
      ) : (
        <Loaded query={curve} lines={5}>
          {(data) =>
            data.points[0]?.figures.requests === 0 ? (
              <Empty title="No requests of this route in the range" />
            ) : (
              <Slider key={data.route} curve={data} />
            )
          }
        </Loaded>
      )}
    </Card>
  );
};

const Slider = ({ curve: { route, current, isSample, points } }: { curve: ThresholdCurve }) => {
  const [threshold, setThreshold] = useState(current ?? 0.5);
  const at = (value: number) => points[Math.round(value * 100)]?.figures as PolicyFigures;
  const [now, then] = [at(current ?? 0.5), at(threshold)];
  return (
    <div className="stack">
      <label className="field">
        <span>
          Threshold <output className="mono">{threshold.toFixed(2)}</output>
          {current !== null && ` (now ${current.toFixed(2)})`}
        </span>
        <input
          type="range"
          min={0}
          max={1}
          step={0.01}
          value={threshold}
          onChange={(event) => setThreshold(event.target.valueAsNumber)}
        />
      </label>
      <div className="grid">
        <Stat
          name="Cost"
          value={money(then.costNanoUsd)}
          trend={change(then.costNanoUsd, now.costNanoUsd)}
          isGood={isLess(then.costNanoUsd, now.costNanoUsd)}
          than="the threshold in force"
          note={`now ${money(now.costNanoUsd)}`}
        />
        <Stat
          name="Answered by the weakest tier"
          value={percent(then.smallShare)}
          trend={inPoints(then.smallShare, now.smallShare)}
          than="the threshold in force"
          note={`of ${count(then.requests)} requests${isSample ? ', evenly drawn' : ''}`}
        />
        <Stat
          name="Expected quality"
          value={percent(then.expectedQuality)}
          trend={inPoints(then.expectedQuality, now.expectedQuality)}
          isGood={isLess(now.expectedQuality, then.expectedQuality)}
          than="the threshold in force"
          note="answers nobody would rather have had from above"
        />
        <Stat
          name="Latency p95"
          value={milliseconds(then.p95Ms)}
          trend={change(then.p95Ms, now.p95Ms)}
          isGood={isLess(then.p95Ms, now.p95Ms)}
          than="the threshold in force"
          note={`p50 ${milliseconds(then.p50Ms)}`}
        />
      </div>
      {threshold !== current && <CopyDiff route={route} from={current} to={threshold} />}
    </div>
  );
};

const isLess = (a: number | null, b: number | null): boolean | null => (a === null || b === null ? null : a < b);

/** How a share changed, in percentage points, such as `+3.1 pts`. */
const inPoints = (now: number | null, before: number | null): string | null => {
  if (now === null || before === null) return null;
  const points = (now - before) * 100;
  return Math.abs(points) < 0.05 ? NO_CHANGE : `${points > 0 ? '+' : '−'}${Math.abs(points).toFixed(1)} pts`;
};

const CopyDiff = ({ route, from, to }: { route: string; from: number | null; to: number }) => {
  const [isCopied, setIsCopied] = useState(false);
  const before = from === null ? null : `-    difficulty: { threshold: ${from.toFixed(2)} }`;
  const after = `+    difficulty: { threshold: ${to.toFixed(2)} }`;
  const text = [`   - name: ${route}`, before, after].filter((line) => line !== null).join('\n');
  return (
    <div className="stack">
      <pre className="secret">
        {text.split('\n').map((line) => (
          <div
            key={line}
            className={line.startsWith('+') ? 'diff-add' : line.startsWith('-') ? 'diff-remove' : undefined}
          >
            {line}
          </div>
        ))}
      </pre>
      <div className="row">
        <button
          type="button"
          className="button"
          onClick={() => void navigator.clipboard.writeText(text).then(() => setIsCopied(true))}
        >
          Copy as a change of routes.yaml
        </button>
        {isCopied && <span role="status">Copied.</span>}
      </div>
    </div>
  );
};

const HistogramCard = () => {
  const { ms, name } = useRange();
  const histogram = useQuery({
    queryKey: ['report', 'difficulty', name],
    queryFn: () => callApi<DifficultyHistogram>('/report/difficulty', { query: isoRange(ms) }),
  });
  return (
    <Card title="Difficulty by outcome" note="requests in each step of 0.02">
      <Loaded query={histogram} lines={6}>
        {({ steps }) =>
          steps.every(({ counts }) => Object.keys(counts).length === 0) ? (
            <Empty title="No request in this range was judged by difficulty" />
          ) : (
            <Suspense fallback={<Skeleton lines={6} />}>
              <Histogram
                label="Requests by difficulty and outcome"
                steps={steps}
                series={seriesOf(steps.map(({ counts }) => counts))}
              />
            </Suspense>
          )
        }
      </Loaded>
    </Card>
  );
};

const ObserveCard = () => {
  const routes = useRoutes();
  const observed = routes.data?.routes.filter(({ isObserved }) => isObserved) ?? [];
  return observed.map(({ name }) => <ObservedRoute key={name} route={name} />);
};

/** What a rule that only watches would have done, had it been enforced: what it saves, and at which team it is least sure. */
const ObservedRoute = ({ route }: { route: string }) => {
  const { ms, name } = useRange();
  const report = useQuery({
    queryKey: ['enforce', route, name],
    queryFn: () => callApi<Simulation>('/simulate', { method: 'POST', body: { ...isoRange(ms), enforce: [route] } }),
    staleTime: 60_000,
  });
  return (
    <Card title={`${route} only watches`} note="what enforcing it would have done to all requests of the range">
      <Loaded query={report} lines={4}>
        {({ before, after, byTeam, isSample, replayed }) => (
          <>
            <p>
              {after.costNanoUsd === before.costNanoUsd ? (
                'It would have changed no cost.'
              ) : (
                <>
                  It would have {after.costNanoUsd < before.costNanoUsd ? 'saved' : 'cost'}{' '}
                  <strong>{money(Math.abs(before.costNanoUsd - after.costNanoUsd))}</strong> of{' '}
                  {money(before.costNanoUsd)}
                  {isSample && `, in an even sample of ${count(replayed)} requests`}.
                </>
              )}{' '}
              {doubtOf(byTeam)}
            </p>
            <DataTable
              caption={`What enforcing ${route} would have done, by team`}
              rows={byTeam}
              keyOf={({ team }) => team}
              sortedBy="doubt"
              columns={[
                { key: 'team', title: 'Team', render: ({ team }) => team, sortBy: ({ team }) => team },
                figure('requests', 'Requests', ({ after: { requests } }) => requests, count),
                figure('cost', 'Cost', ({ before: { costNanoUsd } }) => costNanoUsd, money),
                figure('then', 'Enforced', ({ after: { costNanoUsd } }) => costNanoUsd, money),
                figure('small', 'Weakest tier', ({ after: { smallShare } }) => smallShare, percent),
                figure('quality', 'Expected quality', ({ after: { expectedQuality } }) => expectedQuality, percent),
                figure('doubt', 'Lost quality', lostQuality, (lost) => percent(lost)),
              ]}
            />
          </>
        )}
      </Loaded>
    </Card>
  );
};

type TeamFigures = Simulation['byTeam'][number];

const figure = (
  key: string,
  title: string,
  value: (row: TeamFigures) => number | null,
  format: (value: number | null) => string,
) => ({
  key,
  title,
  isNumber: true,
  render: (row: TeamFigures) => format(value(row)),
  sortBy: value,
});

const lostQuality = ({ before, after }: TeamFigures): number | null =>
  before.expectedQuality === null || after.expectedQuality === null
    ? null
    : before.expectedQuality - after.expectedQuality;

const doubtOf = (byTeam: readonly TeamFigures[]): string => {
  const [worst] = byTeam.toSorted((a, b) => (lostQuality(b) ?? 0) - (lostQuality(a) ?? 0));
  const lost = worst === undefined ? 0 : (lostQuality(worst) ?? 0);
  return worst === undefined || lost < 0.005
    ? 'No team would have been answered noticeably worse.'
    : `It is least sure for ${worst.team}: ${percent(lost)} of its answers would rather have come from the strongest tier.`;
};
