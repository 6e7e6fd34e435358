/**
 * Makes src/difficulty/word-vectors.json: 16 numbers for each of some 23,000 words, from the word-piece embedding table
 * of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0). Nothing of that model runs; its first table is projected on
 * the directions along which the words of our training prompts differ most, and each word is weighted by its rarity
 * there. Deterministic: the same files give the same bytes.
 *
 *   node scripts/difficulty-word-vectors.ts --model FOLDER --data FILE [--data FILE …] --out src/difficulty/word-vectors.json
 *
 * FOLDER holds `model.safetensors` and `vocab.txt`; the data are the rows that `rightsize train` gets.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readLabelledFiles } from '../src/difficulty/labelled-files.ts';
import { tierScores, toConversation } from '../src/difficulty/labelled-row.ts';
import { findPendingTask } from '../src/difficulty/pending-task.ts';
import { splitWords, wordIndex } from '../src/difficulty/split-words.ts';
import { principalDirections } from './difficulty/principal-directions.ts';
import { readTensor } from './difficulty/safetensors.ts';

const DIMENSIONS = 16;
/** Whole words only: continuations (`##…`) and markers (`[CLS]`, `[unused7]`) are never looked up. */
const isWord = (piece: string) => !piece.startsWith('##') && !/^\[.+\]$/.test(piece) && /^[\p{L}\p{N}]+$/u.test(piece);

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    data: { type: 'string', multiple: true },
    out: { type: 'string', default: 'src/difficulty/word-vectors.json' },
  },
});
if (values.model === undefined || values.data === undefined) throw new Error('--model and --data are needed');

const vocabulary = readFileSync(join(values.model, 'vocab.txt'), 'utf8').split('\n');
const model = readFileSync(join(values.model, 'model.safetensors'));
const table = readTensor(model, 'embeddings.word_embeddings.weight');
const kept = vocabulary.flatMap((piece, row) => (isWord(piece) ? [{ piece, row }] : []));
const known = new Map(kept.map(({ piece }, i) => [piece, i]));

const files = await readLabelledFiles(values.data);
const prompts = files.flatMap((file) => file.rows).filter((row) => tierScores(row) !== undefined);
const promptsWith = new Float64Array(kept.length);
for (const row of prompts) {
  const { text } = findPendingTask(toConversation(row));
  for (const index of new Set(splitWords(text).map((word) => wordIndex(word, known)))) {
    if (index >= 0) promptsWith[index]!++;
  }
}

const rows = kept.map(({ row }) => table.subarray(row * 384, row * 384 + 384));
const common = Float64Array.from(promptsWith, Math.sqrt);
const { mean, directions } = principalDirections(rows, common, DIMENSIONS);
const rarity = Float64Array.from(
  promptsWith,
  (n) => Math.log((prompts.length + 1) / (n + 1)) / Math.log(prompts.length + 1),
);
const projected = rows.map((row, i) =>
  directions.map((direction) => {
    let sum = 0;
    for (let j = 0; j < row.length; j++) sum += (row[j]! - mean[j]!) * direction[j]!;
    return sum * rarity[i]!;
  }),
);
const largest = projected.reduce((most, vector) => Math.max(most, ...vector.map(Math.abs)), 0);
const bytes = Int8Array.from(projected.flat(), (value) => Math.round((value / largest) * 127));
const file = {
  source: 'sentence-transformers/all-MiniLM-L6-v2, embeddings.word_embeddings.weight; reduced, weighted and rounded',
  licence: 'Apache-2.0',
  sourceSha256: createHash('sha256').update(model).digest('hex'),
  dimensions: DIMENSIONS,
  words: kept.map(({ piece }) => piece).join(' '),
  vectors: Buffer.from(bytes.buffer).toString('base64'),
};
writeFileSync(values.out, `${JSON.stringify(file, null, 2)}\n`);
console.error(`${kept.length} words from ${prompts.length} prompts`);
