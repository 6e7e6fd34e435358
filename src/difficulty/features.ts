import type { Conversation } from '../contract/conversation.ts';
import { findPendingTask, type PendingTask } from './pending-task.ts';
import { scanText } from './scan-text.ts';
import type { TextFacts } from './text-facts.ts';
import { KIND_MEANINGS, WORD_KINDS, type WordKind } from './word-lists.ts';
import { TOPIC_DIMENSIONS, topicOf } from './word-vectors.ts';

type Facts = { text: TextFacts; task: PendingTask; conversation: Conversation; topic: Float64Array };
type Feature = { name: string; meaning: string; measure: (facts: Facts) => number };

const log = Math.log1p;
const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

const EFFORTS = new Map([
  ['none', -1],
  ['minimal', -1],
  ['low', -0.5],
  ['medium', 0.25],
  ['high', 1],
  ['xhigh', 1],
]);

/** Multiple-choice questions mention such words without asking for the work, so they are kept apart. */
const isOpen = ({ text }: Facts) => text.options === 0;
const countExpertTerms = (kinds: Record<WordKind, number>) =>
  kinds.mathematics + kinds.science + kinds.programming + kinds.professional;
const countDemands = (kinds: Record<WordKind, number>) =>
  kinds.hardTask + kinds.reasoning + kinds.constraint + kinds.professional;
const isPlain = ({ text }: Facts) =>
  text.words <= 15 && text.lines <= 2 && text.codeMarks + text.backslashes + text.kinds.hardTask === 0;

const isFormula = ({ text }: Facts) => text.backslashes + text.formulas > 0;
/** Sums in words: a text with numbers and without options, formulas or code. */
const isReckoning = ({ text }: Facts) => text.options === 0 && text.stemNumbers + text.kinds.quantity >= 2;
/** In open questions of reckoning, formulas and code, the words around say little about how hard it is. */
const isAboutTopic = (f: Facts) =>
  !isOpen(f) || (!isFormula(f) && !isReckoning(f) && f.text.codeMarks / (1 + f.text.words) < 0.15);
/** Log of a usual length in words, so that `formulaWords` is near 0 with formulas and without. */
const USUAL_WORDS = 3.5;
const lengthAboveUsual = ({ text }: Facts, most: number) => Math.min(most, log(text.stemWords) - USUAL_WORDS);

