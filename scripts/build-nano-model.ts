import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NANO_SENTENCES } from './gguf/nano-corpus.ts';
import { buildNanoModel } from './gguf/nano-model.ts';

/** Writes the model in the box; with `--check` only compares it with the committed file and exits 1 when they differ. */
const path = fileURLToPath(new URL('../models/nano/rightsize-nano-untrained.gguf', import.meta.url));
const model = buildNanoModel({
  name: 'rightsize-nano-untrained',
  sentences: NANO_SENTENCES,
  seed: 1,
  maxMerges: 1000,
  isEnding: true,
});

if (!process.argv.includes('--check')) {
  writeFileSync(path, model);
  console.error(`wrote ${path}: ${model.length} bytes`);
} else if (!readFileSync(path).equals(model)) {
  console.error(`${path} is stale: run "npm run fixtures:model"`);
  process.exitCode = 1;
}
