import type { LlamaModel } from 'node-llama-cpp';
import type { RankedToken, TokenScore } from './token-score.ts';

/** Log-probabilities as text completion has them: columns, with the place of each token in the text. */
export type TextLogprobs = {
  tokens: string[];
  token_logprobs: number[];
  top_logprobs: Record<string, number>[];
  text_offset: number[];
};

/** The log-probabilities of one answer, piece by piece. */
export class TextScores {
  readonly #model: LlamaModel;
  readonly #alternatives: number;
  #offset: number;

  /** @param offset where the answer begins: after the prompt, where that is repeated. */
  constructor(model: LlamaModel, alternatives: number, offset: number) {
    this.#model = model;
    this.#alternatives = alternatives;
    this.#offset = offset;
  }

  /** The columns of the next tokens; null for none. */
  take(scores: TokenScore[]): TextLogprobs | null {
    if (scores.length === 0) return null;
    const columns: TextLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
    for (const score of scores) {
      const text = this.#textOf(score);
      columns.tokens.push(text);
      columns.token_logprobs.push(score.logprob);
      const ranked = score.ranked.slice(0, this.#alternatives);
      columns.top_logprobs.push(Object.fromEntries(ranked.map((each) => [this.#textOf(each), each.logprob])));
      columns.text_offset.push(this.#offset);
      this.#offset += text.length;
    }
    return columns;
  }

  static join(first: TextLogprobs | null, next: TextLogprobs | null): TextLogprobs | null {
    if (first === null || next === null) return first ?? next;
    return {
      tokens: [...first.tokens, ...next.tokens],
      token_logprobs: [...first.token_logprobs, ...next.token_logprobs],
      top_logprobs: [...first.top_logprobs, ...next.top_logprobs],
      text_offset: [...first.text_offset, ...next.text_offset],
    };
  }

  #textOf({ token }: RankedToken): string {
    return this.#model.detokenize([token], true);
  }
}
