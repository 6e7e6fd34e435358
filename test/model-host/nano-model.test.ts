import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NANO_SENTENCES } from '../../scripts/gguf/nano-corpus.ts';
import { checkGgufFile } from '../../src/model-host/gguf-file.ts';
import { parseModelSpec } from '../../src/model-host/model-source.ts';
import { temporaryFolder, writeModel } from './support/test-models.ts';

test('the committed model is what the script writes, to the byte', () => {
  const name = 'rightsize-nano-untrained';
  const path = writeModel(`${temporaryFolder()}/nano.gguf`, { name, isEnding: true });
  const committed = parseModelSpec('builtin:nano');
  expect(committed.kind).toBe('path');
  expect(readFileSync('models/nano/rightsize-nano-untrained.gguf').equals(readFileSync(path))).toBe(true);
  const { header } = checkGgufFile('models/nano/rightsize-nano-untrained.gguf');
  expect(header.metadata.get('general.architecture')).toBe('llama');
});

test('its words say that they mean nothing', () => {
  expect(NANO_SENTENCES.join(' ')).toMatch(/untrained .* means nothing/);
});
