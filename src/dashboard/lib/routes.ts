import { useQuery } from '@tanstack/react-query';
import type { RouteList } from '../../contract/admin/routes.ts';
import { callApi } from './api.ts';

/** The rules in force. */
export const useRoutes = () =>
  useQuery({ queryKey: ['routes'], queryFn: () => callApi<RouteList>('/routes'), staleTime: 30_000 });
