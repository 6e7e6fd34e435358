import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkGgufFile } from '../src/model-host/gguf-file.ts';
import { toModelFacts } from '../src/model-host/model-facts.ts';

/**
 * The manifest of the model in the box: writes it from the file that training made, or, with `--check`, exits 1 when the
 * committed file is not the one that the manifest names.
 */
const folder = fileURLToPath(new URL('../models/nano/', import.meta.url));
const file = 'rightsize-nano.gguf';
const bytes = readFileSync(folder + file);
const { header } = checkGgufFile(folder + file);
const { parameters, activeParameters } = toModelFacts([header]);
const manifest = `${JSON.stringify(
  {
    file,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    parameters: { total: parameters, active: activeParameters },
  },
  null,
  2,
)}\n`;

if (!process.argv.includes('--check')) {
  writeFileSync(`${folder}manifest.json`, manifest);
  console.error(`wrote ${folder}manifest.json`);
} else if (readFileSync(`${folder}manifest.json`, 'utf8') !== manifest) {
  console.error(
    `models/nano/${file} is not the file that manifest.json names: run "npm run fixtures:model" after training`,
  );
  process.exitCode = 1;
}
