import { GatewayError } from '../contract/errors.ts';

/** A grammar larger than this takes the engine too long to set up for each answer. */
const MAX_RULES = 4000;
const MAX_CHARACTERS = 256 * 1024;

/**
 * Rules of a grammar in llama.cpp's notation, GBNF (https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md).
 * The same body is kept only once, so that names stay few.
 */
export class GrammarBuilder {
  readonly #bodies = new Map<string, string>();
  readonly #names = new Map<string, string>();
  #characters = 0;

  /**
   * The name of a rule with this body, new or known.
   * @throws GatewayError `invalid_value` when the grammar grows beyond what the engine takes.
   */
  rule(hint: string, body: string): string {
    const known = this.#names.get(body);
    if (known !== undefined) return known;
    const name = this.reserve(hint);
    this.#names.set(body, name);
    this.define(name, body);
    return name;
  }

  /** A name for a rule that refers to itself; `define` follows. */
  reserve(hint: string): string {
    const name = `${hint}-${this.#bodies.size}`;
    this.#bodies.set(name, '');
    if (this.#bodies.size > MAX_RULES) throw tooLarge();
    return name;
  }

  define(name: string, body: string): void {
    this.#bodies.set(name, body);
    this.#characters += name.length + body.length;
    if (this.#characters > MAX_CHARACTERS) throw tooLarge();
  }

  /** The whole grammar, beginning with `root`. */
  build(root: string): string {
    return [`root ::= ${root}`, ...[...this.#bodies].map(([name, body]) => `${name} ::= ${body}`)].join('\n');
  }
}

/** `text` itself, word for word. */
export const literal = (text: string): string =>
  `"${[...text].map((character) => (/["\\]/.test(character) ? `\\${character}` : escapeCharacter(character.codePointAt(0)!))).join('')}"`;

/** One of the alternatives. */
export const oneOf = (alternatives: string[]): string =>
  alternatives.length === 1 ? alternatives[0]! : `(${alternatives.join(' | ')})`;

/** A character of the ranges, both ends included. @param ranges at least one. */
export const characterClass = (ranges: (readonly [number, number])[]): string =>
  `[${ranges.map(([from, to]) => (from === to ? inClass(from) : `${inClass(from)}-${inClass(to)}`)).join('')}]`;

const inClass = (codePoint: number): string =>
  '\\]["^-'.includes(String.fromCodePoint(codePoint))
    ? `\\x${codePoint.toString(16).padStart(2, '0')}`
    : escapeCharacter(codePoint);

const escapeCharacter = (codePoint: number): string => {
  if (codePoint >= 0x20 && codePoint < 0x7f) return String.fromCodePoint(codePoint);
  if (codePoint > 0xffff) return `\\U${codePoint.toString(16).padStart(8, '0')}`;
  return `\\u${codePoint.toString(16).padStart(4, '0')}`;
};

const tooLarge = (): GatewayError =>
  new GatewayError('invalid_value', 'The schema is too large for a grammar. Use fewer properties or smaller limits.', {
    param: 'response_format',
  });
