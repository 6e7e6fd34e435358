import { useQuery } from '@tanstack/react-query';
import type { Health } from '../../contract/admin/health.ts';
import type { Status } from '../../contract/admin/status.ts';
import { Badge, type Tone } from '../components/badge.tsx';
import { Card } from '../components/card.tsx';
import { DataTable } from '../components/data-table.tsx';
import { Facts } from '../components/facts.tsx';
import { PageHead } from '../components/page-head.tsx';
import { Stat } from '../components/stat.tsx';
import { Empty, Loaded } from '../components/states.tsx';
import { callApi } from '../lib/api.ts';
import { bytes, duration, milliseconds, moment } from '../lib/format.ts';

const STATE_TONES: Record<string, Tone> = {
  ready: 'good',
  closed: 'good',
  starting: 'accent',
  'half-open': 'warn',
  degraded: 'warn',
  disabled: 'plain',
  open: 'bad',
  down: 'bad',
  unavailable: 'bad',
};
const StateBadge = ({ state }: { state: string }) => <Badge tone={STATE_TONES[state] ?? 'plain'}>{state}</Badge>;

/** Every dependency as it is now, and what happened to it since the gateway started. */
export default function HealthPage() {
  const status = useQuery({ queryKey: ['status'], queryFn: () => callApi<Status>('/status'), refetchInterval: 2_000 });
  const health = useQuery({ queryKey: ['health'], queryFn: () => callApi<Health>('/health'), refetchInterval: 2_000 });
  return (
    <>
      <PageHead title="Health" note="What answers requests now, and what failed lately." />
      <Loaded query={status} lines={6}>
        {(now) => (
          <>
            <div className="grid">
              <Stat name="Gateway" value={<StateBadge state={now.status} />} note={`version ${now.version}`} />
              <Stat name="Up for" value={duration(now.uptimeSeconds)} note={`since ${moment(now.startedAt)}`} />
              <Stat
                name="routes.yaml"
                value={<Badge tone={now.config.problems.length === 0 ? 'good' : 'bad'}>{now.config.version}</Badge>}
                note={
                  now.config.problems.length === 0
                    ? `loaded ${moment(now.config.loadedAt)}`
                    : 'the file on disk has mistakes'
                }
              />
              <Stat
                name="Tiers"
                value={
                  <span className="row">
                    {Object.entries(now.tiers).map(([name, state]) => (
                      <Badge key={name} tone={STATE_TONES[state] ?? 'plain'}>
                        {name} {state}
                      </Badge>
                    ))}
                  </span>
                }
                note="what answers now"
              />
            </div>
            <div className="halves">
              <Card title="Upstreams">
                <DataTable
                  caption="Upstreams"
                  rows={Object.entries(now.upstreams)}
                  keyOf={([name]) => name}
                  columns={[
                    { key: 'name', title: 'Upstream', render: ([name]) => name },
                    { key: 'state', title: 'State', render: ([, { state }]) => <StateBadge state={state} /> },
                    {
                      key: 'detail',
                      title: 'Detail',
                      render: ([, { state, detail }]) => (detail === state ? '–' : detail),
                    },
                  ]}
                />
              </Card>
              <Card title="Circuits" note="a model that keeps failing is left alone for a while">
                <DataTable
                  caption="Circuits of models"
                  rows={Object.entries(now.models)}
                  keyOf={([name]) => name}
                  columns={[
                    { key: 'name', title: 'Model', render: ([name]) => name },
                    { key: 'circuit', title: 'Circuit', render: ([, { circuit }]) => <StateBadge state={circuit} /> },
                    {
                      key: 'latency',
                      title: 'First content',
                      isNumber: true,
                      render: ([, { latencyMs }]) => milliseconds(latencyMs),
                    },
                    {
                      key: 'retry',
                      title: 'Asked again in',
                      isNumber: true,
                      render: ([, { circuit, retryInMs }]) =>
                        retryInMs > 0 ? milliseconds(retryInMs) : circuit === 'closed' ? '–' : 'now',
                    },
                  ]}
                />
              </Card>
            </div>
          </>
        )}
      </Loaded>
      <Loaded query={health} lines={4}>
        {({ localModels, stores, events }) => (
          <>
            <div className="halves">
              <Card title="Local models">
                {localModels.length === 0 ? (
                  <Empty title="No local model in routes.yaml" />
                ) : (
                  localModels.map((model) => (
                    <div key={model.name} className="stack">
                      <div className="row">
                        <h3>{model.name}</h3>
                        <StateBadge state={model.state} />
                      </div>
                      <Facts
                        facts={[
                          ['State', model.detail],
                          ['Model', model.model],
                          ['Memory', model.memoryBytes === null ? null : bytes(model.memoryBytes)],
                          [
                            'Speed',
                            model.tokensPerSecond === null ? null : `${model.tokensPerSecond.toFixed(0)} tokens/s`,
                          ],
                          [
                            'Sequences',
                            model.sequences === null ? null : `${model.sequences.busy} of ${model.sequences.all} busy`,
                          ],
                          ['Queue', model.queued === null ? null : `${model.queued} waiting`],
                        ]}
                      />
                    </div>
                  ))
                )}
              </Card>
              <Card title="Stores">
                {stores.length === 0 ? (
                  <Empty title="Everything is kept in this process and in SQLite" />
                ) : (
                  <DataTable
                    caption="Stores"
                    rows={stores}
                    keyOf={({ name }) => name}
                    columns={[
                      { key: 'name', title: 'Store', render: ({ name }) => name },
                      { key: 'state', title: 'State', render: ({ state }) => <StateBadge state={state} /> },
                      { key: 'detail', title: 'Detail', render: ({ detail }) => detail },
                    ]}
                  />
                )}
              </Card>
            </div>
            <Card title="Timeline" note="trips, recoveries and reloads since the gateway started, the latest first">
              {events.length === 0 ? (
                <Empty title="Nothing has happened" />
              ) : (
                <DataTable
                  caption="Timeline of events"
                  rows={events}
                  keyOf={({ at, subject, text }) => `${at} ${subject} ${text}`}
                  columns={[
                    { key: 'at', title: 'Time', render: ({ at }) => moment(at), sortBy: ({ at }) => at },
                    { key: 'subject', title: 'What', render: ({ subject }) => subject },
                    { key: 'state', title: 'Now', render: ({ state }) => <StateBadge state={state} /> },
                    { key: 'text', title: 'Detail', render: ({ text }) => text },
                  ]}
                  sortedBy="at"
                />
              )}
            </Card>
          </>
        )}
      </Loaded>
    </>
  );
}
