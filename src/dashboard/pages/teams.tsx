import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { AuditPage } from '../../contract/admin/audit.ts';
import type { BudgetList, BudgetUse, LimitedSubject, LimitUse } from '../../contract/admin/budgets.ts';
import type { CreateKey, KeyList, KeyView, NewSecret } from '../../contract/admin/keys.ts';
import { Badge, type Tone } from '../components/badge.tsx';
import { BurnDown } from '../components/burn-down.tsx';
import { Card } from '../components/card.tsx';
import { DataTable } from '../components/data-table.tsx';
import { Dialog } from '../components/drawer.tsx';
import { PageHead } from '../components/page-head.tsx';
import { Empty, Failure, Loaded } from '../components/states.tsx';
import { callApi } from '../lib/api.ts';
import { count, moment, money, percent } from '../lib/format.ts';
import { useSession } from '../lib/session.ts';

/** Who may ask, for how much, and who changed that. */
export default function TeamsPage() {
  const { role } = useSession();
  const [isCreating, setIsCreating] = useState(false);
  const [secret, setSecret] = useState<NewSecret | null>(null);
  return (
    <>
      <PageHead title="Teams and keys" note="Budgets and limits of teams come from routes.yaml; keys are made here.">
        {role === 'admin' && (
          <button type="button" className="button button-main" onClick={() => setIsCreating(true)}>
            New key
          </button>
        )}
      </PageHead>
      <BudgetCard />
      <KeyCard onSecret={setSecret} />
      <AuditCard />
      {isCreating && (
        <CreateKeyDialog
          onClose={() => setIsCreating(false)}
          onSecret={(created) => {
            setIsCreating(false);
            setSecret(created);
          }}
        />
      )}
      {secret !== null && <SecretDialog created={secret} onClose={() => setSecret(null)} />}
    </>
  );
}

const BudgetCard = () => {
  const nameOf = useSubjectName();
  const budgets = useQuery({
    queryKey: ['budgets'],
    queryFn: () => callApi<BudgetList>('/budgets'),
    refetchInterval: 5_000,
  });
  return (
    <Card title="Budgets and limits" note="spent so far, and where it leads if it goes on like this">
      <Loaded query={budgets} lines={4}>
        {({ rows, limits }) =>
          rows.length === 0 && limits.length === 0 ? (
            <Empty title="No budget and no limit is set">
              Give a team one under <code>teams:</code> in routes.yaml, or a key its own.
            </Empty>
          ) : (
            <div className="stack">
              {rows.map((row) => (
                <Budget
                  key={`${row.subject.kind} ${row.subject.name} ${row.per}`}
                  budget={row}
                  name={nameOf(row.subject)}
                />
              ))}
              {limits.length > 0 && (
                <DataTable
                  caption="Limits in the last minute"
                  rows={limits}
                  keyOf={({ subject }) => `${subject.kind} ${subject.name}`}
                  columns={[
                    { key: 'subject', title: 'Limit of', render: ({ subject }) => nameOf(subject) },
                    use('requests', 'Requests / min', ({ requestsPerMinute }) => requestsPerMinute),
                    use('tokens', 'Tokens / min', ({ tokensPerMinute }) => tokensPerMinute),
                    use('concurrent', 'At once', ({ concurrent }) => concurrent),
                  ]}
                />
              )}
            </div>
          )
        }
      </Loaded>
    </Card>
  );
};

/** Keys by whose they are, where that may be known. */
const useSubjectName = () => {
  const { team } = useSession();
  const keys = useQuery({ queryKey: ['keys'], queryFn: () => callApi<KeyList>('/keys'), enabled: team === null });
  return ({ kind, name }: LimitedSubject): string =>
    `${kind} ${(kind === 'key' && keys.data?.keys.find(({ id }) => id === name)?.name) || name}`;
};

const use = (key: string, title: string, of: (row: LimitUse) => { limit: number; used: number } | null) => ({
  key,
  title,
  isNumber: true,
  render: (row: LimitUse) => {
    const found = of(row);
    return found === null ? '–' : `${count(found.used)} of ${count(found.limit)}`;
  },
});

