import { useQuery } from '@tanstack/react-query';
import type { RequestDetail } from '../../contract/admin/requests.ts';
import type { AttemptRecord, CostSplit } from '../../contract/ledger-entry.ts';
import { Badge, OutcomeBadge } from '../components/badge.tsx';
import { Card } from '../components/card.tsx';
import { DataTable } from '../components/data-table.tsx';
import { Drawer } from '../components/drawer.tsx';
import { Facts } from '../components/facts.tsx';
import { Loaded } from '../components/states.tsx';
import { callApi } from '../lib/api.ts';
import { count, energy, milliseconds, moment, money, percent } from '../lib/format.ts';

/** Why one request went where it did, what it cost, and what would have changed that. */
export const WhyCard = ({ id, onClose }: { id: string; onClose: () => void }) => {
  const detail = useQuery({
    queryKey: ['request', id],
    queryFn: () => callApi<RequestDetail>(`/requests/${encodeURIComponent(id)}`),
  });
  return (
    <Drawer title={id} onClose={onClose}>
      <Loaded query={detail} lines={8}>
        {(entry) => <Why entry={entry} />}
      </Loaded>
    </Drawer>
  );
};

const Why = ({ entry }: { entry: RequestDetail }) => (
  <>
    <Card title="What happened" actions={<OutcomeBadge outcome={entry.outcome} />}>
      <Facts
        facts={[
          ['Reason', entry.reason],
          ['Time', moment(entry.at)],
          ['Asked for', `${entry.requestedModel ?? '–'} at ${entry.endpoint}${entry.isStream ? ', streamed' : ''}`],
          ['Answered by', [entry.tier, entry.upstream, entry.model].filter((part) => part !== null).join(' / ')],
          ['Route', entry.route === null ? null : `${entry.route}${lineOf(entry)}`],
          ['Team', entry.team],
          ['Key', entry.keyId],
          [
            'Tags',
            Object.entries(entry.tags)
              .map(([name, value]) => `${name}=${value}`)
              .join(', '),
          ],
          ['Status', entry.errorCode === null ? String(entry.status) : `${entry.status} ${entry.errorCode}`],
          ['Client’s request id', entry.clientRequestId],
          ['routes.yaml', `version ${entry.configVersion}`],
        ]}
      />
    </Card>
    {entry.cacheEntry !== null && <FromCache found={entry.cacheEntry} cache={entry.cache} />}
    <Decision entry={entry} />
    {entry.attempts.length > 0 && <Attempts entry={entry} />}
    <Money entry={entry} />
  </>
);

const KINDS: Record<string, string> = {
  hit: 'the same request, word for word',
  semantic: 'the same question in other words',
  shared: 'another request for the same was under way',
};

/** Which stored answer it was, and what spoke for it. */
const FromCache = ({
  found: { key, ageMs, similarity, guards },
  cache,
}: {
  found: NonNullable<RequestDetail['cacheEntry']>;
  cache: string;
}) => (
  <Card title="Served from the cache" {...(KINDS[cache] !== undefined && { note: KINDS[cache] })}>
    <Facts
      facts={[
        ['Similarity', similarity?.toFixed(3)],
        ['Age', milliseconds(ageMs)],
        [
          'Entry',
          <span key="key" className="mono">
            {key}
          </span>,
        ],
      ]}
    />
    {guards !== null && guards.length > 0 && (
      <div className="stack">
        <h3>Guards passed: both questions agree in</h3>
        <ul className="row" aria-label="Guards passed">
          {guards.map((guard) => (
            <li key={guard}>
              <Badge tone="good">✓ {guard}</Badge>
            </li>
          ))}
        </ul>
      </div>
    )}
  </Card>
);

const lineOf = ({ decision }: RequestDetail): string =>
  decision?.routeLine == null ? '' : ` (line ${decision.routeLine})`;

const Decision = ({
  entry: { difficulty, decision, because, alternative, classifierVersion },
}: {
  entry: RequestDetail;
}) => {
  if (difficulty === null) return null;
  const threshold = decision?.threshold ?? null;
  return (
    <Card title="Difficulty" note={classifierVersion === null ? undefined : `judged by ${classifierVersion}`}>
      <Scale difficulty={difficulty} threshold={threshold} />
      {because.length > 0 && (
        <ul className="stack">
          {because.map(({ text, contribution }) => (
            <li key={text} className="row">
              <Badge tone={contribution > 0 ? 'warn' : 'good'}>
                {contribution > 0 ? 'harder' : 'easier'} {Math.abs(contribution).toFixed(2)}
              </Badge>
              it {text}
            </li>
          ))}
        </ul>
      )}
      {alternative !== null && <p className="hint">{alternative}</p>}
    </Card>
  );
};

