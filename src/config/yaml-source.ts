import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
  type YAMLError,
} from 'yaml';
import { excerptOf, isSecretKey, maskAfterSecretKey, maskTelltales } from './excerpt.ts';
import type { Path } from './json-schema.ts';
import type { ConfigPosition, ConfigProblem } from './loaded-config.ts';
import { describeSyntaxError, isOpenQuote } from './yaml-syntax.ts';

/** `tiers[0].models[1].upstream` */
export const formatPath = (path: Path): string =>
  path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');

/**
 * The text of a routes.yaml with its YAML tree: finds the place of a path and words problems about it.
 * Excerpts show the file's own text, before variables are put in, with literal secrets masked.
 */
export class YamlSource {
  /** False when the tree is too broken to check what it says. */
  readonly isReadable: boolean;
  readonly syntaxProblems: ConfigProblem[];
  /** Where the file holds a secret itself instead of naming a variable. */
  readonly literalSecrets: Path[] = [];
  readonly #document: Document.Parsed;
  readonly #lines: string[];
  readonly #counter = new LineCounter();

  constructor(text: string) {
    this.#document = parseDocument(text, { lineCounter: this.#counter, prettyErrors: false, stringKeys: true });
    const errors = [...this.#document.errors, ...this.#document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
    this.isReadable = errors.every((error) => error.code === 'DUPLICATE_KEY');
    this.#lines = this.#maskedText(text).split(/\r?\n/);
    if (!this.isReadable) this.#lines = this.#lines.map(maskAfterSecretKey);

    // One mistake makes the parser stumble several times in its line; past some it has lost the thread.
    const lost = errors.findIndex((error) => error.code === 'UNEXPECTED_TOKEN' || isOpenQuote(error));
    const perLine = new Map<number, ConfigProblem>();
    for (const error of lost < 0 ? errors : errors.slice(0, lost + 1)) {
      const position = this.#positionOf(this.#originOf(error));
      if (perLine.has(position.line)) continue;
      perLine.set(position.line, this.#problemAt('', describeSyntaxError(error, text), position));
    }
    const aliasProblems = this.#aliasProblems();
    this.syntaxProblems = [...perLine.values(), ...aliasProblems];
    this.isReadable &&= aliasProblems.length === 0;
  }

  /** The text with literal secrets as asterisks; where it is too broken to tell, whatever follows a secret's key. */
  get maskedText(): string {
    return this.#lines.join('\n');
  }

  /** The file as plain data. @throws ReferenceError when aliases multiply beyond reason. */
  toData(): unknown {
    return this.#document.toJS();
  }

  /** The value at a path, through aliases; undefined where the file has none. */
  nodeAt(path: Path): Node | undefined {
    let node = this.#resolve(this.#document.contents);
    for (const step of path) {
      if (isMap(node)) node = this.#resolve(pairOf(node.items, step)?.value);
      else node = isSeq(node) && typeof step === 'number' ? this.#resolve(node.items[step]) : undefined;
    }
    return node;
  }

  /** Every key with its value's node, in order of the file; what an alias repeats comes once, where it is written. */
  *entries(node: unknown = this.#document.contents, path: Path = []): Generator<{ path: Path; node: unknown }> {
    if (!isCollection(node)) return;
    for (const [index, item] of node.items.entries()) {
      const [step, value] = isPair(item) ? [keyOf(item), item.value] : [index, item];
      yield { path: [...path, step], node: value };
      yield* this.entries(value, [...path, step]);
    }
  }

  /** A finding about the value at `path`, or about its key. What is absent is shown at what should hold it. */
  problem(path: Path, message: string, at: 'key' | 'value' = 'value'): ConfigProblem {
    return this.#problemAt(formatPath(path), message, this.#positionOf(this.#offsetOf(path, at)));
  }

  #problemAt(path: string, message: string, position: ConfigPosition): ConfigProblem {
    const line = this.#lines[position.line - 1] ?? '';
    return { path, message: maskTelltales(message), position, excerpt: excerptOf(line, position) };
  }

  #offsetOf(path: Path, at: 'key' | 'value'): number {
    const step = path.at(-1);
    if (step === undefined) return 0;
    const parent = this.nodeAt(path.slice(0, -1));
    const pair = isMap(parent) ? pairOf(parent.items, step) : undefined;
    const item = isSeq(parent) && typeof step === 'number' ? (parent.items[step] as Node) : undefined;
    const place = (at === 'value' ? pair?.value : undefined) ?? pair?.key ?? item;
    // An empty value has no width: its key says more.
    if (isScalar(place) && place.source === '' && place.type === 'PLAIN' && isScalar(pair?.key)) {
      return pair.key.range![0];
    }
    const range = (place as Node | undefined)?.range;
    return range ? range[0] : this.#offsetOf(path.slice(0, -1), 'key');
  }

  /** Where an error begins: a quote that is never closed shows at the end of the file, but belongs to its start. */
  #originOf(error: YAMLError): number {
    if (!isOpenQuote(error)) return error.pos[0];
    const quotes = [...this.entries()].flatMap(({ node }) =>
      isScalar(node) && /^QUOTE/.test(node.type ?? '') ? node.range![0] : [],
    );
    return quotes.findLast((start) => start < error.pos[0]) ?? error.pos[0];
  }

  #positionOf(offset: number): ConfigPosition {
    const { line, col } = this.#counter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #resolve(node: unknown): Node | undefined {
    return isAlias(node) ? node.resolve(this.#document) : ((node ?? undefined) as Node | undefined);
  }

  #maskedText(text: string): string {
    const masked = maskTelltales(text);
    const pieces: string[] = [];
    let done = 0;
    for (const { path, node } of this.entries()) {
      const [start, end] = (node as Node | null)?.range ?? [0, 0];
      // At the second level stand names of upstreams and teams, which may be any word.
      if (start < done || path.length === 2 || !isSecretKey(path.at(-1)) || !holdsLiteralSecret(node)) continue;
      this.literalSecrets.push(path);
      pieces.push(masked.slice(done, start), masked.slice(start, end).replace(/\S/g, '*'));
      done = end;
    }
    return pieces.join('') + masked.slice(done);
  }

  #aliasProblems(): ConfigProblem[] {
    const problems: ConfigProblem[] = [];
    visit(this.#document, {
      Alias: (_key, alias, ancestors) => {
        const target = alias.resolve(this.#document);
        if (target && !ancestors.includes(target)) return;
        const message = target ? 'this alias contains itself' : 'this alias has no anchor before it';
        problems.push(this.#problemAt('', message, this.#positionOf(alias.range![0])));
      },
    });
    return problems;
  }
}

/** Whether a secret's value holds more than variables: `${NAME}` and `Bearer ${NAME}` do not, `${NAME:-text}` does. */
const holdsLiteralSecret = (node: unknown): boolean => {
  if (!isScalar(node)) return node !== null && !isAlias(node);
  // A lone `$` is what the parser takes of an unquoted variable inside { }.
  if (node.value === null || node.value === '$') return false;
  const literal = String(node.value).replace(/(?<!\$)\$\{\w+(:-)?\}/g, '');
  return !/^\s*(bearer|basic)?\s*$/i.test(literal);
};

const keyOf = (pair: Pair): string => String(isScalar(pair.key) ? pair.key.value : pair.key);

/** The last of equal keys, as in the data. */
const pairOf = (items: readonly Pair[], step: string | number): Pair<Scalar, Node> | undefined =>
  items.findLast((pair) => keyOf(pair) === step) as Pair<Scalar, Node> | undefined;
