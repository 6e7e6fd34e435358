import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readLabelledFiles } from '../../src/difficulty/labelled-files.ts';
import { type Sample, toSamples } from '../../src/difficulty/samples.ts';

export type CardData = {
  training: Sample[];
  /** Sources that no shipped weight has seen, with outcomes of both tiers. */
  unseen: Sample[];
  /** Outcomes of weak models only; the strong one is taken to be right. */
  weakOnly: Sample[];
  /** Instructions with a difficulty from 0 to 1, judged by GPT-4. */
  graded: { sample: Sample; grade: number }[];
  gold: { all: LabelledGold; sound: LabelledGold };
};
export type LabelledGold = { samples: Sample[]; sha256: string };

const TRAINING = ['mmlupro-stem', 'llmrouter', 'zeroeval-math-l5', 'zeroeval-crux', 'zeroeval-numersense-v2'];
const ANCHORS = join(import.meta.dirname, '..', '..', 'src', 'difficulty', 'anchors.jsonl');
/** The large model's answers to these were cut before the letter, so its scores there are wrong. */
const DEFECTIVE = 'high_school_mathematics';

/** Reads the card's files wherever they lie under `folder`. @throws Error naming the first that is missing. */
export const loadCardData = async (folder: string): Promise<CardData> => {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const pathOf = (name: string) => {
    const path = found.find((entry) => new RegExp(`(?:^|/)${name}\\.jsonl(?:\\.gz)?$`).test(entry));
    if (path === undefined) throw new Error(`${folder} holds no ${name}.jsonl or ${name}.jsonl.gz`);
    return join(folder, path);
  };
  const read = async (...names: string[]) => (await readLabelledFiles(names.map(pathOf))).flatMap((file) => file.rows);
  const anchors = (await readLabelledFiles([ANCHORS]))[0]!.rows;
  const graded = (await read('flask-difficulty')).flatMap((row) => {
    const grade = row.difficultyLabel;
    if (typeof grade !== 'number') return [];
    return toSamples([{ ...row, weakMean: 1 - grade, strongMean: 1 }]).map((sample) => ({ sample, grade }));
  });
  const [gold] = await readLabelledFiles([pathOf('mmlu-mixtral-gpt4')]);
  // Folds by prompt, as `rightsize calibrate` makes them.
  const goldRows = gold!.rows.map((row) => ({ ...row, fold: null }));
  const sound = goldRows.filter((row) => !String(row.id).includes(DEFECTIVE));
  return {
    training: toSamples([...(await read(...TRAINING)), ...anchors]),
    unseen: toSamples(await read('alpacaeval1', 'alpacaeval2', 'routerbench')),
    weakOnly: toSamples((await read('routerdc7b')).map((row) => ({ ...row, strongMean: 1 }))),
    graded,
    gold: {
      all: { samples: toSamples(goldRows), sha256: gold!.sha256 },
      sound: { samples: toSamples(sound), sha256: gold!.sha256 },
    },
  };
};