/** Where the difficulty lies between 0 and 1, and where the choice turns. */
export const Scale = ({ difficulty, threshold }: { difficulty: number; threshold: number | null }) => (
  <div className="stack">
    <div
      className="scale"
      role="img"
      aria-label={`difficulty ${difficulty.toFixed(2)}${threshold === null ? '' : `, threshold ${threshold.toFixed(2)}`}`}
    >
      {threshold !== null && (
        <span className="scale-threshold" style={{ left: percent(Math.min(1, threshold), 0).replace(' ', '') }} />
      )}
      <span className="scale-value" style={{ left: percent(difficulty, 0).replace(' ', '') }} />
    </div>
    <p className="legend">
      <span>
        <span className="swatch swatch-value" />
        difficulty {difficulty.toFixed(2)}
      </span>
      {threshold !== null && (
        <span>
          <span className="swatch swatch-threshold" />
          threshold {threshold.toFixed(2)}: from here up the strongest tier answers
        </span>
      )}
    </p>
  </div>
);

const Attempts = ({ entry: { attempts, totalMs } }: { entry: RequestDetail }) => (
  <Card
    title={attempts.length === 1 ? 'One call' : `${attempts.length} calls`}
    note={`${milliseconds(totalMs)} in all`}
  >
    <ol className="stack">
      {attempts.map((attempt) => (
        <li key={`${attempt.upstream}/${attempt.model}/${attempt.startedMs}`} className="stack">
          <div className="row">
            <strong>
              {attempt.upstream} / {attempt.model}
            </strong>
            <OutcomeBadge outcome={attempt.outcome} />
            {attempt.errorCode !== null && <span>{attempt.errorCode}</span>}
            {!attempt.isShown && <Badge>not shown to the client</Badge>}
          </div>
          <Timeline attempt={attempt} totalMs={totalMs} />
          <p className="hint">
            began after {milliseconds(attempt.startedMs)}, first token {milliseconds(attempt.firstTokenMs)}, total{' '}
            {milliseconds(attempt.totalMs)} · {count(attempt.tokens.promptTokens)} tokens in,{' '}
            {count(attempt.tokens.completionTokens)} out{attempt.tokens.isEstimated ? ' (estimated)' : ''} ·{' '}
            {money(attempt.costNanoUsd)}
          </p>
        </li>
      ))}
    </ol>
  </Card>
);

const Timeline = ({
  attempt: { startedMs, firstTokenMs, totalMs: ownMs, tier, outcome },
  totalMs,
}: {
  attempt: AttemptRecord;
  totalMs: number;
}) => {
  const share = (ms: number) => `${(Math.min(1, ms / Math.max(1, totalMs)) * 100).toFixed(2)}%`;
  const waitMs = firstTokenMs ?? ownMs;
  const tone = outcome === 'error' ? 'bad' : tier === 'large' ? 'large' : 'small';
  return (
    <div
      className="timeline"
      role="img"
      aria-label={`${milliseconds(waitMs)} until the first token, ${milliseconds(ownMs)} in all`}
    >
      <span className={`fill-${tone} faded`} style={{ left: share(startedMs), width: share(waitMs) }} />
      <span className={`fill-${tone}`} style={{ left: share(startedMs + waitMs), width: share(ownMs - waitMs) }} />
    </div>
  );
};

const CLASSES: { key: keyof CostSplit; name: string }[] = [
  { key: 'inputNanoUsd', name: 'Input' },
  { key: 'cachedInputNanoUsd', name: 'Cached input' },
  { key: 'cacheWriteNanoUsd', name: 'Cache writes' },
  { key: 'outputNanoUsd', name: 'Output' },
  { key: 'reasoningNanoUsd', name: 'Reasoning' },
];

const Money = ({ entry }: { entry: RequestDetail }) => {
  const priced = entry.attempts.filter(({ costSplit, costNanoUsd }) => costSplit !== null && (costNanoUsd ?? 0) > 0);
  return (
    <Card title="Money">
      <Facts
        facts={[
          ['Cost', money(entry.costNanoUsd)],
          [
            'Saved',
            `${money(entry.savedNanoUsd)} against ${entry.baselineModel ?? 'no known model'} at ${money(entry.baselineNanoUsd)}`,
          ],
          [
            'With hardware',
            entry.hardwareNanoUsd === null
              ? null
              : `${money(entry.fullSavedNanoUsd)} saved after ${money(entry.hardwareNanoUsd)}`,
          ],
          ['Spent unseen', entry.wasteNanoUsd > 0 ? `${money(entry.wasteNanoUsd)} on answers nobody was shown` : null],
          ['Energy', entry.energyWh === null ? null : energy(entry.energyWh)],
        ]}
      />
      {priced.length > 0 && (
        <DataTable
          caption="Cost by class of tokens"
          rows={priced}
          keyOf={({ upstream, model, startedMs }) => `${upstream}/${model}/${startedMs}`}
          columns={[
            { key: 'model', title: 'Model', render: ({ model }) => model },
            ...CLASSES.map(({ key, name }) => ({
              key,
              title: name,
              isNumber: true,
              render: ({ costSplit }: AttemptRecord) => money(costSplit?.[key]),
            })),
            {
              key: 'version',
              title: 'Price',
              render: ({ priceVersion }) => <span className="mono">{priceVersion}</span>,
            },
          ]}
        />
      )}
    </Card>
  );
};
