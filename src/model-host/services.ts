import type { Serving } from './answer-chat.ts';
import type { Embedder } from './embeddings.ts';
import type { ModelFacts } from './loaded-model.ts';
import type { Ranker } from './rerank.ts';

/** What a loaded model answers; null for what it is not made for. */
export type Services = {
  facts: ModelFacts;
  chat: Serving | null;
  embedder: Embedder | null;
  ranker: Ranker | null;
};
