/** Who sends a request. Callers without a key, admitted on loopback only, belong to team `default`. */
export type Caller = { keyId: string | null; team: string };

export const ANONYMOUS: Caller = { keyId: null, team: 'default' };
