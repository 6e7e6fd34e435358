import { characterClass, type GrammarBuilder, literal, oneOf } from './gbnf.ts';
import { complement, type Range, type RegexNode } from './regex-syntax.ts';

/** The engine copies what is repeated, so a count must stay small. */
const MAX_REPEATS = 1000;

/** Characters that stand for themselves in a JSON string; the quote and the backslash need an escape. */
const PLAIN: Range[] = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0x7e],
  [0x80, 0xd7ff],
  [0xe000, 0x10ffff],
];
const ESCAPED: [codePoint: number, text: string][] = [
  [0x22, '\\"'],
  [0x5c, '\\\\'],
  [9, '\\t'],
  [10, '\\n'],
  [13, '\\r'],
];

/**
 * What a pattern matches from end to end, as the inside of a JSON string. A pattern without anchors would take more.
 * @throws Error in words when a count is too large or nothing can match.
 */
export const regexGrammar = (grammar: GrammarBuilder, node: RegexNode): string => {
  switch (node.type) {
    case 'set':
      return setGrammar(node.ranges);
    case 'sequence':
      return node.items.length === 0 ? '""' : `(${node.items.map((item) => regexGrammar(grammar, item)).join(' ')})`;
    case 'choice':
      return oneOf(node.items.map((item) => regexGrammar(grammar, item)));
    case 'repeat': {
      const { min, max } = node;
      if (min > MAX_REPEATS || (max > MAX_REPEATS && max !== Infinity)) {
        throw new Error(`more than ${MAX_REPEATS} repetitions`);
      }
      const item = grammar.rule('part', regexGrammar(grammar, node.item));
      return max === Infinity ? `${item}{${min},}` : `${item}{${min},${max}}`;
    }
    default:
      return node satisfies never;
  }
};

const setGrammar = (ranges: Range[]): string => {
  const plain = intersect(ranges, PLAIN);
  const escaped = ESCAPED.filter(([code]) => ranges.some(([from, to]) => from <= code && code <= to));
  // Where anything goes, control characters are not asked for.
  const wanted = plain.length > 2 ? escaped.filter(([code]) => code >= 0x20) : escaped;
  const alternatives = [
    ...(plain.length > 0 ? [characterClass(plain)] : []),
    ...wanted.map(([, text]) => literal(text)),
  ];
  if (alternatives.length === 0) throw new Error('a class that matches nothing');
  return oneOf(alternatives);
};

const intersect = (a: Range[], b: Range[]): Range[] => complement([...complement(a), ...complement(b)]);
