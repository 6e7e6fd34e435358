import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { Agent, request as send } from 'undici';
import { ledgerFile } from '../../src/ledger/sqlite-ledger-file.ts';
import { FaultyUpstream } from './faulty-upstream.ts';
import { startPostgres } from './postgres-server.ts';
import { RedisServer } from './redis-server.ts';
import { CliProcess, temporaryDirectory } from './run-cli.ts';
import { twoTierRoutes } from './start-gateway.ts';
import { until } from './until.ts';

export type KillReport = {
  kills: number;
  /** Times that the store beside the gateway was killed too. */
  storeKills: number;
  /** Answers that a client got to their end. */
  complete: number;
  /** Requests that the kill cut short. */
  cut: number;
  /** Complete answers that the ledger does not hold exactly once: must be empty. */
  wrong: string[];
  entries: number;
  /** Requests, cost and tokens by the entries, and by the sums of days and hours: must be equal. */
  sums: Sums;
  /** The same in Postgres, once it has everything: must be equal to the others. */
  postgres?: { wrong: string[]; sums: Sums };
  /** The budget that all requests count for, when no request is under way any more. */
  redis?: { reservedNanoUsd: number; spentNanoUsd: number };
};
type Sums = { entries: number[]; day: number[]; hour: number[] };

export type KillOptions = {
  rounds: number;
  /** Answers after which the gateway of a round is killed. */
  answersOf(round: number): number;
  /** A store beside it that is killed in the middle of every second round, and comes back in the next. */
  store?: 'postgres' | 'redis';
  onRound?(round: number): void;
};

const AT_ONCE = 8;
/** A machine that does other things too may take its time to start a process. */
const PATIENCE_MS = 120_000;
const ADMIN_KEY = 'rsa-kill-rounds';
/** Leases of dead requests last half a minute. */
const RELEASED_MS = 90_000;

/** What runs beside the gateway. */
type Beside = {
  environment: Record<string, string>;
  kill(): Promise<void>;
  start(): Promise<void>;
  /** What it holds in the end; the gateway that is given runs and is idle. */
  inspect(gatewayUrl: string, directory: string, complete: string[]): Promise<Pick<KillReport, 'postgres' | 'redis'>>;
  close(): Promise<void>;
};

/**
 * Runs a real gateway under load and kills it with SIGKILL, again and again on the same ledger; then compares what its
 * clients got with what the ledger holds, and the store beside it.
 */
