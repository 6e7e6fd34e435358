import {
  ANYONE,
  CURRENCY_OF,
  DATE_OF,
  LIGHT,
  MULTIPLES,
  NEGATING_PREFIX,
  NEGATIONS,
  NOT_NEGATED,
  NUMBER_WORDS,
  OPENINGS,
  ORDINALS,
  PHRASES,
  POLE_OF,
  PRONOUN_OF,
  SYNONYM_OF,
  TENS,
  UNIT_OF,
} from './question-words.ts';

/** What two questions must agree in before the answer to one may serve the other. */
export const GUARDS = [
  'numbers',
  'units',
  'currencies',
  'dates',
  'names',
  'negation',
  'opposites',
  'tense',
  'language',
  'type',
  'words',
  'order',
] as const;
export type Guard = (typeof GUARDS)[number];
/** Those that tell another question from other words of the same only roughly: a verifier may overrule them. */
export const OVERRULED: ReadonlySet<Guard> = new Set(['words', 'order']);

/** One text for each guard; two questions agree in a guard when their texts are equal; `order` and `opposites` have rules of their own. */
export type QuestionFacts = Readonly<Record<Guard, string>>;

/**
 * What a question turns on, read without any model. Errs towards difference: two questions that differ in a word which is
 * not known to be without weight, or a synonym, count as different.
 */
export const factsOfQuestion = (text: string): QuestionFacts => {
  const quoted = [...text.matchAll(QUOTED)].map((match) => match[0].slice(1, -1).trim());
  const plain = normalise(text);
  const question = openings(plain);
  const marked = question.replace(ANYONE, '$1 to');
  const tokens = read(marked);
  const of = (kind: Kind) => tokens.filter((token) => token.kind === kind).map(({ text: value }) => value);
  const items = inOrder(tokens);
  const hasWords = tokens.some(({ kind }) => kind !== 'negation' && kind !== 'pronoun');
  return {
    numbers: sorted(of('number')),
    units: sorted(of('unit')),
    currencies: sorted(of('currency')),
    dates: sorted(of('date')),
    names: sorted([...quoted, ...namesOf(text)]),
    negation: String(of('negation').length),
    opposites: sorted(of('pole')),
    tense: tenseOf(marked),
    language: spokenIn(text),
    type: typeOf(marked),
    // Of a question without a word of weight nothing is known: all of it counts.
    words: hasWords ? sorted([...of('word'), ...of('pronoun'), ...of('pole')]) : plain,
    order: items.join(' '),
  };
};

/** The guards that say no, in the order of `GUARDS`. */
export const differingGuards = (a: QuestionFacts, b: QuestionFacts): Guard[] =>
  GUARDS.filter((guard) => {
    if (guard === 'order') return !isSameOrder(a.order, b.order);
    if (guard === 'opposites') return isOpposed(a.opposites, b.opposites);
    // Short texts do not tell.
    if (guard === 'language' && (a.language === '' || b.language === '')) return false;
    return a[guard] !== b[guard];
  });

type Kind = 'number' | 'unit' | 'currency' | 'date' | 'negation' | 'pole' | 'pronoun' | 'word' | 'direction' | 'light';
type Token = { kind: Kind; text: string; isOwner: boolean };

const QUOTED =
  /"[^"\n]{1,200}"|“[^”\n]{1,200}”|`[^`\n]{1,200}`|«[^»\n]{1,200}»|(?<![\p{L}\p{N}])'[^'\n]{1,80}'(?![\p{L}\p{N}])/gu;

const normalise = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/[’‘]/g, "'")
    .replace(/[“”«»]/g, '"')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim();

const openings = (text: string): string => {
  let rest = text;
  for (let isCut = true; isCut; ) {
    isCut = false;
    for (const opening of OPENINGS) {
      const cut = rest.replace(opening, '');
      isCut ||= cut !== rest && cut !== '';
      if (cut !== '') rest = cut;
    }
  }
  return PHRASES.reduce((whole, [pattern, by]) => whole.replace(pattern, by), rest);
};

