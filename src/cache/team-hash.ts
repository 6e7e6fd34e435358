import { createHash } from 'node:crypto';

/** A team in keys of Redis: whoever may list keys need not know the names of tenants. 16 hex digits. */
export const teamHash = (team: string): string => createHash('sha256').update(team).digest('hex').slice(0, 16);