export const killRounds = async ({ rounds, answersOf, store, onRound }: KillOptions): Promise<KillReport> => {
  const [upstream, beside] = await Promise.all([
    FaultyUpstream.start(),
    store === 'postgres' ? besidePostgres() : store === 'redis' ? besideRedis() : null,
  ]);
  const directory = temporaryDirectory();
  const config = join(directory, 'routes.yaml');
  const route = { budget: { usd: 1000, per: 'total' } };
  writeFileSync(config, JSON.stringify(twoTierRoutes({ small: upstream.url, large: upstream.url }, { route })));
  const serve = () =>
    new CliProcess(['serve', '--config', config, '--port', '0', '--data-dir', directory], {
      RIGHTSIZE_ADMIN_KEY: ADMIN_KEY,
      ...beside?.environment,
    });
  const complete: string[] = [];
  let [cut, storeKills] = [0, 0];
  try {
    for (let round = 0; round < rounds; round++) {
      const gateway = serve();
      const url = await gateway.url(PATIENCE_MS);
      const dispatcher = new Agent({ pipelining: 0 });
      const wanted = answersOf(round);
      const isStoreKilled = beside !== null && round % 2 === 0;
      let answered = 0;
      let isKilled = false;
      let storeKilled: Promise<void> = Promise.resolve();
      const client = async (number: number) => {
        for (let i = 0; !isKilled; i++) {
          const id = await ask(url, number % 2 === 0, `${round} ${number} ${i}`, dispatcher);
          if (id === null) cut++;
          else complete.push(id);
          answered++;
          if (isStoreKilled && answered === Math.ceil(wanted / 2)) {
            storeKills++;
            storeKilled = beside.kill();
          }
          if (answered >= wanted && !isKilled) {
            isKilled = true;
            gateway.child.kill('SIGKILL');
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, (_, number) => client(number)));
      await gateway.exited;
      await storeKilled;
      // It comes back while the next gateway is under load already, or after it where that is killed sooner.
      if (isStoreKilled) await beside.start();
      await dispatcher.destroy();
      onRound?.(round);
    }
    const own = compare(directory, complete);
    if (beside === null) return { kills: rounds, storeKills, complete: complete.length, cut, ...own };
    const gateway = serve();
    const found = await beside.inspect(await gateway.url(PATIENCE_MS), directory, complete);
    gateway.kill('SIGTERM');
    await gateway.exited;
    return { kills: rounds, storeKills, complete: complete.length, cut, ...own, ...found };
  } finally {
    await Promise.all([upstream.close(), beside?.close()]);
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

const ENTRY_SUMS = `SELECT (SELECT count(*) FROM entries), (SELECT sum(cost_nano_usd) FROM attempts),
  (SELECT sum(prompt_tokens) FROM attempts), (SELECT sum(completion_tokens) FROM attempts)`;
const sumsOf = (step: 'day' | 'hour') =>
  `SELECT sum(requests), sum(cost_nano_usd), sum(prompt_tokens), sum(completion_tokens) FROM rollups WHERE step = '${step}'`;

const compare = (directory: string, complete: string[]): Pick<KillReport, 'wrong' | 'entries' | 'sums'> => {
  const database = new DatabaseSync(ledgerFile(directory), { readOnly: true });
  const count = database.prepare('SELECT count(*) AS count FROM entries WHERE id = ?');
  const wrong = complete.filter((id) => count.get(id)?.['count'] !== 1);
  const numbers = (sql: string) => Object.values(database.prepare(sql).get() ?? {}).map(Number);
  const sums = { entries: numbers(ENTRY_SUMS), day: numbers(sumsOf('day')), hour: numbers(sumsOf('hour')) };
  database.close();
  return { wrong, entries: sums.entries[0] ?? 0, sums };
};

const besidePostgres = async (): Promise<Beside> => {
  const server = await startPostgres();
  const url = await server.newDatabase();
  return {
    environment: { DATABASE_URL: url },
    kill: () => server.kill(),
    start: () => server.start(),
    close: () => server.close(),
    async inspect(_url, directory, complete) {
      await until(() => outboxOf(directory) === 0, RELEASED_MS, 'an empty outbox');
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        const numbers = async (sql: string) => {
          const { rows } = await client.query({ text: sql, rowMode: 'array' });
          return (rows[0] as unknown[]).map(Number);
        };
        const { rows } = await client.query('SELECT id FROM entries');
        const times = new Map<string, number>();
        for (const { id } of rows) times.set(id, (times.get(id) ?? 0) + 1);
        const sums = {
          entries: await numbers(ENTRY_SUMS),
          day: await numbers(sumsOf('day')),
          hour: await numbers(sumsOf('hour')),
        };
        return { postgres: { wrong: complete.filter((id) => times.get(id) !== 1), sums } };
      } finally {
        await client.end();
      }
    },
  };
};

const outboxOf = (directory: string): number => {
  const database = new DatabaseSync(ledgerFile(directory), { readOnly: true });
  const [waiting] = Object.values(database.prepare('SELECT count(*) FROM outbox').get() ?? {});
  database.close();
  return Number(waiting);
};

const besideRedis = async (): Promise<Beside> => {
  const server = await RedisServer.start();
  type Row = { spentNanoUsd: number; reservedNanoUsd: number };
  return {
    environment: { REDIS_URL: server.url },
    kill: () => server.kill(),
    start: () => server.start(),
    close: () => server.close(),
    async inspect(url) {
      const read = async (): Promise<Row> => {
        const headers = { authorization: `Bearer ${ADMIN_KEY}` };
        const reply = await fetch(`${url}/admin/api/budgets`, { headers });
        const { rows } = (await reply.json()) as { rows: Row[] };
        return rows[0] as Row;
      };
      await until(async () => (await read()).reservedNanoUsd === 0, RELEASED_MS, 'the end of all reservations');
      const { spentNanoUsd, reservedNanoUsd } = await read();
      return { redis: { spentNanoUsd, reservedNanoUsd } };
    },
  };
};