/** Numbers with their signs and separators, signs of money and degrees, operators, words with inner marks, and CJK by sign. */
const TOKEN =
  /(?<![\p{L}\p{N}])[-−]?\d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s)?(?![\p{L}\p{N}])|°[cf]\b|[$€£¥₹%]|[<>=+*/^|&~!]+|\p{Script=Han}|[\p{L}\p{N}\p{M}_]+(?:['.@/#+-]+[\p{L}\p{N}\p{M}_#+]+)*(?:\+\+|#)?|[^\s\p{L}\p{N}\p{P}]/gu;

const read = (text: string): Token[] => {
  const spellings = [...text.matchAll(TOKEN)].map(([spelling]) => spelling);
  const isFrom = spellings.includes('from');
  const tokens: Token[] = [];
  for (let i = 0; i < spellings.length; i++) {
    const spelled = spellings[i] as string;
    const isOwner = /'s?$|'s$/.test(spelled);
    const word = spelled.replace(/'s$|'$/, '');
    const number = readNumber(spellings, i);
    if (number !== null) {
      tokens.push({ kind: 'number', text: number.text, isOwner: false });
      i += number.length - 1;
      continue;
    }
    // `5km`, `20°c`, `3pm`: one spelling, two facts.
    const glued = /^([-−]?\d+(?:[.,:]\d+)*)([a-z°%/]+)$/.exec(word);
    const kindOfGlued = glued && classOf(glued[2] as string);
    if (glued && kindOfGlued) {
      tokens.push({ kind: 'number', text: toNumber(glued[1] as string), isOwner: false });
      tokens.push({ ...kindOfGlued, isOwner: false });
      continue;
    }
    for (const each of readWord(word, isFrom)) tokens.push({ ...each, isOwner });
  }
  return tokens;
};

const classOf = (word: string): Omit<Token, 'isOwner'> | null => {
  const currency = CURRENCY_OF.get(word);
  if (currency !== undefined) return { kind: 'currency', text: currency };
  const unit = UNIT_OF.get(word);
  if (unit !== undefined) return { kind: 'unit', text: unit };
  const date = DATE_OF.get(word);
  return date === undefined ? null : { kind: 'date', text: date };
};

const readWord = (word: string, isFrom: boolean): Omit<Token, 'isOwner'>[] => {
  if (NEGATIONS.has(word)) return [{ kind: 'negation', text: 'not' }];
  if (word === 'than' || word === 'from' || (word === 'to' && isFrom)) return [{ kind: 'direction', text: word }];
  const known = classOf(word);
  if (known !== null) return [known];
  const pole = POLE_OF.get(word) ?? POLE_OF.get(stem(word));
  if (pole !== undefined) return [{ kind: 'pole', text: pole }];
  const pronoun = PRONOUN_OF.get(word);
  if (pronoun !== undefined) return [{ kind: 'pronoun', text: pronoun }];
  if (LIGHT.has(word)) return [{ kind: 'light', text: word }];
  const positive = NOT_NEGATED.test(word) ? word : word.replace(NEGATING_PREFIX, '');
  const content: Omit<Token, 'isOwner'> = { kind: 'word', text: toConcept(positive) };
  return positive === word ? [content] : [{ kind: 'negation', text: 'not' }, content];
};

const toConcept = (word: string): string => SYNONYM_OF.get(word) ?? SYNONYM_OF.get(stem(word)) ?? stem(word);

/** Plurals alone: other endings change too much. */
const stem = (word: string): string => {
  if (word.length < 4 || /(ss|us|is|os|as)$/.test(word) || !/^[a-z-]+$/.test(word)) return word;
  if (word.endsWith('ies') && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(ch|sh|x|z)es$/.test(word)) return word.slice(0, -2);
  return word.endsWith('s') ? word.slice(0, -1) : word;
};

const toNumber = (spelled: string): string => {
  const digits = spelled.replace('−', '-').replace(/(\d),(?=\d{3}(\D|$))/g, '$1');
  return /^-?\d+(\.\d+)?$/.test(digits) ? String(Number(digits)) : digits;
};

/** A number at this place, in digits or words, and of how many spellings it is. */
const readNumber = (spellings: string[], from: number): { text: string; length: number } | null => {
  const first = spellings[from] as string;
  if (/^[-−]?\d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s)?$/.test(first)) {
    const digits = toNumber(first.replace(/(st|nd|rd|th|s)$/, ''));
    const multiple = MULTIPLES.get(spellings[from + 1] ?? '');
    if (multiple === undefined || Number.isNaN(Number(digits))) return { text: digits, length: 1 };
    return { text: String(Number(digits) * multiple), length: 2 };
  }
  if (first === 'half') return { text: '0.5', length: 1 };
  const ordinal = ORDINALS.get(first);
  if (ordinal !== undefined) return { text: String(ordinal), length: 1 };
  // A pronoun: which one, this one.
  if (first === 'one' && /^(which|this|that|the|no|any|every|each|other|another)$/.test(spellings[from - 1] ?? ''))
    return null;
  let total = 0;
  let part = 0;
  let length = 0;
  for (const spelled of spellings.slice(from)) {
    const pieces = spelled.split('-');
    const values = pieces.map((piece) => NUMBER_WORDS.get(piece) ?? TENS.get(piece));
    const multiple = MULTIPLES.get(spelled);
    if (values.every((value) => value !== undefined))
      part += values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
    else if (multiple !== undefined) {
      part = (part === 0 ? 1 : part) * multiple;
      if (multiple >= 1_000) {
        total += part;
        part = 0;
      }
    } else break;
    length++;
  }
  return length === 0 ? null : { text: String(total + part), length };
};

/** What has weight in the order of the text; `X's Y` reads as `Y X`, which is how `Y of X` reads. */
const inOrder = (tokens: Token[]): string[] => {
  const items: string[] = [];
  let owners: string[] = [];
  for (const { kind, text, isOwner } of tokens) {
    if (kind === 'light') {
      items.push(...owners);
      owners = [];
    } else if (isOwner) owners.push(text);
    else items.push(text);
  }
  return [...items, ...owners];
};

/** Equal, or one part moved from one end to the other: "in Python, how …" and "how … in Python". Two items may not swap. */
const isSameOrder = (a: string, b: string): boolean => {
  if (a === b) return true;
  const [left, right] = [a.split(' '), b.split(' ')];
  if (left.length !== right.length || left.length < 3) return false;
  return left.some((_, cut) => cut > 0 && [...left.slice(cut), ...left.slice(0, cut)].join(' ') === b);
};

/** Other ends of a scale that both speak of. One that a single text speaks of is a word like others. */
const isOpposed = (a: string, b: string): boolean => {
  const [left, right] = [endsOf(a), endsOf(b)];
  return [...left].some(([scale, ends]) => right.has(scale) && right.get(scale) !== ends);
};

const endsOf = (poles: string): Map<string, string> => {
  const ends = new Map<string, string>();
  for (const pole of poles.split('|')) {
    if (pole !== '') ends.set(pole.slice(0, -1), (ends.get(pole.slice(0, -1)) ?? '') + pole.at(-1));
  }
  return ends;
};

/** Capitalised words that do not begin a sentence, words with a capital or a digit inside, and identifiers. */
const namesOf = (text: string): string[] => {
  const found: string[] = [];
  for (const match of text.normalize('NFKC').matchAll(/[\p{L}\p{N}_][\p{L}\p{N}_.$/\\-]*[\p{L}\p{N}_]|\p{Lu}/gu)) {
    const [word] = match;
    const before = text.slice(0, match.index).trimEnd();
    const isFirst = before === '' || /[.!?:\n"“(]$/.test(before);
    const isIdentifier = /[_$\\]|\p{Ll}\p{Lu}|\p{L}\d|\d\p{L}|[\p{L}\p{N}][./][\p{L}\p{N}]/u.test(word);
    const isName = /^\p{Lu}/u.test(word) && !isFirst && !SPELLED_LARGE.has(word.toLowerCase());
    if (isIdentifier) found.push(word);
    else if (isName) found.push(stem(word.toLowerCase()));
  }
  return found;
};

/** Capitalised by habit, or known to another guard. */
const SPELLED_LARGE = new Set([
  'i',
  ...[...LIGHT].filter((word) => word !== 'may'),
  ...DATE_OF.keys(),
  ...UNIT_OF.keys(),
  ...CURRENCY_OF.keys(),
  ...PRONOUN_OF.keys(),
]);

const tenseOf = (text: string): string => {
  const has = (pattern: RegExp, name: string) => (pattern.test(text) ? [name] : []);
  return [
    ...has(/\b(was|were|did|had|used to)\b/, 'past'),
    ...has(/\b(will|shall|going to)\b/, 'future'),
    ...has(/\b(would|might)\b/, 'would'),
    ...has(/\b(should|must|ought|supposed|have to|has to|need to)\b/, 'should'),
    ...has(/(?<!\bhow )(?<!\bwhere )\b(can|could|able|may)\b/, 'can'),
  ].join(' ');
};

const typeOf = (text: string): string => {
  for (const [type, pattern] of TYPES) if (pattern.test(text)) return type;
  return 'thing';
};

const TYPES: readonly (readonly [string, RegExp])[] = [
  ['amount', /\bhow (many|much)\b/],
  ['duration', /\bhow long\b/],
  ['frequency', /\bhow often\b/],
  ['manner', /\bhow\b/],
  ['person', /\bwho(m|se)?\b/],
  ['time', /^when\b|[,;:] ?when\b/],
  ['place', /\bwhere\b/],
  ['reason', /\bwhy\b/],
  [
    'yes-no',
    /^(is|are|am|was|were|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must|if|whether)\b/,
  ],
];

const SCRIPTS = [
  'Cyrillic',
  'Greek',
  'Han',
  'Hiragana',
  'Katakana',
  'Hangul',
  'Arabic',
  'Hebrew',
  'Devanagari',
  'Thai',
].map((name) => [name, new RegExp(`\\p{Script=${name}}`, 'u')] as const);

/** The scripts of other alphabets, or what language the Latin one spells, as far as it shows. */
const spokenIn = (text: string): string => {
  const scripts = SCRIPTS.filter(([, pattern]) => pattern.test(text)).map(([name]) => name);
  return (scripts.length > 0 ? scripts : languageOf(text)).join(' ');
};

/** Words that only one of these languages has, and nearly every sentence of it. */
const languageOf = (text: string): string[] => {
  const spelled = new Set(text.toLowerCase().match(/\p{L}+/gu) ?? []);
  return LANGUAGES.filter(([, marks]) => marks.some((mark) => spelled.has(mark))).map(([name]) => name);
};

const LANGUAGES: readonly (readonly [string, string[]])[] = [
  ['en', ['the', 'what', 'which', 'how', 'why', 'when', 'where', 'who', 'does', 'with']],
  ['de', ['der', 'das', 'und', 'ist', 'wie', 'wer', 'wo', 'warum', 'nicht', 'wann', 'ein', 'eine']],
  ['fr', ['le', 'les', 'est', 'quel', 'quelle', 'comment', 'pourquoi', 'où', 'une', 'qui']],
  ['es', ['el', 'los', 'es', 'cuál', 'cómo', 'qué', 'dónde', 'quién', 'una', 'por']],
  ['it', ['il', 'gli', 'è', 'qual', 'perché', 'dove', 'della', 'chi']],
  ['pt', ['os', 'é', 'qual', 'como', 'onde', 'quem', 'uma', 'não']],
  ['nl', ['het', 'een', 'hoe', 'wat', 'waarom', 'waar', 'niet', 'wie']],
];

const sorted = (values: string[]): string => [...values].sort().join('|');
