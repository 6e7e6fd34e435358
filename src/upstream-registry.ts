import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { LoadedConfig } from './config/loaded-config.ts';
import type { HttpUpstreamConfig, LlamaUpstreamConfig, UpstreamConfig } from './config/schema.ts';
import { UPSTREAM_DEFAULTS } from './config/upstream-defaults.ts';
import { GatewayError } from './contract/errors.ts';
import type { Clock } from './lib/clock.ts';
import type { Logger } from './lib/logger.ts';
import { type ModelHost, superviseModelHost } from './model-host/supervisor.ts';
import { localModelName } from './routing/routing-table.ts';
import { HttpUpstream } from './upstreams/http-upstream.ts';
import type { Upstream, UpstreamState } from './upstreams/upstream.ts';

export type RegistryOptions = { clock: Clock; logger: Logger; dataDir: string; engineDir: string };

type Registered = { definition: string; upstream: Upstream; close(): Promise<void> };

/**
 * The upstreams in force. A reload keeps those whose definition did not change, with their connections and model
 * hosts, and lets the calls that run on the others end before they are closed.
 */
export class UpstreamRegistry {
  readonly #options: RegistryOptions;
  #registered = new Map<string, Registered>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Brings the upstreams of a configuration into force and returns them by name. */
  apply(config: LoadedConfig): ReadonlyMap<string, Upstream> {
    const missing = new Map(config.missingKeys.map(({ upstream, variable }) => [upstream, variable]));
    const next = new Map<string, Registered>();
    for (const [name, upstream] of Object.entries(config.routes.upstreams)) {
      const definition = JSON.stringify([upstream, missing.get(name), config.file]);
      const kept = this.#registered.get(name);
      next.set(
        name,
        kept?.definition === definition ? kept : this.#create(name, upstream, definition, missing, config),
      );
    }
    for (const [name, old] of this.#registered) if (next.get(name) !== old) this.#retire(old);
    this.#registered = next;
    return new Map([...next].map(([name, { upstream }]) => [name, upstream]));
  }

  /** Resolves when all upstreams and model hosts, replaced ones included, are closed. */
  async close(): Promise<void> {
    for (const registered of this.#registered.values()) this.#retire(registered);
    this.#registered.clear();
    await Promise.all(this.#closing);
  }

  #create(
    name: string,
    config: UpstreamConfig,
    definition: string,
    missing: ReadonlyMap<string, string>,
    { file }: LoadedConfig,
  ): Registered {
    if (config.kind === 'llama') return { definition, ...this.#createLocal(name, config, dirname(file)) };
    const upstream = this.#createHttp(name, config, missing.get(name));
    return { definition, upstream, close: () => upstream.close() };
  }

  #createHttp(name: string, config: HttpUpstreamConfig, missingKey: string | undefined): Upstream {
    const { url, kind, apiKey, headers, connections, timeouts } = config;
    const defaultUrl = UPSTREAM_DEFAULTS[kind].url;
    return new HttpUpstream({
      name,
      kind,
      // A file without the URL that its kind needs does not load.
      url: url ?? (defaultUrl as string),
      connections,
      timeouts,
      clock: this.#options.clock,
      ...(apiKey && { apiKey }),
      ...(headers && { headers }),
      ...(missingKey && {
        state: (): UpstreamState => ({ state: 'disabled', detail: `no key, ${missingKey} is not set` }),
      }),
    });
  }

  #createLocal(name: string, config: LlamaUpstreamConfig, baseDir: string): Omit<Registered, 'definition'> {
    const { clock, logger, dataDir, engineDir } = this.#options;
    const host = superviseModelHost({
      name: localModelName(config, name),
      model: isRemoteSpec(config.model) || isAbsolute(config.model) ? config.model : resolve(baseDir, config.model),
      contextTokens: config.contextTokens,
      parallel: config.parallel,
      gpu: config.gpu,
      ...(config.threads !== undefined && { threads: config.threads }),
      modelsDir: join(dataDir, 'models'),
      engineDir,
      socketDir: join(dataDir, 'run'),
      clock,
      logger,
    });
    const upstream = new HttpUpstream({
      name,
      kind: 'llama',
      url: 'http://model-host/v1',
      socketPath: host.socketPath,
      connections: 256,
      timeouts: config.timeouts,
      clock,
      state: () => stateOf(host),
      untilReady: (signal) => untilReady(name, host, signal),
    });
    return {
      upstream,
      close: async () => {
        await upstream.close();
        await host.close();
      },
    };
  }

  #retire({ close }: Registered): void {
    const closing = close()
      .catch((error: unknown) => this.#options.logger.warn({ err: error }, 'an upstream did not close cleanly'))
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

const isRemoteSpec = (model: string): boolean => /^(builtin|hf):/.test(model);

const stateOf = (host: ModelHost): UpstreamState => {
  const { state, detail } = host.status();
  if (state === 'ready') return { state, detail };
  return { state: state === 'failed' || state === 'stopped' ? 'down' : 'starting', detail };
};

/**
 * Waits for a host that is about to be ready, within the caller's limits. A download takes longer than any request.
 * @throws GatewayError `no_upstream_available` when there is nothing to wait for, or the signal's reason.
 */
const untilReady = (name: string, host: ModelHost, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      stopListening();
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    const onAbort = () => settle(() => reject(signal.reason));
    const look = () => {
      const { state, detail } = host.status();
      if (state === 'ready') settle(resolve);
      else if (state === 'failed' || state === 'stopped' || state === 'downloading') {
        const options = { isRetryable: true, retryAfterSeconds: 5 };
        settle(() => reject(new GatewayError('no_upstream_available', `Upstream "${name}": ${detail}.`, options)));
      }
    };
    const stopListening = host.onStatus(look);
    signal.addEventListener('abort', onAbort, { once: true });
    look();
  });
