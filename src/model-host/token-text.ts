import type { LlamaModel, Token } from 'node-llama-cpp';

/** Tokens of context that the tokenizer may need to decide about a space before the next one. */
const TAIL_TOKENS = 8;
/** A character takes at most four bytes, a token at least one: what is still broken after this many never becomes whole. */
const MAX_PENDING_TOKENS = 8;

/** Turns tokens into text as they come, holding back a character whose bytes are spread over several tokens. */
export class TokenText {
  readonly #model: Pick<LlamaModel, 'detokenize' | 'tokenize'>;
  /** Control tokens that show all the same. */
  readonly #shown: Map<Token, string>;
  #tail: Token[] = [];
  #pending: Token[] = [];
  #last: Token[] = [];

  /** @param marked texts that, where they are control tokens of the model, are text all the same. */
  constructor(model: Pick<LlamaModel, 'detokenize' | 'tokenize'>, marked: string[] = []) {
    this.#model = model;
    const tokens = marked.map((text) => [text, model.tokenize(text, true)] as const);
    this.#shown = new Map(tokens.flatMap(([text, [token, ...more]]) => (more.length === 0 ? [[token!, text]] : [])));
  }

  /** The text that this token completes; empty while a character is not whole. */
  push(token: Token): string {
    this.#last = [token];
    const marked = this.#shown.get(token);
    if (marked !== undefined) return this.flush() + marked;
    this.#pending.push(token);
    const text = this.#model.detokenize(this.#pending, false, this.#tail);
    return text.endsWith('\uFFFD') && this.#pending.length < MAX_PENDING_TOKENS ? '' : this.#settle(text);
  }

  /** What is left at the end, broken or not. */
  flush(): string {
    return this.#pending.length === 0 ? '' : this.#settle(this.#model.detokenize(this.#pending, false, this.#tail));
  }

  /** The token that came last. */
  lastTokens(): Token[] {
    return this.#last;
  }

  #settle(text: string): string {
    this.#tail = [...this.#tail, ...this.#pending].slice(-TAIL_TOKENS);
    this.#pending = [];
    return text;
  }
}
