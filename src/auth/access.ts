import type { Caller } from '../contract/caller.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { SqlDatabase } from '../lib/sql-database.ts';
import { AdminAuthority } from './admin-authority.ts';
import { digestOf } from './digest.ts';
import { explainedDatabase } from './explained-database.ts';
import { FailureLimiter } from './failure-limiter.ts';
import { KeyDirectory } from './key-directory.ts';
import { KeyManager } from './key-manager.ts';
import type { KeyNews } from './key-news.ts';
import type { KeyRegistry } from './key-registry.ts';
import { SqlAdminSessionStore } from './sql-admin-session-store.ts';
import { SqlKeyRegistry } from './sql-key-registry.ts';

export type AccessOptions = {
  /** With the tables of `key-tables.ts`; whoever opened it closes it. */
  database: SqlDatabase;
  /** Keys that are no virtual ones, such as that of `RIGHTSIZE_API_KEY`. */
  fixedKeys: { secret: string; caller: Caller }[];
  adminKey: string;
  /** See `KeyDirectoryOptions`. */
  maxAgeMs: number;
  isAlwaysRequired: boolean;
  news?: KeyNews | undefined;
  clock: Clock;
  logger: Pick<Logger, 'warn'>;
};

/** Everything that says who may do what: callers of inference, and users of the admin API. */
export type Access = {
  keys: KeyDirectory;
  registry: KeyRegistry;
  manager: KeyManager;
  authority: AdminAuthority;
  /** Stops listening, and writes what is left to be written. */
  close(): Promise<void>;
};

export const createAccess = (options: AccessOptions): Access => {
  const { fixedKeys, adminKey, maxAgeMs, isAlwaysRequired, news, clock, logger } = options;
  const database = explainedDatabase(options.database, logger);
  const registry = new SqlKeyRegistry(database);
  const fixed = new Map(fixedKeys.map(({ secret, caller }) => [digestOf(secret), caller]));
  const keys = new KeyDirectory({ fixed, registry, maxAgeMs, isAlwaysRequired, clock, logger });
  const stopListening = news?.listen(
    (id, version) => void keys.changed(id, version),
    () => keys.missedNews(),
  );
  const manager = new KeyManager({
    registry,
    clock,
    async onChange({ id, version }) {
      await keys.changed(id, version);
      await news?.tell(id, version);
    },
  });
  const authority = new AdminAuthority({
    adminKey,
    findPerson: (digest) => keys.findPerson(digest),
    sessions: new SqlAdminSessionStore(database, clock),
    failures: new FailureLimiter(clock),
    clock,
  });
  return {
    keys,
    registry,
    manager,
    authority,
    async close() {
      stopListening?.();
      await keys.close();
    },
  };
};
