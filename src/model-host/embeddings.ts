import type { LlamaEmbeddingContext, Token } from 'node-llama-cpp';
import { z } from 'zod';
import { GatewayError } from '../contract/errors.ts';
import type { Loaded } from './loaded-model.ts';
import { parseBody } from './request-body.ts';
import { Turns } from './turns.ts';

const MAX_INPUTS = 2048;
const MAX_REQUESTS = 64;

const text = z.string().min(1, 'The input must not be empty.');
const EmbeddingsRequestSchema = z.looseObject({
  model: z.string(),
  input: z.union([text, z.array(z.unknown()).min(1, 'The input must not be empty.').max(MAX_INPUTS)]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
});

export type EmbeddingsRequest = {
  model: string;
  input: string[];
  encodingFormat: 'float' | 'base64';
  dimensions: number | null;
};

/**
 * OpenAI's request (https://platform.openai.com/docs/api-reference/embeddings/create), except for token ids: those are
 * of OpenAI's tokenizers and mean something else, or nothing, to a local model.
 * @throws GatewayError that names the field.
 */
export const parseEmbeddingsRequest = (body: string): EmbeddingsRequest => {
  const { model, input, encoding_format, dimensions } = parseBody(EmbeddingsRequestSchema, body);
  const inputs = Array.isArray(input) ? input : [input];
  for (const [index, item] of inputs.entries()) {
    const param = Array.isArray(input) ? `input[${index}]` : 'input';
    if (typeof item === 'number' || Array.isArray(item)) {
      throw new GatewayError('invalid_value', 'Token ids are not supported by a local model: send text.', {
        param: 'input',
      });
    }
    if (typeof item !== 'string') throw new GatewayError('invalid_value', `${param} must be a string.`, { param });
    if (item === '') throw new GatewayError('invalid_value', `${param} must not be empty.`, { param });
  }
  return {
    model,
    input: inputs as string[],
    encodingFormat: encoding_format ?? 'float',
    dimensions: dimensions ?? null,
  };
};

/** Makes vectors of texts; its context is made at the first request, since chat models rarely need one. */
export class Embedder {
  readonly #loaded: Loaded;
  readonly #turns = new Turns(MAX_REQUESTS);
  #context: Promise<LlamaEmbeddingContext> | undefined;

  constructor(loaded: Loaded) {
    this.#loaded = loaded;
  }

  /**
   * @returns OpenAI's answer, its vectors of length 1.
   * @throws GatewayError `context_length_exceeded` for a text that is too long, `invalid_value` for more `dimensions`
   * than the model has, `no_upstream_available` when too many ask; the signal's reason.
   */
  async embed(name: string, request: EmbeddingsRequest, signal: AbortSignal): Promise<object> {
    const size = this.#loaded.model.embeddingVectorSize;
    if (request.dimensions !== null && request.dimensions > size) {
      throw new GatewayError('invalid_value', `This model has ${size} dimensions.`, { param: 'dimensions' });
    }
    const context = await this.#ready();
    const inputs = request.input.map((input) => this.#tokens(context, input));
    const vectors = await this.#turns.each(inputs, signal, ({ tokens }) =>
      this.#alone(() => context.getEmbeddingFor(tokens)),
    );
    const promptTokens = inputs.reduce((sum, { length }) => sum + length, 0);
    return {
      object: 'list',
      data: vectors.map(({ vector }, index) => ({
        object: 'embedding',
        index,
        embedding: encode(normalise(vector.slice(0, request.dimensions ?? size)), request.encodingFormat),
      })),
      model: name,
      usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
    };
  }

  /** Vulkan crashes where two contexts compute at once; the engine keeps its own apart, and does not know of our steps. */
  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const { chat, facts } = this.#loaded;
    return chat && facts.gpu === 'vulkan' ? chat.batches.between(work) : work();
  }

  #ready(): Promise<LlamaEmbeddingContext> {
    const { contextTokens, task } = this.#loaded.facts;
    // A model that reads both ways must see the whole text in one batch.
    const batch = task === 'chat' ? {} : { batchSize: contextTokens };
    this.#context ??= this.#loaded.model
      .createEmbeddingContext({ contextSize: contextTokens, ...batch })
      .catch((error: unknown) => {
        this.#context = undefined;
        throw error;
      });
    return this.#context;
  }

  /** `length` counts the marks that the engine puts around a text, too. */
  #tokens(context: LlamaEmbeddingContext, input: string): { tokens: Token[]; length: number } {
    const tokens = this.#loaded.model.tokenize(input);
    const length = context.calculateInputLength(tokens);
    const { contextTokens } = this.#loaded.facts;
    if (length < contextTokens) return { tokens, length };
    throw new GatewayError(
      'context_length_exceeded',
      `This model's maximum context length is ${contextTokens} tokens, however you requested ${length} tokens. Please reduce the length of the input.`,
      { param: 'input' },
    );
  }
}

const normalise = (vector: readonly number[]): number[] => {
  const length = Math.hypot(...vector);
  return length > 0 ? vector.map((value) => value / length) : [...vector];
};

/** base64 is of little-endian 32-bit floats, as OpenAI sends them. */
const encode = (vector: number[], format: 'float' | 'base64'): number[] | string => {
  if (format === 'float') return vector;
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
};
