import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { ConfigError } from './config-error.ts';
import type { ConfigSource, ConfigStatus } from './config-source.ts';
import { diffConfig } from './diff.ts';
import type { CheckModel } from './difficulty-model.ts';
import { formatProblem } from './format-problems.ts';
import { loadConfig } from './load.ts';
import type { ConfigProblem, LoadedConfig } from './loaded-config.ts';
import type { Environment } from './substitute.ts';
import { watchFile } from './watch-file.ts';

type Options = {
  /** Path of routes.yaml, also used in log lines. */
  file: string;
  environment: Environment;
  /** See `loadConfig`. */
  checkModel?: CheckModel;
  clock: Clock;
  logger: Pick<Logger, 'info' | 'warn' | 'error'>;
};

type Listener = Parameters<ConfigSource['onChange']>[0];

/**
 * The configuration of a routes.yaml, which follows the file as it changes on disk.
 * @throws ConfigError when the file cannot be used at start. Later mistakes only show in `status()` and the log.
 */
export const createFileConfigSource = async (options: Options): Promise<ConfigSource> => {
  const { file, environment, checkModel } = options;
  const first = await loadConfig({ file, environment, ...(checkModel && { checkModel }) });
  if (!first.ok) throw new ConfigError(file, first.problems);
  return new FileConfigSource(options, first.config);
};

class FileConfigSource implements ConfigSource {
  readonly #options: Options;
  readonly #listeners = new Set<Listener>();
  readonly #stopWatching: () => void;
  #current: LoadedConfig;
  #loadedAt: number;
  #problems: ConfigProblem[] = [];
  #reloading: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: Options, first: LoadedConfig) {
    this.#options = options;
    this.#current = first;
    this.#loadedAt = options.clock.now();
    this.#stopWatching = watchFile(first.file, options.clock, () => void this.reload());
  }

  current(): LoadedConfig {
    return this.#current;
  }

  status(): ConfigStatus {
    return { version: this.#current.version, loadedAt: this.#loadedAt, problems: this.#problems };
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload());
    return this.#reloading;
  }

  close(): void {
    this.#isClosed = true;
    this.#stopWatching();
    this.#listeners.clear();
  }

  async #reload(): Promise<void> {
    const { environment, checkModel, logger } = this.#options;
    try {
      const result = await loadConfig({ file: this.#current.file, environment, ...(checkModel && { checkModel }) });
      if (this.#isClosed) return;
      if (result.ok) this.#accept(result.config);
      else this.#refuse(result.problems);
    } catch (error) {
      logger.error({ err: error }, 'the configuration could not be reloaded');
    }
  }

  #accept(next: LoadedConfig): void {
    const { file, clock, logger } = this.#options;
    const previous = this.#current;
    const wasBad = this.#problems.length > 0;
    this.#problems = [];
    if (isDeepStrictEqual(next, previous)) {
      if (wasBad) logger.info({ version: previous.version }, `${file} is as it was before; nothing changed`);
      return;
    }
    this.#current = next;
    this.#loadedAt = clock.now();
    const changes = diffConfig(previous, next);
    logger.info({ version: next.version, changes }, `${file} reloaded: ${changes.join('; ') || 'no rule changed'}`);
    for (const warning of next.warnings) logger.warn({}, `warning: ${formatProblem(file, warning)}`);
    for (const listener of [...this.#listeners]) {
      try {
        listener(next, previous);
      } catch (error) {
        logger.error({ err: error }, 'a part of the gateway failed to take over the new configuration');
      }
    }
  }

  #refuse(problems: ConfigProblem[]): void {
    const { file, logger } = this.#options;
    if (isDeepStrictEqual(problems, this.#problems)) return;
    this.#problems = problems;
    logger.error(
      { version: this.#current.version, problems: problems.map((problem) => formatProblem(file, problem)) },
      `${file} has mistakes; version ${this.#current.version} stays in force`,
    );
  }
}
