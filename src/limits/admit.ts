import type { Charge } from './counter-store.ts';
import type { Counters, Reserved } from './counters.ts';
import { type Limited, limitAccounts } from './subjects.ts';

/**
 * Counts a request against the requests per minute and the concurrent requests of its key, team and route, before
 * anything is done for it; a cached answer counts as well. Tokens are only read, for the headers.
 */
export const admit = (requestId: string, limited: Limited[], counters: Counters): Promise<Reserved> =>
  counters.reserve(requestId, [
    ...limitAccounts(limited, 'requests').map((account): Charge => ({ account, amount: 1 })),
    ...limitAccounts(limited, 'concurrent').map((account): Charge => ({ account, amount: 1 })),
    ...limitAccounts(limited, 'tokens').map((account): Charge => ({ account, amount: 0 })),
  ]);