const FEATURES: readonly Feature[] = [
  {
    name: 'characters',
    meaning: 'log of the length in characters, answer options left out',
    measure: (f) => log(Math.max(0, f.task.characters - f.text.optionCharacters)),
  },
  { name: 'words', meaning: 'log of the number of words', measure: (f) => log(f.text.words) },
  { name: 'sentences', meaning: 'log of the number of sentences', measure: (f) => log(f.text.sentences) },
  { name: 'lines', meaning: 'log of the number of lines', measure: (f) => log(f.text.lines) },
  { name: 'questions', meaning: 'log of the number of question marks', measure: (f) => log(f.text.questions) },
  { name: 'wordLength', meaning: 'mean length of a word', measure: (f) => share(f.text.wordCharacters, f.text.words) },
  {
    name: 'longWords',
    meaning: 'share of words of nine letters and more',
    measure: (f) => share(f.text.longWords, f.text.words),
  },
  {
    name: 'distinctWords',
    meaning: 'share of distinct words',
    measure: (f) => share(f.text.distinctWords, f.text.words),
  },
  {
    name: 'names',
    meaning: 'share of capitalised words inside sentences',
    measure: (f) => share(f.text.names, f.text.words),
  },
  {
    name: 'upperCase',
    meaning: 'share of capitals among letters',
    measure: (f) => share(f.text.upperCase, f.text.letters),
  },
  { name: 'numbers', meaning: 'log of the number of numbers', measure: (f) => log(f.text.numbers) },
  {
    name: 'digits',
    meaning: 'share of digits among letters and digits',
    measure: (f) => share(f.text.digits, f.text.digits + f.text.letters),
  },
  { name: 'mathMarks', meaning: 'log of the number of mathematical symbols', measure: (f) => log(f.text.mathMarks) },
  { name: 'backslashes', meaning: 'log of the number of backslashes (LaTeX)', measure: (f) => log(f.text.backslashes) },
  { name: 'codeMarks', meaning: 'log of the number of code-like marks', measure: (f) => log(f.text.codeMarks) },
  { name: 'fences', meaning: 'log of the number of code fences', measure: (f) => log(f.text.fences) },
  { name: 'options', meaning: 'log of the number of answer options', measure: (f) => log(f.text.options) },
  {
    name: 'optionLength',
    meaning: 'log of the mean length of an option',
    measure: (f) => log(share(f.text.optionCharacters, f.text.options)),
  },
  {
    name: 'optionNumbers',
    meaning: 'numbers per option',
    measure: (f) => Math.min(3, share(f.text.optionNumbers, f.text.options)),
  },
  { name: 'listItems', meaning: 'log of the number of list items', measure: (f) => log(f.text.listItems) },
  { name: 'blanks', meaning: 'log of the number of gaps to fill', measure: (f) => log(f.text.blanks) },
  {
    name: 'nonLatin',
    meaning: 'share of letters outside the Latin script',
    measure: (f) => share(f.text.nonLatin, f.text.letters),
  },
  ...WORD_KINDS.map((kind) => ({
    name: `${kind}Words`,
    meaning: `log of the number of ${KIND_MEANINGS[kind]}`,
    measure: (f: Facts) => log(f.text.kinds[kind]),
  })),
  {
    name: 'plainRequest',
    meaning: '1 for a short message without code, formulas or demanding verbs',
    measure: (f) => (isPlain(f) ? 1 : 0),
  },
  {
    name: 'hardOpening',
    meaning: 'log of the number of demanding words among the first twelve',
    measure: (f) => log(f.text.hardOpening),
  },
  {
    name: 'openExpertise',
    meaning:
      'log of the number of mathematical, scientific, programming and professional terms; 0 where options are given',
    measure: (f) => (isOpen(f) ? log(countExpertTerms(f.text.kinds)) : 0),
  },
  {
    name: 'demandDensity',
    meaning: 'demanding, reasoning, constraint and professional words per word; 0 where options are given',
    measure: (f) => (isOpen(f) ? countDemands(f.text.kinds) / (10 + f.text.words) : 0),
  },
  {
    name: 'followUp',
    meaning: '1 when a short message continues the task before it',
    measure: (f) => (f.task.isFollowUp ? 1 : 0),
  },
  { name: 'turns', meaning: 'log of the number of turns', measure: (f) => log(f.conversation.turns.length) },
  { name: 'tools', meaning: 'log of the number of tools', measure: (f) => log(f.conversation.toolCount) },
  { name: 'images', meaning: 'log of the number of images', measure: (f) => log(f.conversation.imageCount) },
  {
    name: 'wantsJson',
    meaning: '1 when JSON or a schema is asked for',
    measure: (f) => (f.conversation.wantsJson ? 1 : 0),
  },
  {
    name: 'reasoningEffort',
    meaning: 'reasoning_effort from -1 (none) to 1 (high)',
    measure: (f) => EFFORTS.get(f.conversation.reasoningEffort ?? '') ?? 0,
  },
  {
    name: 'stemWords',
    meaning: 'log of the number of words outside the answer options',
    measure: (f) => log(f.text.stemWords),
  },
  {
    name: 'stemNumbers',
    meaning: 'log of the number of numbers outside the answer options',
    measure: (f) => log(f.text.stemNumbers),
  },
  {
    name: 'stemSentences',
    meaning: 'log of the number of sentences outside the answer options',
    measure: (f) => log(f.text.stemSentences),
  },
  {
    name: 'formulaWords',
    meaning: 'stemWords less 3.5 where formulas are given, else 0',
    measure: (f) => (isFormula(f) ? log(f.text.stemWords) - USUAL_WORDS : 0),
  },
  {
    name: 'reckoningWords',
    meaning: 'stemWords less 3.5, up to 1.1, in open sums in words; else 0',
    measure: (f) => (isReckoning(f) && !isFormula(f) && f.text.listItems === 0 ? lengthAboveUsual(f, 1.1) : 0),
  },
  {
    name: 'choiceWords',
    meaning: 'stemWords less 3.5, up to 2, where two to six options are given; else 0',
    measure: (f) => (f.text.options >= 2 && f.text.options <= 6 ? lengthAboveUsual(f, 2) : 0),
  },
  ...Array.from({ length: TOPIC_DIMENSIONS }, (_, i) => ({
    name: `topic${i + 1}`,
    meaning: `direction ${i + 1} of what the words are about; 0 in open questions of reckoning, formulas or code`,
    measure: (f: Facts) => (isAboutTopic(f) ? f.topic[i]! : 0),
  })),
];

/** Features that rank prompts of one kind among each other; see `train.ts`. */
const RANKS = /^(?:stem\w+|(?:formula|reckoning|choice|quantity|operation)Words|topic\d+)$/;
/** Features that tell kinds of prompt apart: not those that grow with the text, nor what it is about. */
const TELLS_NO_KIND =
  /^(?:characters|words|sentences|lines|distinctWords|stem\w+|(?:formula|reckoning|choice)Words|topic\d+)$/;

/** Name and meaning of each feature, in the order of `extractFeatures`. */
export const FEATURE_NAMES: readonly string[] = FEATURES.map((feature) => feature.name);
export const RANKING_FEATURES: readonly boolean[] = FEATURE_NAMES.map((name) => RANKS.test(name));
export const KIND_FEATURES: readonly boolean[] = FEATURE_NAMES.map((name) => !TELLS_NO_KIND.test(name));
export const FEATURE_MEANINGS: ReadonlyMap<string, string> = new Map(FEATURES.map((f) => [f.name, f.meaning]));

/**
 * Measures a conversation: one finite number per entry of `FEATURE_NAMES`. Reads at most two messages, each through
 * `readWindow`, so the time is bounded whatever the length; counts are of that window, `characters` of the whole.
 */
export const extractFeatures = (conversation: Conversation): number[] => {
  const task = findPendingTask(conversation);
  const facts = { text: scanText(task.text), task, conversation, topic: topicOf(task.text) };
  return FEATURES.map((feature) => feature.measure(facts));
};
