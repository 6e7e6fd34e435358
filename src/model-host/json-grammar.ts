import type { GrammarBuilder } from './gbnf.ts';

/** At most one space, or a line break with an indent: whitespace can go on for ever nowhere. */
export const SPACE = '(" " | "\\n" [ \\t]{0,20})?';

/** One character of a string. Escapes of other characters than control ones add nothing, and halves of a pair do harm. */
export const STRING_CHARACTER = '([^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | "u00" ("0" | "1") [0-9a-fA-F]))';

/** As above without what counts as two in JavaScript's `length`, so that every reader counts the same. */
export const COUNTED_CHARACTER =
  '([^"\\\\\\x7F\\x00-\\x1F\\U00010000-\\U0010FFFF] | "\\\\" (["\\\\/bfnrt] | "u00" ("0" | "1") [0-9a-fA-F]))';

/** Fifteen digits: every such integer is exact in a double. */
export const INTEGER = '("0" | "-"? [1-9] [0-9]{0,14})';
export const NUMBER = '("0" | "-" [1-9] [0-9]{0,14} | [1-9] [0-9]{0,14}) ("." [0-9]{1,15})? ([eE] [-+]? [1-9] [0-9]?)?';

/** Levels of nesting in JSON that no schema describes. */
const MAX_DEPTH = 16;

/** Rules for JSON of any shape, nested at most `MAX_DEPTH` levels deep. */
export class AnyJson {
  readonly #grammar: GrammarBuilder;
  readonly #values = new Map<number, string>();

  constructor(grammar: GrammarBuilder) {
    this.#grammar = grammar;
  }

  string(): string {
    return this.#grammar.rule('string', `"\\"" ${this.#grammar.rule('character', STRING_CHARACTER)}* "\\""`);
  }

  value(depth = MAX_DEPTH): string {
    const known = this.#values.get(depth);
    if (known !== undefined) return known;
    const scalars = [this.string(), this.#grammar.rule('number', NUMBER), '"true"', '"false"', '"null"'];
    const nested = depth > 0 ? [this.object(depth), this.array(depth)] : [];
    const value = this.#grammar.rule('value', [...nested, ...scalars].join(' | '));
    this.#values.set(depth, value);
    return value;
  }

  object(depth = MAX_DEPTH): string {
    const member = this.#grammar.rule('member', `${this.string()} ":" ${this.#space()} ${this.value(depth - 1)}`);
    return this.#grammar.rule('object', `"{" ${this.#space()} (${this.#list(member)})? "}"`);
  }

  array(depth = MAX_DEPTH): string {
    return this.#grammar.rule('array', `"[" ${this.#space()} (${this.#list(this.value(depth - 1))})? "]"`);
  }

  #space(): string {
    return this.#grammar.rule('space', SPACE);
  }

  #list(item: string): string {
    return `${item} ("," ${this.#space()} ${item})* ${this.#space()}`;
  }
}
