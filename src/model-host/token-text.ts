import type { LlamaModel, Token } from 'node-llama-cpp';

/** Tokens of context that the tokenizer may need to decide about a space before the next one. */
const TAIL_TOKENS = 8;
/** A character takes at most four bytes, a token at least one: what is still broken after this many never becomes whole. */
const MAX_PENDING_TOKENS = 8;

/** Turns tokens into text as they come, holding back a character whose bytes are spread over several tokens. */
export class TokenText {
  readonly #model: Pick<LlamaModel, 'detokenize'>;
  #tail: Token[] = [];
  #pending: Token[] = [];

  constructor(model: Pick<LlamaModel, 'detokenize'>) {
    this.#model = model;
  }

  /** The text that this token completes; empty while a character is not whole. */
  push(token: Token): string {
    this.#pending.push(token);
    const text = this.#model.detokenize(this.#pending, false, this.#tail);
    return text.endsWith('\uFFFD') && this.#pending.length < MAX_PENDING_TOKENS ? '' : this.#settle(text);
  }

  /** What is left at the end, broken or not. */
  flush(): string {
    return this.#pending.length === 0 ? '' : this.#settle(this.#model.detokenize(this.#pending, false, this.#tail));
  }

  #settle(text: string): string {
    this.#tail = [...this.#tail, ...this.#pending].slice(-TAIL_TOKENS);
    this.#pending = [];
    return text;
  }
}
