import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Script } from '../scripted-upstream.ts';
import { type RunningServer, startServer } from './processes.ts';

const LOADTEST = join(import.meta.dirname, '..');
const GATEWAY = join(LOADTEST, '../bin/rightsize.js');

/** The key that the gateway under test requires. */
export const API_KEY = 'sk-loadtest';

/** A new directory under the system's temporary one, removed when it is disposed of. */
export const temporaryDirectory = (): Disposable & { path: string } => {
  const path = mkdtempSync(join(tmpdir(), 'rightsize-loadtest-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};

export const startUpstream = ({ chunks, firstDelayMs, chunkDelayMs }: Script): Promise<RunningServer> =>
  startServer({
    name: 'The scripted upstream',
    args: [
      join(LOADTEST, 'scripted-upstream.ts'),
      ...['--chunks', `${chunks}`, '--first-delay', `${firstDelayMs}`, '--chunk-delay', `${chunkDelayMs}`],
    ],
    announcement: /(http:\S+)\n/,
  });

export const startBareProxy = (upstreamUrl: string): Promise<RunningServer> =>
  startServer({
    name: 'The bare proxy',
    args: [join(LOADTEST, 'bare-proxy.ts'), upstreamUrl],
    announcement: /(http:\S+)\n/,
  });

export type GatewayOptions = {
  upstreamUrl: string;
  /** Where its routes.yaml and its data go. */
  directory: string;
  /** 0 lets the system choose. */
  port?: number;
  /** Flags of Node itself, for a profile. */
  nodeArgs?: string[];
  /** More of its environment, such as `REDIS_URL`. */
  env?: Record<string, string>;
};

/** A gateway with everything on, whose two tiers are both the scripted upstream. */
export const startGateway = ({ upstreamUrl, directory, port = 0, nodeArgs = [], env = {} }: GatewayOptions) => {
  const config = join(directory, 'routes.yaml');
  writeFileSync(config, routesYaml(upstreamUrl));
  return startServer({
    name: 'The gateway',
    args: [
      ...nodeArgs,
      ...[GATEWAY, 'serve', '--config', config, '--data-dir', join(directory, 'data'), '--port', `${port}`],
    ],
    env: { RIGHTSIZE_API_KEY: API_KEY, ...env },
    announcement: /listens on (http:\S+)\/v1/,
  });
};

/** Limits beyond reach, so that counting is measured and nothing is refused. */
const routesYaml = (upstreamUrl: string): string => `version: 1
upstreams:
  scripted: { kind: openai-compatible, url: "${upstreamUrl}", connections: 4096 }
tiers:
  - { name: small, models: [{ upstream: scripted, model: scripted-small, price: { input: 0.1, output: 0.4 } }] }
  - { name: large, models: [{ upstream: scripted, model: scripted-large, price: { input: 1.25, output: 10 } }] }
routes:
  - { name: default, match: { model: auto }, difficulty: { threshold: 0.55 }, cache: { ttl: 1h } }
teams:
  default: { limits: { requestsPerMinute: 100000000, tokensPerMinute: 100000000000 } }
`;
