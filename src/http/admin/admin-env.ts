import type { HttpBindings } from '@hono/node-server';
import type { AdminAuthority } from '../../auth/admin-authority.ts';
import type { KeyManager } from '../../auth/key-manager.ts';
import type { KeyRegistry } from '../../auth/key-registry.ts';
import type { TeamScope } from '../../auth/team-scope.ts';
import type { CacheStore } from '../../cache/cache-store.ts';
import type { SemanticStore } from '../../cache/semantic-store.ts';
import type { ConfigHistory } from '../../config/config-history.ts';
import type { ConfigStatus } from '../../config/config-source.ts';
import type { ConfigEditor } from '../../config-editor.ts';
import type { AdminCaller } from '../../contract/admin/admin-caller.ts';
import type { ModelHealth } from '../../execution/model-health.ts';
import type { GenerationSpeeds } from '../../ledger/generation-speeds.ts';
import type { LedgerReports } from '../../ledger/ledger-reports.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Counters } from '../../limits/counters.ts';
import type { Calendar } from '../../limits/period.ts';
import type { Runtime } from '../../ports.ts';
import type { HealthLog } from '../health-log.ts';
import type { Readiness } from '../readiness.ts';
import type { LoadText, Simulator } from './simulate.ts';

/** What resources of the admin API are made of. */
export type AdminOptions = {
  authority: AdminAuthority;
  registry: KeyRegistry;
  manager: KeyManager;
  editor: ConfigEditor;
  configHistory: ConfigHistory;
  runtime(): Runtime;
  configStatus(): ConfigStatus;
  health: ModelHealth;
  cache: CacheStore;
  semantic: { store: SemanticStore };
  /** How everything is at this moment. */
  readiness(): Readiness;
  /** What the ledger knows; null where it is kept in memory alone. */
  reports: LedgerReports | null;
  /** Works out what-ifs; null where the ledger is kept in memory alone. */
  simulator: Simulator | null;
  loadText: LoadText;
  counters: Counters;
  calendar: Calendar;
  healthLog: HealthLog;
  speeds: Pick<GenerationSpeeds, 'of'>;
  clock: Clock;
  version: string;
};

/** Hono's types in the admin API. `caller` and `scope` are there once the caller is known. */
export type AdminEnv = {
  Bindings: HttpBindings;
  Variables: {
    caller: AdminCaller;
    /** What the caller may see: hand it to whatever reads data. */
    scope: TeamScope;
    /** When the caller's cookie ends, in Unix milliseconds; null for a key. */
    sessionEndsAt: number | null;
  };
};
