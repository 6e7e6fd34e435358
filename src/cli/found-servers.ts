import type { UpstreamKind } from '../contract/vocabulary.ts';
import { type ListedModel, probeServer } from './probe-server.ts';

export type FoundServer = { kind: UpstreamKind; url: string; models: string[] };

/** Where local servers listen unless told otherwise, and what is there when the answer does not say. */
const PLACES: readonly { port: number; kind: UpstreamKind }[] = [
  { port: 11434, kind: 'ollama' },
  { port: 1234, kind: 'lm-studio' },
  { port: 8080, kind: 'llama-server' },
  { port: 8000, kind: 'vllm' },
  { port: 8081, kind: 'mlx' },
];

/** As servers call themselves in their lists of models. */
const OWNERS: Readonly<Record<string, UpstreamKind>> = {
  llamacpp: 'llama-server',
  vllm: 'vllm',
  library: 'ollama',
  organization_owner: 'lm-studio',
};

/** The local servers that answer now, each within `limitMs`. @param host for tests. */
export const findServers = async (limitMs: number, places = PLACES, host = '127.0.0.1'): Promise<FoundServer[]> => {
  const found = await Promise.all(
    places.map(async ({ port, kind }): Promise<FoundServer[]> => {
      const url = `http://${host}:${port}/v1`;
      const probe = await probeServer(url, {}, limitMs);
      if (probe.kind !== 'models') return [];
      // A gateway of ours is no upstream.
      if (probe.models.some(({ ownedBy }) => ownedBy === 'rightsize')) return [];
      const models = probe.models.map(({ id }) => id).filter((id) => !/embed|rerank|whisper|tts/i.test(id));
      return [{ kind: kindOf(probe.models, port, kind), url, models }];
    }),
  );
  return found.flat();
};

/** MLX's server names no owner and shares its port with llama-server, which does. */
const kindOf = (models: readonly ListedModel[], port: number, usual: UpstreamKind): UpstreamKind => {
  const owner = models.map(({ ownedBy }) => OWNERS[ownedBy ?? '']).find((kind) => kind !== undefined);
  if (owner !== undefined) return owner;
  return port === 8080 && models.some(({ ownedBy }) => ownedBy === null) ? 'mlx' : usual;
};
