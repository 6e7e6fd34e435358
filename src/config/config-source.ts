import type { ConfigProblem, LoadedConfig } from './loaded-config.ts';

/** What `/readyz` says of the configuration: the version in force, and why the file on disk is not it. */
export type ConfigStatus = { version: string; loadedAt: number; problems: ConfigProblem[] };

/**
 * The configuration in force. A reload validates the whole file first; a bad file leaves `current` as it was
 * and shows in `status().problems`.
 */
export interface ConfigSource {
  current(): LoadedConfig;
  status(): ConfigStatus;
  /** Calls the listener after each swap; the returned function ends that. */
  onChange(listener: (next: LoadedConfig, previous: LoadedConfig) => void): () => void;
  /** Reads the file again now (SIGHUP). Never throws. */
  reload(): Promise<void>;
  close(): void;
}
