import type { Access } from './auth/access.ts';
import type { WorkerLink } from './cluster/worker-link.ts';
import type { ConfigSource } from './config/config-source.ts';
import type { DifficultyClassifier } from './difficulty/classifier.ts';
import type { BodyLimits } from './http/read-body.ts';
import type { LedgerReports } from './ledger/ledger-reports.ts';
import type { LedgerStore } from './ledger/ledger-store.ts';
import type { Shipper } from './ledger/shipper.ts';
import type { Clock } from './lib/clock.ts';
import type { Logger } from './lib/logger.ts';
import type { Postgres } from './lib/postgres.ts';
import type { RedisConnection } from './lib/redis-connection.ts';
import type { ResponseStore } from './responses/response-store.ts';

/** What a gateway is put together from: it opens the rest itself. */
export type AppOptions = {
  config: ConfigSource;
  clock: Clock;
  logger: Logger;
  /** Who may do what; whoever opened it closes it. */
  access: Pick<Access, 'keys' | 'registry' | 'manager' | 'authority'>;
  ledger: LedgerStore;
  /** What the ledger knows, for the admin API; whoever opened it closes it. Without it there are no reports. */
  reports?: LedgerReports | undefined;
  /** Whether those reports are about all gateways together. */
  isLedgerShared?: boolean;
  /** What carries the ledger to Postgres, where there is one; whoever started it stops it. */
  shipper?: Pick<Shipper, 'state'> | null;
  /** What gateways share; whoever opened it closes it. Without it everything is kept in this process. */
  redis?: RedisConnection | undefined;
  /** Where keys are shared, for its state alone. */
  postgres?: Pick<Postgres, 'state'> | undefined;
  /** Responses that clients want kept; in memory where none is given. The caller closes it. */
  responses?: ResponseStore;
  /** Decides where routes.yaml names no model of its own. */
  classifier: DifficultyClassifier;
  /** Where models and sockets live. */
  dataDir: string;
  engineDir: string;
  /** Of which model hosts are given what they need, and no key. */
  environment: NodeJS.ProcessEnv;
  bodyLimits: BodyLimits;
  /** Where this process is one of several workers. */
  worker?: WorkerLink | undefined;
};
