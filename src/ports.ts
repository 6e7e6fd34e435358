import type { KeyStore } from './auth/key-store.ts';
import type { CacheScope } from './cache/cache-key.ts';
import type { CacheStore } from './cache/cache-store.ts';
import type { EmbeddingCache } from './cache/embedding-cache.ts';
import type { Flights } from './cache/flights.ts';
import type { SemanticFigures } from './cache/semantic-figures.ts';
import type { SemanticStore } from './cache/semantic-store.ts';
import type { ServedSimilar } from './cache/served-similar.ts';
import type { LoadedConfig } from './config/loaded-config.ts';
import type { Caller } from './contract/caller.ts';
import type { ConfidenceTable } from './contract/confidence-table.ts';
import type { DifficultyClassifier } from './difficulty/classifier.ts';
import type { ModelHealth } from './execution/model-health.ts';
import type { LedgerStore } from './ledger/ledger-store.ts';
import type { ModelMoney } from './ledger/model-money.ts';
import type { Recordings } from './ledger/recording.ts';
import type { Clock } from './lib/clock.ts';
import type { Logger } from './lib/logger.ts';
import type { Counters } from './limits/counters.ts';
import type { Calendar } from './limits/period.ts';
import type { CostPace } from './routing/cost-pace.ts';
import type { Candidate, RoutingTable } from './routing/routing-table.ts';
import type { Selection } from './routing/select-route.ts';
import type { SessionStore } from './routing/session.ts';
import type { ShareThresholds } from './routing/share-thresholds.ts';
import type { Upstream } from './upstreams/upstream.ts';

/**
 * Everything that one version of routes.yaml brings into force. A request takes it once and keeps it to its end, so a
 * reload never changes a request under way.
 */
export type Runtime = ModelMoney & {
  config: LoadedConfig;
  table: RoutingTable;
  upstreams: ReadonlyMap<string, Upstream>;
  classifier: DifficultyClassifier;
  /** How a model's certainty maps to the probability that its answer is good. */
  confidenceOf(candidate: Candidate): ConfidenceTable;
  /** What requests have to share before they share an answer. */
  cacheScopeOf(caller: Caller, selection: Selection): CacheScope;
};

/** What the pipeline needs of the world, chosen in `app.ts` and what it opens. */
export type Ports = {
  clock: Clock;
  logger: Logger;
  runtime(): Runtime;
  keys: KeyStore;
  counters: Counters;
  calendar: Calendar;
  cache: CacheStore;
  embeddings: EmbeddingCache;
  /** Questions by their meaning, what became of searching them, and which requests they served. */
  semantic: { store: SemanticStore; figures: SemanticFigures; served: ServedSimilar };
  /** Identical requests under way in this process. */
  flights: Flights;
  ledger: LedgerStore;
  /** Requests and answers of routes that have them recorded. */
  recordings: Recordings;
  /** Circuits, cool-downs and latencies of models, as this process has seen them. */
  health: ModelHealth;
  sessions: SessionStore;
  /** Thresholds of routes that ask for a share of requests. */
  shares: ShareThresholds;
  /** How much of the day's money routes with `maxCostPerDay` have left. */
  pace: CostPace;
  /** A number in [0, 1). */
  random(): number;
};
