import type { LlamaGrammar, LlamaModel } from 'node-llama-cpp';
import { GatewayError } from '../contract/errors.ts';

const MAX_GRAMMARS = 32;

/** Grammars by their text, the latest used ones kept. One per model. */
export class GrammarCache {
  readonly #model: LlamaModel;
  readonly #grammars = new Map<string, Promise<LlamaGrammar>>();

  constructor(model: LlamaModel) {
    this.#model = model;
  }

  /** @throws GatewayError `invalid_value` when the engine refuses it: a schema that refers to itself and nothing else. */
  async get(text: string, param: string): Promise<LlamaGrammar> {
    const grammar = this.#grammars.get(text) ?? this.#model.llama.createGrammar({ grammar: text });
    this.#grammars.delete(text);
    this.#grammars.set(text, grammar);
    if (this.#grammars.size > MAX_GRAMMARS) this.#grammars.delete(this.#grammars.keys().next().value!);
    try {
      return await grammar;
    } catch (cause) {
      this.#grammars.delete(text);
      throw new GatewayError('invalid_value', `Invalid schema for '${param}': no finite value fits it.`, {
        param,
        cause,
      });
    }
  }
}
