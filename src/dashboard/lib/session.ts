import { createContext, useContext } from 'react';
import type { Session } from '../../contract/admin/session.ts';

export const SessionContext = createContext<Session | null>(null);

/** Who is signed in. @throws Error outside the signed-in part of the dashboard. */
export const useSession = (): Session => {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('nobody is signed in here');
  return session;
};
