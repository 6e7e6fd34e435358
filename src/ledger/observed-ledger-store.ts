import type { LedgerEntry } from '../contract/ledger-entry.ts';
import type { LedgerStore } from './ledger-store.ts';

/** A ledger that shows each entry to an observer as it is appended, whether or not it can be stored. */
export const observeLedger = (store: LedgerStore, observe: (entry: LedgerEntry) => void): LedgerStore => ({
  append(entry) {
    observe(entry);
    return store.append(entry);
  },
  recent: (query) => store.recent(query),
  spend: (query) => store.spend(query),
  close: () => store.close(),
});
