import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { ApiError } from './lib/api.ts';
import { applyTheme, storedTheme } from './lib/theme.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/components.css';

applyTheme(storedTheme());

const queries = new QueryClient({
  // A session that has ended leads to the sign-in, whichever question found out.
  queryCache: new QueryCache({
    onError: (error, { queryKey: [name] }) => {
      if (error instanceof ApiError && error.status === 401 && name !== 'session') {
        void queries.invalidateQueries({ queryKey: ['session'] });
      }
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // Asking again does not help who is not signed in or not allowed.
      retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status < 500),
      // Nobody looks at a hidden tab: the gateway need not work for it.
      refetchIntervalInBackground: false,
    },
  },
});

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