const Budget = ({ budget, name }: { budget: BudgetUse; name: string }) => {
  const { per, limitNanoUsd, spentNanoUsd, forecastNanoUsd, exhaustedAt, onExceeded, periodEnd, timeZone } = budget;
  const share = spentNanoUsd / limitNanoUsd;
  const level = share >= 1 ? 'bad' : share >= 0.8 || exhaustedAt !== null ? 'warn' : 'good';
  return (
    <div className="budget">
      <div className="stack">
        <div className="row">
          <strong>{name}</strong>
          {exhaustedAt !== null && share < 1 && <Badge tone="warn">gone by {moment(exhaustedAt)}</Badge>}
          {share >= 1 && (
            <Badge tone="bad">{onExceeded === 'reject' ? 'requests are refused' : `answered by ${onExceeded}`}</Badge>
          )}
        </div>
        <p>
          <strong className="figure">{money(spentNanoUsd)}</strong> of {money(limitNanoUsd)}{' '}
          {per === 'total' ? 'in total' : `this ${per}`} ({percent(share, 0)})
        </p>
        <meter className="visually-hidden" aria-label={`Budget of ${name}`} value={Math.min(1, share)}>
          {percent(share, 0)} spent
        </meter>
        <div className="meter" data-level={level}>
          <span style={{ width: `${Math.min(100, share * 100).toFixed(1)}%` }} />
        </div>
        <p className="hint">
          {forecastNanoUsd !== null && `On the way to ${money(forecastNanoUsd)}. `}
          {periodEnd !== null && `Begins anew ${moment(periodEnd)} (${timeZone}).`}
        </p>
      </div>
      <BurnDown budget={budget} />
    </div>
  );
};

const STATES: Record<KeyView['state'], Tone> = { active: 'good', expired: 'warn', revoked: 'plain' };

const KeyCard = ({ onSecret }: { onSecret: (created: NewSecret) => void }) => {
  const { role, team } = useSession();
  const queries = useQueryClient();
  const keys = useQuery({ queryKey: ['keys'], queryFn: () => callApi<KeyList>('/keys'), enabled: team === null });
  const [revoking, setRevoking] = useState<KeyView | null>(null);
  const rotate = useMutation({
    mutationFn: (id: string) => callApi<NewSecret>(`/keys/${id}/rotate`, { method: 'POST', body: {} }),
    onSuccess: (created) => {
      onSecret(created);
      return queries.invalidateQueries({ queryKey: ['keys'] });
    },
  });
  const revoke = useMutation({
    mutationFn: (id: string) => callApi(`/keys/${id}`, { method: 'DELETE' }),
    onSuccess: () => {
      setRevoking(null);
      return queries.invalidateQueries();
    },
  });
  if (team !== null) return null;
  return (
    <Card title="Keys" note="only the beginning of a secret is kept to be shown">
      {rotate.error !== null && <Failure error={rotate.error} />}
      <Loaded query={keys} lines={4}>
        {({ keys: rows }) =>
          rows.length === 0 ? (
            <Empty title="No key yet">Without one, only this machine may use the gateway.</Empty>
          ) : (
            <DataTable
              caption="Keys"
              rows={rows}
              keyOf={({ id }) => id}
              columns={[
                { key: 'name', title: 'Whose', render: ({ name }) => name, sortBy: ({ name }) => name },
                { key: 'hint', title: 'Secret', render: ({ hint }) => <span className="mono">{hint}</span> },
                { key: 'kind', title: 'For', render: ({ kind }) => kind },
                { key: 'team', title: 'Team', render: (key) => key.team ?? 'all', sortBy: (key) => key.team },
                { key: 'state', title: 'State', render: ({ state }) => <Badge tone={STATES[state]}>{state}</Badge> },
                {
                  key: 'used',
                  title: 'Last used',
                  render: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : moment(lastUsedAt)),
                },
                {
                  key: 'expires',
                  title: 'Expires',
                  render: ({ expiresAt }) => (expiresAt === null ? 'never' : moment(expiresAt)),
                },
                {
                  key: 'actions',
                  title: 'Change',
                  render: (key) =>
                    role === 'admin' && key.state === 'active' ? (
                      <span className="row">
                        <button type="button" className="button" onClick={() => rotate.mutate(key.id)}>
                          Rotate<span className="visually-hidden"> the key of {key.name}</span>
                        </button>
                        <button type="button" className="button button-danger" onClick={() => setRevoking(key)}>
                          Revoke<span className="visually-hidden"> the key of {key.name}</span>
                        </button>
                      </span>
                    ) : null,
                },
              ]}
            />
          )
        }
      </Loaded>
      {revoking !== null && (
        <Dialog title={`Revoke the key of ${revoking.name}?`} onClose={() => setRevoking(null)}>
          <p>Requests with it are refused at once, on every gateway. This cannot be undone.</p>
          {revoke.error !== null && <Failure error={revoke.error} />}
          <div className="row">
            <button type="button" className="button" onClick={() => setRevoking(null)}>
              Keep it
            </button>
            <button type="button" className="button button-danger" onClick={() => revoke.mutate(revoking.id)}>
              Revoke
            </button>
          </div>
        </Dialog>
      )}
    </Card>
  );
};

