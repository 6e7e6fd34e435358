import { createRequire } from 'node:module';
import type { Tiktoken } from 'tiktoken/lite';
import { GatewayError } from '../contract/errors.ts';

/** Ids of cl100k_base, its special tokens included, are below this. */
const VOCABULARY = 100_277;

let decoder: Tiktoken | undefined;

/** Loaded on demand, some 200 ms and 60 MB once for the process: few clients send ids. */
const loadDecoder = (): Tiktoken => {
  if (decoder) return decoder;
  const require = createRequire(import.meta.url);
  const lite: typeof import('tiktoken/lite') = require('tiktoken/lite');
  const ranks = require('tiktoken/encoders/cl100k_base.json');
  decoder = new lite.Tiktoken(ranks.bpe_ranks, ranks.special_tokens, ranks.pat_str);
  return decoder;
};

/**
 * The text that token ids stand for, by OpenAI's cl100k_base: its embedding models use it, and clients such as LangChain for
 * Python send such ids whatever the model. To another tokenizer they would mean something else, or nothing.
 * @throws GatewayError `invalid_value` for an id that is none.
 */
export const textOfTokenIds = (ids: readonly number[], param: string): string => {
  const wrong = ids.find((id) => id >= VOCABULARY);
  if (wrong !== undefined) {
    throw new GatewayError('invalid_value', `${param}: ${wrong} is no token id of cl100k_base.`, { param });
  }
  return new TextDecoder().decode(loadDecoder().decode(Uint32Array.from(ids)));
};
