import { parentPort, workerData } from 'node:worker_threads';
import { GatewayError } from '../contract/errors.ts';
import type { LedgerReports } from './ledger-reports.ts';
import { openToRead } from './sqlite-ledger-file.ts';
import { createSqliteReports } from './sqlite-reports.ts';

/** The thread of `ThreadReports`: answers one question at a time from the ledger of a data directory. */
export type Question = { id: number; name: keyof LedgerReports; argument: unknown };
export type ThreadAnswer =
  | { id: number; value: unknown }
  | { id: number; fault: { code: string | null; message: string; param: string | null } };

const BUSY_TIMEOUT_MS = 2_000;

const database = openToRead((workerData as { directory: string }).directory, BUSY_TIMEOUT_MS);
if (database === null) throw new Error('There is no ledger yet.');
const reports = createSqliteReports(database);

parentPort?.on('message', async ({ id, name, argument }: Question) => {
  try {
    const ask = reports[name] as (argument: unknown) => Promise<unknown>;
    parentPort?.postMessage({ id, value: await ask(argument) } satisfies ThreadAnswer);
  } catch (error) {
    const known = error instanceof GatewayError ? error : null;
    const fault = { code: known?.code ?? null, message: (error as Error).message, param: known?.param ?? null };
    parentPort?.postMessage({ id, fault } satisfies ThreadAnswer);
  }
});
