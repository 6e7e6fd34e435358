import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import type { Revision } from '../../contract/admin/report.ts';
import { callApi } from '../lib/api.ts';

const ASK_MS = 1_000;
/** A range that ends now moves on though nothing is added to it. */
const REFRESH_MS = 60_000;
/** Answers may take a fiftieth of the time: of a large ledger they come less often. */
const PAUSE_PER_ANSWER = 50;

/**
 * Has the queries whose key begins with `of` asked anew when the ledger has more to tell: within a second where answers
 * are quick. While nothing happens only one small question a second is asked. Draws nothing.
 */
export const Live = ({ of }: { of: string }) => {
  const queries = useQueryClient();
  const { data: revision, dataUpdatedAt } = useQuery({
    queryKey: ['revision'],
    queryFn: async () => (await callApi<Revision>('/report/revision')).revision,
    refetchInterval: ASK_MS,
  });
  const last = useRef({ revision: '', at: 0, tookMs: 0, isAsking: false });
  useEffect(() => {
    if (revision === undefined || last.current.isAsking) return;
    const { at, tookMs } = last.current;
    const now = performance.now();
    // What the page shows at first was asked for with the first revision.
    if (last.current.revision === '') last.current = { ...last.current, revision, at: now };
    const isOld = revision !== last.current.revision || now - at > REFRESH_MS;
    if (at === 0 || dataUpdatedAt === 0 || !isOld || now - at < tookMs * PAUSE_PER_ANSWER) return;
    last.current = { revision, at, tookMs, isAsking: true };
    void queries.invalidateQueries({ queryKey: [of] }).finally(() => {
      const end = performance.now();
      last.current = { revision, at: end, tookMs: end - now, isAsking: false };
    });
  }, [revision, dataUpdatedAt, queries, of]);
  return null;
};
