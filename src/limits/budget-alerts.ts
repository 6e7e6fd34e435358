import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { AlertsConfig } from '../contract/limits-schema.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { formatUsd, type NanoUsd } from '../lib/money.ts';
import { type BudgetAccount, keyOf } from './account.ts';
import type { AlertLog } from './alert-log.ts';
import { forecastOf } from './forecast.ts';

export type BudgetAlertsOptions = {
  /** Those in force; null where none are wanted. */
  config(): AlertsConfig | null;
  log: AlertLog;
  /** Sends one message. @throws Error when it was not taken. */
  post(config: AlertsConfig, message: { id: string; body: string }, signal: AbortSignal): Promise<void>;
  clock: Clock;
  logger: Pick<Logger, 'error'>;
};

/** Shares of a budget, in percent, that are told when they are spent. */
const ALERT_PERCENT = [50, 80, 100] as const;
/** Waits after the first, second, … try that failed; after the last it is given up. */
const RETRY_AFTER_MS = [1_000, 5_000, 30_000, 120_000, 300_000];
/** Alerts that may wait; more are left for the next request that spends of their budget. */
const MAX_WAITING = 100;
const MAX_REMEMBERED = 10_000;
const GRACE_MS = 2 * 86_400_000;
const KEEP_TOTAL_MS = 10 * 365 * 86_400_000;

type Alert = { id: string; account: BudgetAccount; percent: number; spent: NanoUsd; atMs: number };

/** Tells a webhook when a share of a budget is spent: once in a period, never while a request waits. */
export class BudgetAlerts {
  readonly #options: BudgetAlertsOptions;
  /** Alerts that this process need not think of again. */
  readonly #seen = new LRUCache<string, true>({ max: MAX_REMEMBERED });
  readonly #waiting: Alert[] = [];
  readonly #closing = new AbortController();
  #sending: Promise<void> | null = null;

  constructor(options: BudgetAlertsOptions) {
    this.#options = options;
  }

  /** A request has spent of a budget; `spent` is all of it. Costs nothing unless a share has been reached. */
  note(account: BudgetAccount, spent: NanoUsd): void {
    if (spent * 100 < account.limit * ALERT_PERCENT[0] || this.#options.config() === null) return;
    for (const percent of ALERT_PERCENT) {
      // A limit that was changed is another one to tell of.
      const id = `${keyOf(account)}:${account.limit}:${percent}`;
      if (spent * 100 < account.limit * percent || this.#seen.has(id) || this.#waiting.length >= MAX_WAITING) continue;
      this.#seen.set(id, true);
      this.#waiting.push({ id, account, percent, spent, atMs: this.#options.clock.now() });
    }
    if (this.#waiting.length > 0) this.#sending ??= this.#sendAll();
  }

  /** Gives up what is under way: it is sent when its budget is next spent of, here or elsewhere. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    for (let alert = this.#waiting.shift(); alert !== undefined; alert = this.#waiting.shift()) {
      if (this.#closing.signal.aborted) break;
      await this.#send(alert).catch((error: unknown) => {
        this.#seen.delete(alert?.id ?? '');
        this.#options.logger.error({ err: error, alert: alert?.id }, 'an alert of a budget could not be sent');
      });
    }
    this.#sending = null;
  }

  async #send(alert: Alert): Promise<void> {
    const { config, log, post, clock } = this.#options;
    if (!(await log.begin(alert.id))) return;
    const message = toMessage(alert, clock.now());
    for (let failures = 0; ; failures++) {
      const target = config();
      if (target === null) return;
      try {
        await post(target, message, this.#closing.signal);
        break;
      } catch (error) {
        const waitMs = RETRY_AFTER_MS[failures];
        if (waitMs === undefined || !(await this.#pause(waitMs))) throw error;
      }
    }
    const { endMs } = alert.account.period;
    await log.done(alert.id, endMs === Number.POSITIVE_INFINITY ? KEEP_TOTAL_MS : endMs - clock.now() + GRACE_MS);
  }

  /** False when the process ends meanwhile. */
  #pause(ms: number): Promise<boolean> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, () => resolve(true));
      const stop = () => {
        cancel();
        resolve(false);
      };
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
  }
}

const toMessage = ({ id, account, percent, spent, atMs }: Alert, nowMs: number): { id: string; body: string } => {
  const { subject, limit, period, config } = account;
  const { atEndNanoUsd, exhaustedAtMs } = forecastOf(spent, limit, period, nowMs);
  const moment = (ms: number | null) =>
    ms === null || ms === Number.POSITIVE_INFINITY ? null : new Date(ms).toISOString();
  const data = {
    subject,
    percent,
    spentUsd: formatUsd(spent),
    limitUsd: formatUsd(limit),
    per: period.per,
    timeZone: period.timeZone,
    periodStart: period.per === 'total' ? null : moment(period.startMs),
    periodEnd: moment(period.endMs),
    forecastUsd: atEndNanoUsd === null ? null : formatUsd(atEndNanoUsd),
    exhaustedAt: moment(exhaustedAtMs),
    onExceeded: config.onExceeded,
  };
  return {
    id: `alert_${createHash('sha256').update(id).digest('hex').slice(0, 32)}`,
    body: JSON.stringify({ type: 'budget.threshold_reached', timestamp: new Date(atMs).toISOString(), data }),
  };
};
