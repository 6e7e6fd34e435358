import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { sampleEntry } from './sample-entry.ts';

/** Run as `node append-entries.ts <directory> <first> <count>`: appends one by one, printing each id once it is stored. */
const [directory = '', first = '0', count = '0'] = process.argv.slice(2);
const store = SqliteLedgerStore.open({ directory });
for (let i = Number(first); i < Number(first) + Number(count); i++) {
  await store.append(sampleEntry({ id: `req_${i}`, at: i }));
  process.stdout.write(`req_${i}\n`);
}
await store.close();
