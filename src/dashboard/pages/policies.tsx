import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import type { ConfigFinding, ConfigView } from '../../contract/admin/config.ts';
import type { ConfigCheck, ConfigHistory } from '../../contract/admin/config-change.ts';
import { Badge } from '../components/badge.tsx';
import { Card } from '../components/card.tsx';
import { PageHead } from '../components/page-head.tsx';
import { Empty, Failure, Loaded, Skeleton } from '../components/states.tsx';
import { callApi } from '../lib/api.ts';
import { moment } from '../lib/format.ts';
import { useSession } from '../lib/session.ts';

const YamlEditor = lazy(() =>
  import('../components/yaml-editor.tsx').then((module) => ({ default: module.YamlEditor })),
);

/** routes.yaml: what is in force, how it came to be, and an editor where the file may be written. */
export default function PoliciesPage() {
  const config = useQuery({ queryKey: ['config'], queryFn: () => callApi<ConfigView>('/config') });
  return (
    <>
      <PageHead title="Policies" note="The rules of routes.yaml, checked before they take effect." />
      <Loaded query={config} lines={10}>
        {(view) => <FileCard key={view.textVersion ?? ''} view={view} />}
      </Loaded>
      <HistoryCard />
    </>
  );
}

const FileCard = ({ view }: { view: ConfigView }) => {
  const { role } = useSession();
  const queries = useQueryClient();
  const [text, setText] = useState(view.text ?? '');
  const isEditable = role === 'admin' && view.isWritable && view.text !== null;
  const isChanged = text !== view.text;
  const check = useMutation({
    mutationFn: () => callApi<ConfigCheck>('/config/check', { method: 'POST', body: { text } }),
  });
  const save = useMutation({
    mutationFn: () =>
      callApi<ConfigView>('/config', {
        method: 'PUT',
        body: { text },
        headers: { 'if-match': `"${view.textVersion}"` },
      }),
    onSuccess: () => queries.invalidateQueries(),
  });
  const isChecked = check.data?.ok === true && check.variables === undefined && !check.isPending;
  return (
    <Card
      title={view.file.split(/[\\/]/).at(-1) ?? view.file}
      note={
        <>
          version <span className="mono">{view.version}</span> in force since {moment(view.loadedAt)} ·{' '}
          <span className="mono">{view.file}</span>
        </>
      }
      actions={
        isEditable ? (
          <div className="row">
            <button type="button" className="button" onClick={() => check.mutate()} disabled={check.isPending}>
              Check and run its tests
            </button>
            <button
              type="button"
              className="button button-main"
              disabled={!isChanged || !isChecked || save.isPending}
              onClick={() => save.mutate()}
            >
              Save
            </button>
          </div>
        ) : (
          <Badge>{role === 'admin' ? 'the file cannot be written by the gateway' : 'read only'}</Badge>
        )
      }
    >
      {view.problems.length > 0 && (
        <div className="notice notice-bad">
          <strong>The file on disk has mistakes; version {view.version} stays in force.</strong>
          <Findings findings={view.problems} />
        </div>
      )}
      {view.warnings.length > 0 && (
        <div className="notice notice-warn">
          <Findings findings={view.warnings} />
        </div>
      )}
      {view.text === null ? (
        <Empty title="The file cannot be read" />
      ) : (
        <Suspense fallback={<Skeleton lines={12} />}>
          <YamlEditor
            text={text}
            isEditable={isEditable}
            findings={check.data?.problems ?? []}
            onChange={(next) => {
              setText(next);
              check.reset();
            }}
          />
        </Suspense>
      )}
      {check.error !== null && <Failure error={check.error} />}
      {save.error !== null && <Failure error={save.error} />}
      {check.data !== undefined && <CheckResult result={check.data} />}
    </Card>
  );
};

const CheckResult = ({ result }: { result: ConfigCheck }) => (
  <div className={`notice ${result.ok ? 'notice-good' : 'notice-bad'}`} role="status">
    <strong>
      {result.ok
        ? `Valid; ${result.tests} of its tests passed.`
        : `Not fit to be saved: ${result.problems.length} mistakes, ${result.failedTests.length} failed tests.`}
    </strong>
    <Findings findings={result.problems} />
    <ul>
      {result.failedTests.map(({ prompt, message }) => (
        <li key={prompt}>
          test “{prompt}”: {message}
        </li>
      ))}
    </ul>
  </div>
);

const Findings = ({ findings }: { findings: readonly ConfigFinding[] }) => (
  <ul>
    {findings.map(({ line, column, message }) => (
      <li key={`${line}:${column}:${message}`}>
        <span className="mono">
          {line}:{column}
        </span>{' '}
        {message}
      </li>
    ))}
  </ul>
);

const HistoryCard = () => {
  const history = useQuery({
    queryKey: ['config', 'history'],
    queryFn: () => callApi<ConfigHistory>('/config/history'),
  });
  return (
    <Card title="History" note="what each load changed, the latest first">
      <Loaded query={history} lines={4}>
        {({ loads }) =>
          loads.length === 0 ? (
            <Empty title="No load has been recorded" />
          ) : (
            <ol className="stack">
              {loads.map(({ at, version, by, changes }) => (
                <li key={`${at} ${version}`} className="stack">
                  <div className="row">
                    <span className="mono">{version}</span>
                    <span>{moment(at)}</span>
                    <span className="hint">{by === null ? 'read from disk' : `saved by ${by}`}</span>
                  </div>
                  {changes.length === 0 ? (
                    <p className="hint">nothing in it had changed</p>
                  ) : (
                    <ul className="changes mono">
                      {changes.map((change) => (
                        <li key={change}>{change}</li>
                      ))}
                    </ul>
                  )}
                </li>
              ))}
            </ol>
          )
        }
      </Loaded>
    </Card>
  );
};
