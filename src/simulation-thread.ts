import { parentPort, workerData } from 'node:worker_threads';
import { GatewayError } from './contract/errors.ts';
import { openToRead } from './ledger/sqlite-ledger-file.ts';
import { createSqliteReports } from './ledger/sqlite-reports.ts';
import { runCurve, runSimulation, type SimulationQuestion } from './simulation.ts';

/** One what-if question, answered on a thread of its own, which ends with it. */
export type SimulationTask = { dataDir: string; question: SimulationQuestion & { route: string | null } };
export type SimulationResult = { value: unknown } | { fault: { code: string | null; message: string } };

const { dataDir, question } = workerData as SimulationTask;

const answer = async (): Promise<unknown> => {
  const database = openToRead(dataDir, 2_000);
  if (database === null) throw new Error('there is no ledger yet');
  try {
    const reports = createSqliteReports(database);
    const { route, ...rest } = question;
    return route === null
      ? await runSimulation(rest, reports, dataDir)
      : await runCurve({ ...rest, route }, reports, dataDir);
  } finally {
    database.close();
  }
};

parentPort?.postMessage(
  await answer().then(
    (value): SimulationResult => ({ value }),
    (error: Error): SimulationResult => ({
      fault: { code: error instanceof GatewayError ? error.code : null, message: error.message },
    }),
  ),
);
