import { createHash } from 'node:crypto';
import type { EmbeddingInput } from '../contract/embeddings.ts';

/** One vector as little-endian 32-bit floats, and the input tokens it cost. */
export type CachedVector = { bytes: Buffer; tokens: number };

/**
 * Port: vectors by key. Bounded; may forget at any time. Keys hold the tenant and the model, so a store never mixes two.
 * Both take all inputs of a request at once, so that a remote store is asked once.
 */
export interface EmbeddingCache {
  /** In the order of the keys; null for what is not there. */
  get(keys: string[]): Promise<(CachedVector | null)[]>;
  set(entries: { key: string; vector: CachedVector }[], ttlMs: number): Promise<void>;
}

export type EmbeddingScope = {
  team: string;
  /** `upstream/model` of every deployment that may answer: a change of the set never serves old vectors. */
  deployments: string[];
  dimensions: number | null;
};

/** SHA-256 in hex over the scope and one input. */
export const embeddingKeyIn = (scope: EmbeddingScope): ((input: EmbeddingInput) => string) => {
  const prefix = createHash('sha256').update(JSON.stringify([scope.team, scope.deployments, scope.dimensions]));
  return (input) =>
    prefix
      .copy()
      .update(typeof input === 'string' ? `\0text\0${input}` : `\0ids\0${input.join(',')}`)
      .digest('hex');
};
