import type { Difficulty } from './classifier.ts';

/** A reason in words with what it did to the log-odds of the difficulty; positive means harder. */
export type Reason = { text: string; contribution: number };

type Group = {
  features: RegExp;
  /** What to say of a prompt with this value; the values are those of the group's first named feature present. */
  say: (value: (name: string) => number, contribution: number) => string;
};

const isThere = (name: string, there: string, absent: string): Group => ({
  features: new RegExp(`^${name}$`),
  say: (value) => (value(name) > 0 ? there : absent),
});

/** Features that mean the same to a reader are told as one; the order does not matter. */
const GROUPS: readonly Group[] = [
  {
    features:
      /^(?:characters|words|sentences|lines|listItems|stemWords|stemSentences|formulaWords|reckoningWords|choiceWords)$/,
    say: (value) => {
      const words = Math.round(Math.expm1(value('words')));
      const size = words < 25 ? 'short' : words < 120 ? 'of middle length' : 'long';
      return `is ${size} (${words < 2 ? `${words} word` : `about ${words} words`.replace('about 1 words', 'one word')})`;
    },
  },
  {
    features: /^topic\d+$/,
    say: (_, contribution) => (contribution > 0 ? 'is about a harder subject' : 'is about an easier subject'),
  },
  {
    features: /^(?:hardTaskWords|hardOpening|demandDensity)$/,
    say: (value) =>
      value('hardTaskWords') > 0
        ? 'asks for demanding work such as a proof, a design or a refactoring'
        : value('demandDensity') > 0
          ? 'asks for reasons or sets conditions'
          : 'asks for no demanding work such as a proof or a design',
  },
  isThere('plainRequest', 'is a short plain request', 'is more than a short plain request'),
  {
    features: /^(?:openExpertise|mathematicsWords|scienceWords|programmingWords|professionalWords)$/,
    say: (value) => {
      const fields = [
        ['mathematicsWords', 'mathematics'],
        ['scienceWords', 'science'],
        ['programmingWords', 'programming'],
        ['professionalWords', 'law, business or medicine'],
      ].filter(([name]) => value(name!) > 0);
      return fields.length > 0
        ? `uses terms of ${fields.map(([, field]) => field).join(', ')}`
        : 'uses no technical terms';
    },
  },
  {
    features: /^(?:options|optionLength|optionNumbers)$/,
    say: (value) => {
      const options = Math.round(Math.expm1(value('options')));
      return options > 0 ? `is a question with ${options} answer options` : 'offers no answer options';
    },
  },
  {
    features: /^(?:numbers|digits|stemNumbers|quantityWords|operationWords)$/,
    say: (value) => {
      const numbers = Math.round(Math.expm1(value('numbers')));
      return numbers > 0 ? `contains ${numbers} number${numbers === 1 ? '' : 's'}` : 'contains no numbers';
    },
  },
  {
    features: /^(?:mathMarks|backslashes)$/,
    say: (value) => (value('mathMarks') + value('backslashes') > 0 ? 'contains formulas' : 'contains no formulas'),
  },
  {
    features: /^(?:codeMarks|fences)$/,
    say: (value) => (value('codeMarks') + value('fences') > 0 ? 'contains code or markup' : 'contains no code'),
  },
  isThere('questions', 'asks a question', 'asks no direct question'),
  isThere('factualWords', 'asks who, when, where or which', 'asks for no single fact'),
  isThere('lookupWords', 'asks for something to look up', 'asks for nothing to look up'),
  isThere('greetingWords', 'is a greeting or thanks', 'is no greeting'),
  isThere('transformWords', 'asks to translate, summarise or rewrite', 'asks for no translation or summary'),
  isThere('creativeWords', 'asks for a short text such as an email or a story', 'asks for no email or story'),
  isThere('reasoningWords', 'asks for reasons or an explanation', 'asks for no explanation'),
  isThere('constraintWords', 'sets conditions (must, exactly, without …)', 'sets no conditions'),
  isThere('logicWords', 'uses if, every, suppose and the like', 'uses no logical words'),
  isThere('comparisonWords', 'compares', 'compares nothing'),
  isThere('negationWords', 'contains a negation', 'contains no negation'),
  isThere('blanks', 'has gaps to fill', 'has no gaps to fill'),
  {
    features: /^(?:wordLength|longWords)$/,
    say: (value) => (value('longWords') > 0.15 ? 'uses long words' : 'uses short words'),
  },
  {
    features: /^(?:names|upperCase)$/,
    say: (value) => (value('names') > 0.05 ? 'contains names or capitals' : 'contains few names'),
  },
  {
    features: /^distinctWords$/,
    say: (value) => (value('distinctWords') > 0.8 ? 'repeats few words' : 'repeats words'),
  },
  {
    features: /^nonLatin$/,
    say: (value) => (value('nonLatin') > 0.3 ? 'is in a script other than Latin' : 'is in Latin script'),
  },
  isThere('followUp', 'continues an earlier task', 'starts a new task'),
  {
    features: /^turns$/,
    say: (value) => `is turn ${Math.max(1, Math.round(Math.expm1(value('turns'))))} of the conversation`,
  },
  isThere('tools', 'comes with tools', 'comes without tools'),
  isThere('images', 'comes with images', 'comes without images'),
  isThere('wantsJson', 'asks for JSON', 'asks for plain text'),
  {
    features: /^reasoningEffort$/,
    say: (value) =>
      value('reasoningEffort') === 0
        ? 'sets no reasoning_effort'
        : `asks for ${value('reasoningEffort') > 0 ? 'more' : 'less'} reasoning_effort`,
  },
];

