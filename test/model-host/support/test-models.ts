import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { NANO_SENTENCES } from '../../../scripts/gguf/nano-corpus.ts';
import { buildNanoModel, type NanoModelOptions } from '../../../scripts/gguf/nano-model.ts';

const base = mkdtempSync(join(tmpdir(), 'rightsize-test-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** A new folder, gone when the file's last test has ended. */
export const temporaryFolder = (): string => mkdtempSync(join(base, 'x'));

/** A model file of its own: by default one that never ends an answer, so that something is running while a test looks. */
export const writeModel = (path: string, options: Partial<NanoModelOptions> = {}): string => {
  const defaults = { name: 'test', sentences: NANO_SENTENCES, seed: 1, maxMerges: 1000, isEnding: false };
  writeFileSync(path, buildNanoModel({ ...defaults, ...options }));
  return path;
};

/** Nearly every character of its text takes several tokens, since it knows only single bytes. */
export const MULTIBYTE_SENTENCES = ['né ☃ 🙂', 'ü → 漢字 🙂 é'];