const CreateKeyDialog = ({ onClose, onSecret }: { onClose: () => void; onSecret: (created: NewSecret) => void }) => {
  const queries = useQueryClient();
  const create = useMutation({
    mutationFn: (body: CreateKey) => callApi<NewSecret>('/keys', { method: 'POST', body }),
    onSuccess: (created) => {
      onSecret(created);
      return queries.invalidateQueries({ queryKey: ['keys'] });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '').trim();
    const whole = (name: string) => (text(name) === '' ? {} : { [name]: Number(text(name)) });
    const kind = text('kind') as CreateKey['kind'];
    create.mutate({
      kind,
      name: text('name'),
      ...(text('team') !== '' && { team: text('team') }),
      ...(text('expires') !== '' && { expiresAt: new Date(`${text('expires')}T23:59:59`).toISOString() }),
      ...(kind === 'client' && {
        limits: { ...whole('requestsPerMinute'), ...whole('tokensPerMinute') },
        ...(text('usd') !== '' && { budget: { usd: Number(text('usd')), per: text('per') } as CreateKey['budget'] }),
      }),
    } as CreateKey);
  };
  return (
    <Dialog title="New key" onClose={onClose}>
      <form onSubmit={submit}>
        <label className="field">
          <span>Whose key it is: a person or a program</span>
          <input name="name" required maxLength={200} />
        </label>
        <div className="halves">
          <label className="field">
            <span>For</span>
            <select name="kind" defaultValue="client">
              <option value="client">requests (client)</option>
              <option value="viewer">looking at the dashboard (viewer)</option>
              <option value="admin">everything (admin)</option>
            </select>
          </label>
          <label className="field">
            <span>Team</span>
            <input name="team" placeholder="default; of a viewer: all" />
          </label>
          <label className="field">
            <span>Requests per minute</span>
            <input name="requestsPerMinute" type="number" min={1} placeholder="no limit" />
          </label>
          <label className="field">
            <span>Tokens per minute</span>
            <input name="tokensPerMinute" type="number" min={1} placeholder="no limit" />
          </label>
          <label className="field">
            <span>Budget in US dollars</span>
            <input name="usd" type="number" min={0.01} step={0.01} placeholder="no budget" />
          </label>
          <label className="field">
            <span>in each</span>
            <select name="per" defaultValue="month">
              {['day', 'week', 'month', 'total'].map((per) => (
                <option key={per}>{per}</option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>Last day</span>
            <input name="expires" type="date" />
          </label>
        </div>
        {create.error !== null && <Failure error={create.error} />}
        <div className="row">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-main" disabled={create.isPending}>
            Create
          </button>
        </div>
      </form>
    </Dialog>
  );
};

const SecretDialog = ({ created: { key, secret, warnings }, onClose }: { created: NewSecret; onClose: () => void }) => (
  <Dialog title={`The key of ${key.name}`} onClose={onClose}>
    <p>Copy it now: it is shown this once, and only its digest is kept.</p>
    <code className="secret">{secret}</code>
    {key.previousUntil !== null && (
      <p className="hint">The one before stays valid until {moment(key.previousUntil)}.</p>
    )}
    {warnings.map((warning) => (
      <p key={warning} className="notice notice-warn">
        {warning}
      </p>
    ))}
    <div className="row">
      <button type="button" className="button" onClick={() => void navigator.clipboard.writeText(secret)}>
        Copy
      </button>
      <button type="button" className="button button-main" onClick={onClose}>
        Done
      </button>
    </div>
  </Dialog>
);

const AuditCard = () => {
  const { team } = useSession();
  const audit = useQuery({ queryKey: ['audit'], queryFn: () => callApi<AuditPage>('/audit'), enabled: team === null });
  if (team !== null) return null;
  return (
    <Card title="Audit log" note="every change, the latest first">
      <Loaded query={audit} lines={3}>
        {({ entries }) =>
          entries.length === 0 ? (
            <Empty title="Nothing has been changed yet" />
          ) : (
            <DataTable
              caption="Audit log"
              rows={entries}
              keyOf={({ id }) => id}
              columns={[
                { key: 'at', title: 'Time', render: ({ at }) => moment(at) },
                { key: 'actor', title: 'Who', render: ({ actor, via }) => `${actor} (${via})` },
                { key: 'action', title: 'What', render: ({ action }) => action },
                { key: 'target', title: 'To', render: ({ target }) => <span className="mono">{target}</span> },
              ]}
            />
          )
        }
      </Loaded>
    </Card>
  );
};