/**
 * Why a prompt got its difficulty, in words that name no internals and quote nothing of the prompt, strongest first.
 * Contributions are log-odds against an average prompt and add up to the whole difference.
 */
export const explainFeatures = ({ features }: Difficulty): Reason[] => {
  const values = new Map(features.map(({ name, value }) => [name, value]));
  const lookUp = (name: string) => values.get(name) ?? 0;
  return GROUPS.map(({ features: pattern, say }) => {
    const contribution = features.reduce(
      (sum, { name, contribution: part }) => sum + (pattern.test(name) ? part : 0),
      0,
    );
    return { text: say(lookUp, contribution), contribution };
  }).sort((a, b) => interest(b) - interest(a));
};

/** What a prompt lacks says less to a reader than what it has, so absences come later than their size. */
const ABSENCE = /\b(?:no|nothing|without|few)\b/;
const interest = ({ text, contribution }: Reason): number => Math.abs(contribution) * (ABSENCE.test(text) ? 0.4 : 1);

/** The nearest alternative: what would have had to be different for another decision. */
export const explainAlternative = (difficulty: number, threshold: number): string => {
  const [score, limit] = [difficulty.toFixed(2), threshold.toFixed(2)];
  return difficulty >= threshold
    ? `${score} is at or above ${limit}: below it, the request would have gone small`
    : `${score} is below ${limit}: from there up, the request would have gone large`;
};

const SHOWN_REASONS = 3;

/** What moved the difficulty most, strongest first. */
export const mainReasons = (scored: Difficulty): Reason[] => explainFeatures(scored).slice(0, SHOWN_REASONS);

export const reasonInWords = ({ text, contribution }: Reason): string =>
  `it ${text} (${contribution >= 0 ? '+' : ''}${contribution.toFixed(2)})`;

/** A decision by difficulty in one line: the three features that moved it most, and what would have changed it. */
export const explainInWords = (scored: Difficulty, threshold: number | null): string => {
  const reasons = mainReasons(scored).map(reasonInWords).join(', ');
  return threshold === null ? reasons : `${reasons}; ${explainAlternative(scored.difficulty, threshold)}`;
};
