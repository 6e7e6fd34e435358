import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ApiError } from '../lib/api.ts';

export const Empty = ({ title, children }: { title: string; children?: ReactNode }) => (
  <div className="empty">
    <strong>{title}</strong>
    {children !== undefined && <p>{children}</p>}
  </div>
);

export const Failure = ({ error, onRetry }: { error: Error; onRetry?: () => void }) => (
  <div className="notice notice-bad row" role="alert">
    <span>{error.message}</span>
    {onRetry !== undefined && (
      <button type="button" className="button" onClick={onRetry}>
        Try again
      </button>
    )}
  </div>
);

export const Skeleton = ({ lines = 3 }: { lines?: number }) => (
  <div className="stack" role="status" aria-label="Loading">
    {Array.from({ length: lines }, (_, line) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: the lines have nothing else to tell them apart
      <div key={line} className="skeleton" />
    ))}
  </div>
);

/** What a query has to show: its data, or honestly that there is none yet or why not, also when it has become old. */
export const Loaded = <Data,>({
  query,
  lines,
  children,
}: {
  query: UseQueryResult<Data, Error>;
  lines?: number;
  children: (data: Data) => ReactNode;
}) => {
  if (query.data !== undefined) {
    return (
      <>
        {query.error !== null && <Failure error={query.error} onRetry={() => void query.refetch()} />}
        {children(query.data)}
      </>
    );
  }
  if (query.error !== null) {
    const isForbidden = query.error instanceof ApiError && query.error.status === 403;
    return isForbidden ? (
      <Empty title="Not for this key">{query.error.message}</Empty>
    ) : (
      <Failure error={query.error} onRetry={() => void query.refetch()} />
    );
  }
  return <Skeleton {...(lines !== undefined && { lines })} />;
};
