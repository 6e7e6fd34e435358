/** Both ends included. */
export type Range = readonly [from: number, to: number];

/** What the patterns of JSON Schemas are made of, as far as a grammar can follow them. */
export type RegexNode =
  | { type: 'set'; ranges: Range[] }
  | { type: 'sequence'; items: RegexNode[] }
  | { type: 'choice'; items: RegexNode[] }
  | { type: 'repeat'; item: RegexNode; min: number; max: number };

const MAX_CODE_POINT = 0x10ffff;
const DIGIT: Range[] = [[48, 57]];
const WORD: Range[] = [...DIGIT, [65, 90], [95, 95], [97, 122]];
const SPACE: Range[] = [
  [9, 13],
  [32, 32],
];
const CLASSES: Record<string, Range[]> = { d: DIGIT, w: WORD, s: SPACE };
const CONTROLS: Record<string, number> = { n: 10, r: 13, t: 9, f: 12, v: 11, '0': 0 };

/** The code points that are in none of the ranges. */
export const complement = (ranges: Range[]): Range[] => {
  const rest: Range[] = [];
  let next = 0;
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (from > next) rest.push([next, from - 1]);
    next = Math.max(next, to + 1);
  }
  return next <= MAX_CODE_POINT ? [...rest, [next, MAX_CODE_POINT]] : rest;
};

/**
 * Parses the pattern: literals, classes, groups, alternatives and repetition, anchored or not.
 * @throws Error in words, for lookaround, references back, word borders, properties of Unicode and broken patterns.
 */
export const parseRegex = (source: string): RegexNode => {
  // Broken patterns are told by the engine that knows them best.
  new RegExp(source, 'u');
  const characters = [...source];
  let at = 0;
  const peek = () => characters[at];
  const take = () => characters[at++];
  const eat = (text: string) => {
    if (![...text].every((character, index) => characters[at + index] === character)) return false;
    at += text.length;
    return true;
  };

  const choice = (): RegexNode => {
    const items = [sequence()];
    while (eat('|')) items.push(sequence());
    return items.length === 1 ? items[0]! : { type: 'choice', items };
  };

  const sequence = (): RegexNode => {
    const items: RegexNode[] = [];
    while (at < characters.length && peek() !== '|' && peek() !== ')') {
      if (peek() === '^' || peek() === '$') {
        const isAtEdge = take() === '^' ? items.length === 0 : at === characters.length || '|)'.includes(peek()!);
        if (!isAtEdge) throw new Error('an anchor in the middle');
        continue;
      }
      items.push(quantified(atom()));
    }
    return { type: 'sequence', items };
  };

  const atom = (): RegexNode => {
    if (eat('(')) {
      if (eat('?<') && (peek() === '=' || peek() === '!')) throw new Error('lookaround');
      else if (characters[at - 1] === '<') while (take() !== '>');
      else if (eat('?=') || eat('?!')) throw new Error('lookaround');
      else eat('?:');
      const inner = choice();
      take();
      return inner;
    }
    if (eat('[')) return set();
    if (eat('.'))
      return {
        type: 'set',
        ranges: complement([
          [10, 10],
          [13, 13],
          [0x2028, 0x2029],
        ]),
      };
    if (eat('\\')) return { type: 'set', ranges: escaped() };
    return { type: 'set', ranges: single(take()!) };
  };

  const set = (): RegexNode => {
    const isNegated = eat('^');
    const ranges: Range[] = [];
    while (!eat(']')) {
      const from = eat('\\') ? escaped() : single(take()!);
      if (peek() === '-' && characters[at + 1] !== ']' && from.length === 1 && from[0]![0] === from[0]![1]) {
        take();
        const to = eat('\\') ? escaped() : single(take()!);
        ranges.push([from[0]![0], to[0]![1]]);
      } else ranges.push(...from);
    }
    return { type: 'set', ranges: isNegated ? complement(ranges) : ranges };
  };

  const escaped = (): Range[] => {
    const character = take()!;
    const known = CLASSES[character.toLowerCase()];
    if (known) return character === character.toLowerCase() ? known : complement(known);
    if (character in CONTROLS) return [[CONTROLS[character]!, CONTROLS[character]!]];
    const hexadecimal = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]+)\})/.exec(
      characters.slice(at - 1, at + 9).join(''),
    );
    if (hexadecimal) {
      at += hexadecimal[0].length - 1;
      const code = Number.parseInt(hexadecimal[1] ?? hexadecimal[2] ?? hexadecimal[3]!, 16);
      return [[code, code]];
    }
    if (/[a-zA-Z0-9]/.test(character)) throw new Error(`"\\${character}"`);
    return single(character);
  };

  const quantified = (item: RegexNode): RegexNode => {
    const bounds = eat('*') ? [0, Infinity] : eat('+') ? [1, Infinity] : eat('?') ? [0, 1] : braces();
    if (!bounds) return item;
    eat('?');
    return { type: 'repeat', item, min: bounds[0]!, max: bounds[1]! };
  };

  const braces = (): number[] | null => {
    const found = /^\{(\d+)(,?)(\d*)\}/.exec(characters.slice(at, at + 16).join(''));
    if (!found) return null;
    at += found[0].length;
    const min = Number(found[1]);
    return [min, found[2] === '' ? min : found[3] === '' ? Infinity : Number(found[3])];
  };

  return choice();
};

/** How many characters the shortest and the longest match have. */
export const lengthOf = (node: RegexNode): { min: number; max: number } => {
  switch (node.type) {
    case 'set':
      return { min: 1, max: 1 };
    case 'sequence':
      return node.items
        .map(lengthOf)
        .reduce((a, b) => ({ min: a.min + b.min, max: a.max + b.max }), { min: 0, max: 0 });
    case 'choice': {
      const lengths = node.items.map(lengthOf);
      return { min: Math.min(...lengths.map(({ min }) => min)), max: Math.max(...lengths.map(({ max }) => max)) };
    }
    case 'repeat': {
      const { min, max } = lengthOf(node.item);
      return { min: min * node.min, max: max === 0 || node.max === 0 ? 0 : max * node.max };
    }
    default:
      return node satisfies never;
  }
};

const single = (character: string): Range[] => {
  const code = character.codePointAt(0)!;
  return [[code, code]];
};
