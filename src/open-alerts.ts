import { join } from 'node:path';
import type { AppOptions } from './app-options.ts';
import type { AlertsConfig } from './contract/limits-schema.ts';
import type { NanoUsd } from './lib/money.ts';
import { SqliteDatabase } from './lib/sqlite-database.ts';
import type { BudgetAccount } from './limits/account.ts';
import type { AlertLog } from './limits/alert-log.ts';
import { BudgetAlerts } from './limits/budget-alerts.ts';
import { postWebhook } from './limits/http-webhook.ts';
import { RedisAlertLog } from './limits/redis-alert-log.ts';
import { ALERT_TABLES, SqlAlertLog } from './limits/sql-alert-log.ts';

/** Alerts of budgets, and what has been told. The file is made with the first alert: most gateways never send one. */
export const openAlerts = (
  { clock, logger, redis, dataDir }: Pick<AppOptions, 'clock' | 'logger' | 'redis' | 'dataDir'>,
  config: () => AlertsConfig | null,
) => {
  let database: SqliteDatabase | null = null;
  const open = (): AlertLog => {
    database ??= new SqliteDatabase({ file: join(dataDir, 'alerts.sqlite'), steps: ALERT_TABLES });
    const own = new SqlAlertLog(database, clock);
    return redis === undefined ? own : new RedisAlertLog(redis, own);
  };
  const alerts = new BudgetAlerts({
    config,
    log: { begin: async (id) => open().begin(id), done: async (id, keepMs) => open().done(id, keepMs) },
    post: (target, message, signal) => postWebhook(target, message, clock, signal),
    clock,
    logger,
  });
  return {
    note: (account: BudgetAccount, spent: NanoUsd) => alerts.note(account, spent),
    async close() {
      await alerts.close();
      await database?.close();
    },
  };
};
