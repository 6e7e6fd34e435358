import type { CachePlace } from './cache/cache-key.ts';
import type { Incoming, Reply } from './contract/incoming.ts';
import { newId } from './lib/id.ts';
import type { Ports } from './ports.ts';

/**
 * Asks once more in the background what a client was just given a stale answer to, unless somebody already does. It is a
 * request of its own, of the same caller: it counts against the limits of the team and has its own ledger entry.
 */
export const refreshStale = (
  place: CachePlace,
  incoming: Incoming,
  handle: (incoming: Incoming) => Promise<Reply>,
  { cache, flights, clock }: Pick<Ports, 'cache' | 'flights' | 'clock'>,
): void =>
  flights.refresh(async (signal) => {
    const claimed = await cache.claim(place, { isRefresh: true });
    if (claimed.kind !== 'mine') return;
    const headers = { ...incoming.headers, 'cache-control': 'no-cache' };
    const reply = await handle({ ...incoming, id: newId('req', clock.now()), headers, signal });
    if (reply.kind === 'stream') {
      // Reading drives the upstream.
      for await (const _ of reply.events);
    }
    await claimed.claim.release();
  });
