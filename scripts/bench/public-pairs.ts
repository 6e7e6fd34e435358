import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { QuestionPair } from './question-pairs.ts';

/** Of each set and kind so many are taken, evenly over the file. */
const MOST = 300;

type Columns = string[];
/** How a published file is read: its name, and the pair of one line, or null where the line is of no use here. */
type PairFile = { name: string; read(columns: Columns): QuestionPair | null };

const FILES: PairFile[] = [
  {
    // Questions of Stack Exchange with a grade of 0 to 5; from 4 on only unimportant details differ, below 3 important ones do.
    name: 'question-question.test.tsv',
    read: ([grade = '', one = '', other = '']) => {
      if (grade === '' || Number(grade) === 3) return null;
      return { kind: Number(grade) > 3 ? 'paraphrase' : 'other', one, other };
    },
  },
  {
    // Sentences with a grade of relatedness of 1 to 5 and what follows from the first for the second.
    name: 'SICK_test_annotated.txt',
    read: ([, one = '', other = '', grade, follows]) => {
      if (follows === 'ENTAILMENT' && Number(grade) >= 4.8) return { kind: 'paraphrase', one, other };
      return follows === 'CONTRADICTION' ? { kind: 'negation', one, other } : null;
    },
  },
  ...['sentiment_labelled_sentences.tsv', 'nan_nli.tsv', 'wikifactcheck_english_1.tsv', 'glue_diagnostic.tsv'].map(
    (name): PairFile => ({
      name,
      read: ([one = '', other = '']) => (one === 'sentence' || one === other ? null : { kind: 'negation', one, other }),
    }),
  ),
];

/**
 * Pairs of public data sets, as far as their files are in the folder: the question pairs of SemEval 2016 task 1 and SICK
 * (both are in github.com/brmson/dataset-sts), and the parts of CANNOT (github.com/dmlls/cannot-dataset, `datasets/`).
 * `set` is the file's name without its ending.
 */
export const publicPairs = (folder: string): (QuestionPair & { set: string })[] =>
  FILES.flatMap(({ name, read }) => {
    const path = join(folder, name);
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8').split(/\r?\n/);
    const pairs = lines.map((line) => read(line.split('\t'))).filter((pair) => pair !== null && pair.other !== '');
    const kinds = Object.values(Object.groupBy(pairs as QuestionPair[], ({ kind }) => kind));
    const set = name.replace(/\..*/, '');
    return kinds.flatMap((list) => evenly(list).map((pair) => ({ ...pair, set })));
  });

const evenly = <T>(list: T[]): T[] =>
  list.length <= MOST
    ? list
    : Array.from({ length: MOST }, (_, index) => list[Math.floor((index * list.length) / MOST)] as T);
