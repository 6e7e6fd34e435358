import type { LlamaRankingContext } from 'node-llama-cpp';
import { z } from 'zod';
import { GatewayError } from '../contract/errors.ts';
import type { Loaded } from './loaded-model.ts';
import { parseBody } from './request-body.ts';
import { Turns } from './turns.ts';

const MAX_DOCUMENTS = 2048;
const MAX_REQUESTS = 64;

const RerankRequestSchema = z.looseObject({
  model: z.string(),
  query: z.string().min(1, 'The query must not be empty.'),
  documents: z
    .array(z.union([z.string(), z.looseObject({ text: z.string() }).transform(({ text }) => text)]))
    .min(1)
    .max(MAX_DOCUMENTS),
  top_n: z.int().min(1).nullish(),
  return_documents: z.boolean().nullish(),
});

export type RerankRequest = z.infer<typeof RerankRequestSchema>;

/**
 * The request of Cohere's rerank API, which Jina, vLLM and llama.cpp's server speak too
 * (https://docs.cohere.com/reference/rerank).
 * @throws GatewayError that names the field.
 */
export const parseRerankRequest = (body: string): RerankRequest => parseBody(RerankRequestSchema, body);

/** Scores documents by how well they answer a query; its context is made at the first request. */
export class Ranker {
  readonly #loaded: Loaded;
  readonly #turns = new Turns(MAX_REQUESTS);
  #context: Promise<LlamaRankingContext> | undefined;

  constructor(loaded: Loaded) {
    this.#loaded = loaded;
  }

  /**
   * @returns the best `top_n` documents, best first, with scores from 0 to 1.
   * @throws GatewayError `context_length_exceeded` for a document that is too long with its query,
   * `no_upstream_available` when too many ask; the signal's reason.
   */
  async rank(name: string, request: RerankRequest, signal: AbortSignal): Promise<object> {
    const context = await this.#ready();
    const { query, documents } = request;
    const lengths = documents.map((document, index) => this.#checkedLength(context, query, document, index));
    const scores = await this.#turns.each(documents, signal, (document) => context.rank(query, document));
    const totalTokens = lengths.reduce((sum, length) => sum + length, 0);
    return {
      object: 'list',
      model: name,
      results: scores
        .map((score, index) => ({
          index,
          relevance_score: score,
          ...(request.return_documents && { document: { text: documents[index] } }),
        }))
        .sort((a, b) => b.relevance_score - a.relevance_score || a.index - b.index)
        .slice(0, request.top_n ?? documents.length),
      usage: { prompt_tokens: totalTokens, total_tokens: totalTokens },
    };
  }

  #ready(): Promise<LlamaRankingContext> {
    const { contextTokens } = this.#loaded.facts;
    this.#context ??= this.#loaded.model
      .createRankingContext({ contextSize: contextTokens, batchSize: contextTokens })
      .catch((error: unknown) => {
        this.#context = undefined;
        throw error;
      });
    return this.#context;
  }

  #checkedLength(context: LlamaRankingContext, query: string, document: string, index: number): number {
    const length = context.calculateInputLength(query, document);
    const { contextTokens } = this.#loaded.facts;
    if (length < contextTokens) return length;
    throw new GatewayError(
      'context_length_exceeded',
      `This model's maximum context length is ${contextTokens} tokens, however you requested ${length} tokens, of which the query is a part. Please reduce the length of the document.`,
      { param: `documents[${index}]` },
    );
  }
}
