import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import type { Session } from '../contract/admin/session.ts';
import type { Status } from '../contract/admin/status.ts';
import { Badge } from './components/badge.tsx';
import { Link } from './components/link.tsx';
import { Failure, Skeleton } from './components/states.tsx';
import { ThemeSwitch } from './components/theme-switch.tsx';
import { ApiError, callApi } from './lib/api.ts';
import { hrefOf, useLocation } from './lib/location.ts';
import { SessionContext } from './lib/session.ts';
import { OverviewPage } from './pages/overview.tsx';
import { SignInPage } from './pages/sign-in.tsx';

const PAGES = [
  { path: '/', name: 'Overview', Page: OverviewPage },
  { path: '/requests', name: 'Requests', Page: lazy(() => import('./pages/requests.tsx')) },
  { path: '/lab', name: 'Routing lab', Page: lazy(() => import('./pages/lab.tsx')), isForAll: true },
  { path: '/policies', name: 'Policies', Page: lazy(() => import('./pages/policies.tsx')), isForAll: true },
  { path: '/teams', name: 'Teams and keys', Page: lazy(() => import('./pages/teams.tsx')) },
  { path: '/health', name: 'Health', Page: lazy(() => import('./pages/health.tsx')) },
  { path: '/playground', name: 'Playground', Page: lazy(() => import('./pages/playground.tsx')) },
];

/** The dashboard: whoever is signed in sees the page that the URL names. */
export const App = () => {
  const session = useQuery({
    queryKey: ['session'],
    queryFn: () => callApi<Session>('/session'),
    staleTime: 60_000,
  });
  if (session.error instanceof ApiError && session.error.status === 401) return <SignInPage />;
  if (session.data !== undefined) return <Shell session={session.data} />;
  if (session.error === null) return <Skeleton />;
  return <Failure error={session.error} onRetry={() => void session.refetch()} />;
};

const Shell = ({ session }: { session: Session }) => {
  const { path } = useLocation();
  const pages = PAGES.filter(({ isForAll }) => session.team === null || !isForAll);
  const current = pages.find((page) => page.path === path);
  return (
    <SessionContext value={session}>
      <div className="shell">
        <header className="sidebar">
          <Link className="brand" href={hrefOf('/')}>
            <img src="/dashboard/icon.svg" alt="" />
            Rightsize
          </Link>
          <nav className="nav" aria-label="Pages">
            {pages.map((page) => (
              <Link key={page.path} href={hrefOf(page.path)} aria-current={page === current ? 'page' : undefined}>
                {page.name}
              </Link>
            ))}
          </nav>
          <Foot session={session} />
        </header>
        <main className="page" key={path}>
          <Suspense fallback={<Skeleton lines={6} />}>
            {current === undefined ? <p>There is no such page.</p> : <current.Page />}
          </Suspense>
        </main>
      </div>
    </SessionContext>
  );
};

const TONES = { ready: 'good', degraded: 'warn', unavailable: 'bad' } as const;

const Foot = ({ session }: { session: Session }) => {
  const queries = useQueryClient();
  const status = useQuery({ queryKey: ['status'], queryFn: () => callApi<Status>('/status'), refetchInterval: 10_000 });
  const signOut = async () => {
    await callApi('/session', { method: 'DELETE' });
    queries.clear();
    await queries.invalidateQueries();
    window.location.reload();
  };
  return (
    <div className="sidebar-foot">
      <span className="row" role="status">
        {status.error !== null && <Badge tone="bad">out of reach: figures stand still</Badge>}
        {status.error === null && status.data !== undefined && (
          <>
            <Badge tone={TONES[status.data.status]}>{status.data.status}</Badge>
            <span className="mono">{status.data.version}</span>
          </>
        )}
      </span>
      <ThemeSwitch />
      <span>
        {session.name} ({session.team === null ? session.role : `${session.role} of ${session.team}`})
      </span>
      {session.expiresAt !== null && (
        <button type="button" className="button" onClick={() => void signOut()}>
          Sign out
        </button>
      )}
    </div>
  );
};
