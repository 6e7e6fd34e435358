/**
 * Makes every table of docs/difficulty.md again from the data and the shipped weights; the prose between the tables
 * stays. Takes a few minutes, most of it for the models with one source left out.
 *
 *   node scripts/difficulty-card.ts --data FOLDER [--only TABLE …]
 *
 * FOLDER holds, at any depth, the files named in the card, plain or gzipped: mmlupro-stem, llmrouter, zeroeval-*,
 * alpacaeval1, alpacaeval2, routerbench, routerdc7b, flask-difficulty and mmlu-mixtral-gpt4.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { shippedWeights } from '../src/difficulty/weights.ts';
import { calibrationTables } from './difficulty/calibration-tables.ts';
import { loadCardData } from './difficulty/card-data.ts';
import { everydayTable } from './difficulty/everyday-table.ts';
import { featureTable, kindTable, summary } from './difficulty/model-tables.ts';
import { leaveOneOutTable, trainingFoldsTable, unseenTables } from './difficulty/source-tables.ts';
import { variantsTable } from './difficulty/variants-table.ts';

const CARD = join(import.meta.dirname, '..', 'docs', 'difficulty.md');

const { values } = parseArgs({ options: { data: { type: 'string' }, only: { type: 'string', multiple: true } } });
if (values.data === undefined) throw new Error('--data is needed: the folder with the data files');
const data = await loadCardData(values.data);
const weights = shippedWeights();

const tables: Record<string, () => string> = {
  summary: () => summary(weights),
  features: () => featureTable(weights),
  kinds: () => kindTable(weights, data.training),
  'training-folds': () => trainingFoldsTable(weights),
  'leave-one-out': () => leaveOneOutTable(weights, data.training),
  unseen: () => unseenTables(weights, data),
  calibration: () => calibrationTables(weights, data.gold),
  everyday: () => everydayTable(weights, data.training),
  variants: () => variantsTable(weights, data.training, data.unseen),
};

let card = readFileSync(CARD, 'utf8');
for (const [name, make] of Object.entries(tables)) {
  if (values.only !== undefined && !values.only.includes(name)) continue;
  const [start, end] = [`<!-- table: ${name} -->\n`, `<!-- end: ${name} -->`];
  const [from, to] = [card.indexOf(start), card.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/difficulty.md lacks the markers of ${name}`);
  console.error(name);
  card = `${card.slice(0, from + start.length)}\n${make().trim()}\n\n${card.slice(to)}`;
}
writeFileSync(CARD, card);
