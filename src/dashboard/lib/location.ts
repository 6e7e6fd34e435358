import { useSyncExternalStore } from 'react';

const BASE = '/dashboard';
const listeners = new Set<() => void>();
const notify = () => {
  for (const listener of listeners) listener();
};
window.addEventListener('popstate', notify);

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};
const snapshot = (): string => window.location.pathname + window.location.search;

export type Place = {
  /** `/requests`, below the dashboard's base. */
  path: string;
  query: URLSearchParams;
};

/** Where the reader is. Filters live in the query, so that a view can be sent to a colleague. */
export const useLocation = (): Place => {
  const url = new URL(useSyncExternalStore(subscribe, snapshot), window.location.origin);
  return { path: url.pathname.slice(BASE.length).replace(/\/$/, '') || '/', query: url.searchParams };
};

export const hrefOf = (path: string, query: URLSearchParams | Record<string, string> = {}): string => {
  const text = new URLSearchParams(query).toString();
  return `${BASE}${path}${text === '' ? '' : `?${text}`}`;
};

/** Goes to a page of the dashboard; `replace` leaves no step back. */
export const navigate = (href: string, { replace = false } = {}): void => {
  window.history[replace ? 'replaceState' : 'pushState'](null, '', href);
  notify();
};

/** Sets some values of the query and keeps the others; null removes one. */
export const setQuery = (changes: Record<string, string | null>): void => {
  const url = new URL(window.location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  navigate(url.pathname + url.search, { replace: true });
};
