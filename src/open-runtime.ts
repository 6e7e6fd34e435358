import type { AppOptions } from './app-options.ts';
import { cacheScopes } from './cache-scope.ts';
import { ConfigHistory } from './config/config-history.ts';
import { diffConfig } from './config/diff.ts';
import { loadConfig } from './config/load.ts';
import type { LoadedConfig } from './config/loaded-config.ts';
import { readFileBounded } from './config/read-text.ts';
import { ConfigEditor } from './config-editor.ts';
import { classifierOf } from './difficulty/load-classifier.ts';
import { parseWeights } from './difficulty/weights.ts';
import { UNCALIBRATED } from './execution/confidence.ts';
import type { BusyTime } from './ledger/hardware.ts';
import { moneyOf } from './ledger/model-money.ts';
import { loadPrices } from './ledger/price-book.ts';
import type { Runtime } from './ports.ts';
import { detectLanguage } from './routing/detect-language.ts';
import { compileRoutingTable } from './routing/routing-table.ts';
import type { UpstreamRegistry } from './upstream-registry.ts';

/**
 * Brings the configuration into force, now and with each change of it, and notes each load in the data directory.
 * `history` is closed by whoever opened this.
 */
export const openRuntime = (
  { config, clock, logger, dataDir, environment, classifier }: AppOptions,
  registry: UpstreamRegistry,
) => {
  // How busy each upstream's hardware is, kept over reloads.
  const busy = new Map<string, BusyTime>();
  const prices = loadPrices(dataDir);
  const toRuntime = (loaded: LoadedConfig): Runtime => {
    const upstreams = registry.apply(loaded);
    const table = compileRoutingTable(loaded);
    // Loaded now, so that the first request need not wait for it.
    if (table.usesLanguage) void detectLanguage('');
    return {
      config: loaded,
      table,
      upstreams,
      classifier: classifierOf(loaded, classifier),
      ...moneyOf(loaded, table, busy, prices),
      confidenceOf: ({ config: { confidence } }) => loaded.confidenceTables[confidence ?? ''] ?? UNCALIBRATED,
      cacheScopeOf: cacheScopes({ config: loaded, table }),
    };
  };
  let runtime = toRuntime(config.current());
  const history = new ConfigHistory(dataDir);
  const noteLoad = (changes: string[]) => {
    const { version, loadedAt } = config.status();
    history
      .loaded(version, loadedAt, changes)
      .catch((error: unknown) => logger.warn({ err: error }, 'a load of the configuration could not be noted'));
  };
  noteLoad([]);
  const stopWatching = config.onChange((next, previous) => {
    noteLoad(diffConfig(previous, next));
    runtime = toRuntime(next);
  });
  return {
    current: () => runtime,
    history,
    editor: new ConfigEditor({ source: config, history, environment, classifier, clock }),
    /** The configuration as it would be with this text in place of the file's. */
    loadText: (text: string) =>
      loadConfig({
        file: runtime.config.file,
        environment,
        checkModel: parseWeights,
        readFile: async (path) => (path === runtime.config.file ? Buffer.from(text) : readFileBounded(path)),
      }),
    stopWatching,
  };
};
