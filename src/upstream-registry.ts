import { createHash } from 'node:crypto';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { ModelFollower } from './cluster/model-follower.ts';
import type { LocalModel } from './cluster/model-messages.ts';
import { ModelOwner } from './cluster/model-owner.ts';
import type { WorkerLink } from './cluster/worker-link.ts';
import type { LoadedConfig } from './config/loaded-config.ts';
import { apisOf, UPSTREAM_DEFAULTS } from './config/upstream-defaults.ts';
import type { HttpUpstreamConfig, LlamaUpstreamConfig, UpstreamConfig } from './config/upstream-schema.ts';
import type { Clock } from './lib/clock.ts';
import type { Logger } from './lib/logger.ts';
import { hasGpuBinaries } from './model-host/engine.ts';
import { ModelFleet } from './model-host/fleet.ts';
import { modelMemoryBudget } from './model-host/memory-budget.ts';
import { localModelName } from './routing/routing-table.ts';
import { HttpUpstream } from './upstreams/http-upstream.ts';
import { TrackedUpstream } from './upstreams/tracked-upstream.ts';
import type { Upstream, UpstreamState } from './upstreams/upstream.ts';

export type RegistryOptions = {
  clock: Clock;
  logger: Logger;
  dataDir: string;
  engineDir: string;
  environment: NodeJS.ProcessEnv;
  /** One of several workers: the first of them supervises the local models of all. */
  worker?: WorkerLink | undefined;
};

/** Without a request for so long, a model that is loaded on demand is unloaded. */
const ON_DEMAND_KEEP_ALIVE_MS = 10 * 60_000;

type Registered = { definition: string; upstream: Upstream; close(): Promise<void> };

/**
 * The upstreams in force. A reload keeps those whose definition did not change, with their connections and model
 * hosts, and lets the calls that run on the others end before they are closed.
 */
export class UpstreamRegistry {
  readonly #options: RegistryOptions;
  #registered = new Map<string, Registered>();
  readonly #closing = new Set<Promise<void>>();
  #fleet: ModelFleet | undefined;
  /** Of the local upstreams ever made: no two share a socket, also while an old one drains. */
  #localCount = 0;
  readonly #owner: ModelOwner | null;
  readonly #follower: ModelFollower | null;

  constructor(options: RegistryOptions) {
    const { worker, clock } = options;
    this.#options = options;
    this.#owner = worker?.isFirst ? new ModelOwner(worker, clock) : null;
    this.#follower = worker === undefined || worker.isFirst ? null : new ModelFollower(worker);
  }

  /** Brings the upstreams of a configuration into force and returns them by name. */
  apply(config: LoadedConfig): ReadonlyMap<string, Upstream> {
    const missing = new Map(config.missingKeys.map(({ upstream, variable }) => [upstream, variable]));
    const next = new Map<string, Registered>();
    for (const [name, upstream] of Object.entries(config.routes.upstreams)) {
      // Limits are kept elsewhere: a change of them is no reason to load a model again.
      const definition = JSON.stringify([{ ...upstream, limits: undefined }, missing.get(name), config.file]);
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
    this.#owner?.close();
  }

  #create(
    name: string,
    config: UpstreamConfig,
    definition: string,
    missing: ReadonlyMap<string, string>,
    { file }: LoadedConfig,
  ): Registered {
    if (config.kind === 'llama') {
      const key = modelKey(name, definition);
      const local = this.#follower?.follow(key) ?? null;
      if (local === null) return { definition, ...this.#createLocal(name, key, config, dirname(file)) };
      const upstream = this.#createOver(local, name, config);
      return { definition, upstream, close: () => upstream.close().finally(() => local.leave()) };
    }
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
      apis: apisOf(config),
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

  #createLocal(
    name: string,
    key: string,
    config: LlamaUpstreamConfig,
    baseDir: string,
  ): Omit<Registered, 'definition'> {
    const { clock, logger, dataDir, engineDir, environment, worker } = this.#options;
    const fleet = this.#startFleet(config);
    const defaultKeepAliveMs = config.load === 'eager' ? null : ON_DEMAND_KEEP_ALIVE_MS;
    const member = fleet.join({
      name: localModelName(config, name),
      model: isRemoteSpec(config.model) || isAbsolute(config.model) ? config.model : resolve(baseDir, config.model),
      contextTokens: config.contextTokens,
      parallel: config.parallel,
      gpu: config.gpu,
      ...(config.threads !== undefined && { threads: config.threads }),
      load: config.load,
      keepAliveMs: config.keepAlive === 'always' ? null : (config.keepAlive ?? defaultKeepAliveMs),
      modelsDir: join(dataDir, 'models'),
      engineDir,
      environment,
      socketDir: join(dataDir, 'run'),
      // The host of a worker that was killed may still be about to remove its socket.
      socketName: `${name} ${++this.#localCount}${worker === undefined ? '' : ` ${worker.name.start}`}`,
      clock,
      logger,
    });
    const takeBack = this.#owner?.publish(key, member);
    const upstream = this.#createOver(member, name, config);
    return {
      upstream,
      close: async () => {
        await upstream.close();
        await takeBack?.();
        await fleet.leave(member);
      },
    };
  }

  #createOver(local: LocalModel, name: string, { timeouts }: LlamaUpstreamConfig): Upstream {
    const upstream = new HttpUpstream({
      name,
      kind: 'llama',
      url: 'http://model-host/v1',
      socketPath: () => local.socketPath,
      connections: 256,
      timeouts,
      clock: this.#options.clock,
      state: () => local.state(),
      untilReady: (signal) => local.untilReady(signal),
    });
    return new TrackedUpstream(upstream, () => local.begin());
  }

  /** What memory there is, is found out when the first local model is: a gateway without one asks nothing. */
  #startFleet({ gpu }: LlamaUpstreamConfig): ModelFleet {
    const { clock, logger, engineDir, environment } = this.#options;
    this.#fleet ??= new ModelFleet({
      budgetBytes: modelMemoryBudget(gpu !== 'off' && hasGpuBinaries(engineDir), environment),
      clock,
      logger,
    });
    return this.#fleet;
  }

  #retire({ close }: Registered): void {
    const closing = close()
      .catch((error: unknown) => this.#options.logger.warn({ err: error }, 'an upstream did not close cleanly'))
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

/** The same in all workers, and another one with each change of the definition. */
const modelKey = (name: string, definition: string): string =>
  createHash('sha256').update(`${name}\0${definition}`).digest('hex').slice(0, 24);

const isRemoteSpec = (model: string): boolean => /^(builtin|hf):/.test(model);
