import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { SqliteDatabase } from '../../src/lib/sqlite-database.ts';
import { ALERT_LEASE_MS, type AlertLog } from '../../src/limits/alert-log.ts';
import { RedisAlertLog } from '../../src/limits/redis-alert-log.ts';
import { ALERT_TABLES, SqlAlertLog } from '../../src/limits/sql-alert-log.ts';
import { chat } from '../support/chat-client.ts';
import { FaultyUpstream } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { connectRedis } from '../support/redis-connection.ts';
import { RedisServer } from '../support/redis-server.ts';
import { temporaryDirectory } from '../support/run-cli.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

type Received = { headers: IncomingHttpHeaders; body: string };

/** A webhook that answers as it is told and keeps what it got. */
class Receiver {
  readonly received: Received[] = [];
  statuses: number[] = [];
  readonly #server: Server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    this.received.push({ headers: request.headers, body });
    response.writeHead(this.statuses.shift() ?? 204).end();
  });

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  get percents(): number[] {
    return this.received.map(({ body }) => JSON.parse(body).data.percent);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const SECRET = `whsec_${Buffer.from('a key of some length').toString('base64')}`;

describe('a webhook', () => {
  let receiver: Receiver;
  let upstream: FaultyUpstream;
  let gateway: TestGateway;
  let clock: ManualClock;
  let url: string;
  beforeEach(async () => {
    // Half a minute before the end of the week.
    clock = new ManualClock(Date.UTC(2026, 10, 22, 23, 59, 30));
    receiver = new Receiver();
    [url, upstream] = await Promise.all([receiver.start(), FaultyUpstream.start()]);
  });
  afterEach(async () => {
    await gateway.close();
    receiver.close();
    await upstream.close();
  });

  const start = async (usd: number, options: { directory?: string } = {}) => {
    gateway = await startGateway({
      clock,
      routes: {
        ...twoTierRoutes(
          { small: upstream.url, large: upstream.url },
          { route: { difficulty: undefined, tier: 'large' } },
        ),
        teams: { default: { budget: { usd, per: 'week', onExceeded: 'large' } } },
        alerts: { webhook: url, secret: SECRET },
      },
      ...(options.directory && { ledger: () => SqliteLedgerStore.open({ directory: options.directory as string }) }),
    });
    return gateway;
  };
  const ask = async () => {
    const { headers } = await chat(gateway.url, { max_tokens: 5 });
    return Number(headers['x-rightsize-cost-usd']);
  };
  /** What one answer costs, in USD. */
  const costOfOne = async () => {
    await start(1_000);
    const cost = await ask();
    await gateway.close();
    return cost;
  };

  test('hears of each share of a budget once in a period, signed, with where it is heading', async () => {
    const cost = await costOfOne();
    await start(cost * 4);
    await ask();
    expect(receiver.received).toHaveLength(0);
    await ask();
    await until(() => receiver.received.length === 1);
    await ask();
    await ask();
    await ask();
    await until(() => receiver.received.length === 3);
    expect(receiver.percents).toEqual([50, 80, 100]);

    const [{ headers, body }] = receiver.received as [Received];
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const expected = createHmac('sha256', 'a key of some length').update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${expected}`);
    expect(Number(headers['webhook-timestamp'])).toBe(clock.now() / 1_000);
    const message = JSON.parse(body);
    expect(message).toMatchObject({
      type: 'budget.threshold_reached',
      data: {
        subject: { kind: 'team', name: 'default' },
        percent: 50,
        per: 'week',
        periodStart: '2026-11-16T00:00:00.000Z',
        periodEnd: '2026-11-23T00:00:00.000Z',
      },
    });
    expect(Number(message.data.forecastUsd)).toBeCloseTo(cost * 2, 6);
    expect(message.data.exhaustedAt).toBeNull();

    clock.advance(30_000);
    await ask();
    await ask();
    await until(() => receiver.received.length === 4);
    expect(receiver.percents.at(-1)).toBe(50);
    expect(new Set(receiver.received.map((message) => message.headers['webhook-id'])).size).toBe(4);
  });

  test('that fails is tried again, later and later, with the same id, and no request waits for it', async () => {
    const cost = await costOfOne();
    await start(cost * 1.9);
    receiver.statuses = [500, 302];
    await ask();
    await until(() => receiver.received.length === 1);
    const step = async (ms: number, count: number) => {
      await until(() => {
        clock.advance(ms);
        return receiver.received.length === count;
      });
    };
    await step(1_000, 2);
    await step(5_000, 3);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });
});

describe.each(['in SQLite', 'in Redis'])('the log of alerts %s', (where) => {
  let clock: ManualClock;
  let open: () => AlertLog;
  const closers: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    clock = new ManualClock(Date.UTC(2026, 10, 16));
    const file = join(temporaryDirectory(), 'alerts.sqlite');
    const openFile = (path: string) => {
      const database = new SqliteDatabase({ file: path, steps: ALERT_TABLES });
      closers.unshift(() => database.close());
      return new SqlAlertLog(database, clock);
    };
    open = () => openFile(file);
    if (where === 'in SQLite') return;
    const server = await RedisServer.start();
    const redis = await connectRedis(server.url);
    closers.push(
      () => redis.close(),
      () => server.close(),
    );
    // Gateways on two machines: each has a file of its own.
    open = () => new RedisAlertLog(redis, openFile(join(temporaryDirectory(), 'alerts.sqlite')));
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  test('one of many takes an alert on, and what is done is never begun again', async () => {
    const logs = [open(), open(), open()];
    const begun = await Promise.all(logs.map((log) => log.begin('a')));
    expect(begun.filter(Boolean)).toHaveLength(1);
    await logs[begun.indexOf(true)]?.done('a', 30 * 86_400_000);
    clock.advance(2 * ALERT_LEASE_MS);
    for (const log of [...logs, open()]) expect(await log.begin('a')).toBe(false);
    expect(await open().begin('b')).toBe(true);
  });
});

test('an alert that nobody finished is taken on again when its lease has ended', async () => {
  const clock = new ManualClock(Date.UTC(2026, 10, 16));
  const database = new SqliteDatabase({ file: ':memory:', steps: ALERT_TABLES });
  const log = new SqlAlertLog(database, clock);
  expect(await log.begin('a')).toBe(true);
  clock.advance(ALERT_LEASE_MS - 1);
  expect(await log.begin('a')).toBe(false);
  clock.advance(1);
  expect(await log.begin('a')).toBe(true);
  await database.close();
});

test('without Redis each machine decides alone, and never sends twice itself', async () => {
  const server = await RedisServer.start();
  const redis = await connectRedis(server.url);
  const database = new SqliteDatabase({ file: ':memory:', steps: ALERT_TABLES });
  const log = new RedisAlertLog(redis, new SqlAlertLog(database, new ManualClock(0)));
  await server.kill();
  await until(() => !redis.isUsable);
  expect([await log.begin('a'), await log.begin('a')]).toEqual([true, false]);
  await redis.close();
  await server.close();
  await database.close();
});
