import { z } from 'zod';
import { checked, parseBody } from './chat-request.ts';
import { GatewayError } from './errors.ts';

/** One input: a text, or the ids of OpenAI's tokens. */
export type EmbeddingInput = string | number[];

/** A checked request for embeddings. `text` is what the client sent, byte for byte. */
export type EmbeddingsRequest = {
  model: string;
  inputs: EmbeddingInput[];
  format: 'float' | 'base64';
  dimensions: number | null;
  text: string;
};

const MAX_INPUTS = 2048;

const BodySchema = z.looseObject({
  model: z.string().min(1),
  input: z.unknown(),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
});

/**
 * OpenAI's request (https://platform.openai.com/docs/api-reference/embeddings/create): a text, a list of texts, a list
 * of token ids, or a list of such lists; 1 to 2048 inputs, none of them empty.
 * @throws GatewayError `invalid_json`, or `invalid_value` with the field in `param`.
 */
export const parseEmbeddingsRequest = (bytes: Buffer): EmbeddingsRequest => {
  const { text, body } = parseBody(bytes);
  const { model, encoding_format, dimensions } = checked(BodySchema, body);
  return {
    model,
    inputs: readInputs(body['input'], 'input', MAX_INPUTS),
    format: encoding_format ?? 'float',
    dimensions: dimensions ?? null,
    text,
  };
};

/**
 * Texts or token ids in any of the four forms. A loop and no schema: a list may hold millions of ids.
 * @throws GatewayError `invalid_value`.
 */
export const readInputs = (value: unknown, param: string, max: number): EmbeddingInput[] => {
  const refuse = (why: string, at = param) => new GatewayError('invalid_value', `${at} ${why}`, { param: at });
  if (value === undefined || value === null) throw refuse('is missing.');
  if (typeof value === 'string') return [nonEmpty(value, () => refuse('must not be empty.'))];
  if (!Array.isArray(value)) throw refuse('must be a string or a list.');
  if (value.length === 0) throw refuse('must not be empty.');
  if (isTokenIds(value)) return [value];
  if (value.length > max) throw refuse(`may hold ${max} elements, not ${value.length}.`);
  const isText = typeof value[0] === 'string';
  for (const [index, item] of value.entries()) {
    const at = `${param}[${index}]`;
    if (isText ? typeof item !== 'string' : !isTokenIds(item)) {
      throw refuse('must be a string, or a list of token ids, like the others.', at);
    }
    nonEmpty(item as EmbeddingInput, () => refuse('must not be empty.', at));
  }
  return value as EmbeddingInput[];
};

const nonEmpty = (item: EmbeddingInput, refuse: () => GatewayError): EmbeddingInput => {
  if (item.length === 0) throw refuse();
  return item;
};

const isTokenIds = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((id) => typeof id === 'number' && Number.isSafeInteger(id) && id >= 0);

/** An answer as upstreams send it; vectors are checked where they are read. */
export const EmbeddingsAnswerSchema = z.looseObject({
  data: z.array(z.looseObject({ index: z.int().min(0), embedding: z.union([z.string(), z.array(z.number())]) })),
  usage: z.looseObject({ prompt_tokens: z.number().nullish(), total_tokens: z.number().nullish() }).nullish(),
});
