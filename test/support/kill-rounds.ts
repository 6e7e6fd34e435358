import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Agent, request as send } from 'undici';
import { ledgerFile } from '../../src/ledger/sqlite-ledger-file.ts';
import { FaultyUpstream } from './faulty-upstream.ts';
import { CliProcess, temporaryDirectory } from './run-cli.ts';
import { twoTierRoutes } from './start-gateway.ts';

export type KillReport = {
  kills: number;
  /** Answers that a client got to their end. */
  complete: number;
  /** Requests that the kill cut short. */
  cut: number;
  /** Complete answers that the ledger does not hold exactly once: must be empty. */
  wrong: string[];
  entries: number;
  /** Requests, cost and tokens by the entries, and by the sums of days and hours: must be equal. */
  sums: { entries: number[]; day: number[]; hour: number[] };
};

const AT_ONCE = 8;

/**
 * Runs a real gateway under load and kills it with SIGKILL, again and again on the same ledger, after `answersOf(round)`
 * answers; then compares what its clients got with what the ledger holds.
 */
export const killRounds = async (
  rounds: number,
  answersOf: (round: number) => number,
  onRound: (round: number) => void = () => {},
): Promise<KillReport> => {
  const upstream = await FaultyUpstream.start();
  const directory = temporaryDirectory();
  const config = join(directory, 'routes.yaml');
  writeFileSync(config, JSON.stringify(twoTierRoutes({ small: upstream.url, large: upstream.url })));
  const complete: string[] = [];
  let cut = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      const gateway = new CliProcess(['serve', '--config', config, '--port', '0', '--data-dir', directory]);
      const url = await gateway.url();
      const dispatcher = new Agent({ pipelining: 0 });
      const wanted = answersOf(round);
      let answered = 0;
      let isKilled = false;
      const client = async (number: number) => {
        for (let i = 0; !isKilled; i++) {
          const id = await ask(url, number % 2 === 0, `${round} ${number} ${i}`, dispatcher);
          if (id === null) cut++;
          else complete.push(id);
          if (++answered >= wanted && !isKilled) {
            isKilled = true;
            gateway.child.kill('SIGKILL');
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, (_, number) => client(number)));
      await gateway.exited;
      await dispatcher.destroy();
      onRound(round);
    }
    return { kills: rounds, complete: complete.length, cut, ...compare(directory, complete) };
  } finally {
    await upstream.close();
    rmSync(directory, { recursive: true, force: true });
  }
};

/** The request's id when its answer came to its end; null when it was cut. */
const ask = async (url: string, stream: boolean, marker: string, dispatcher: Agent): Promise<string | null> => {
  try {
    const { headers, body } = await send(`${url}/v1/chat/completions`, {
      method: 'POST',
      dispatcher,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'auto', stream, messages: [{ role: 'user', content: `Say hello ${marker}` }] }),
    });
    const text = await body.text();
    const isWhole = stream ? text.endsWith('data: [DONE]\n\n') : JSON.parse(text).object === 'chat.completion';
    return isWhole ? String(headers['x-request-id']) : null;
  } catch {
    return null;
  }
};

const compare = (directory: string, complete: string[]): Pick<KillReport, 'wrong' | 'entries' | 'sums'> => {
  const database = new DatabaseSync(ledgerFile(directory), { readOnly: true });
  const count = database.prepare('SELECT count(*) AS count FROM entries WHERE id = ?');
  const wrong = complete.filter((id) => count.get(id)?.['count'] !== 1);
  const numbers = (sql: string) => Object.values(database.prepare(sql).get() ?? {}).map(Number);
  const sums = {
    entries: numbers(
      `SELECT (SELECT count(*) FROM entries), (SELECT sum(cost_nano_usd) FROM attempts),
       (SELECT sum(prompt_tokens) FROM attempts), (SELECT sum(completion_tokens) FROM attempts)`,
    ),
    day: numbers(SUMS_OF('day')),
    hour: numbers(SUMS_OF('hour')),
  };
  database.close();
  return { wrong, entries: sums.entries[0] ?? 0, sums };
};

const SUMS_OF = (step: 'day' | 'hour') =>
  `SELECT sum(requests), sum(cost_nano_usd), sum(prompt_tokens), sum(completion_tokens) FROM rollups WHERE step = '${step}'`;
