import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildEncoderModel, type EncoderModelOptions } from '../../../scripts/gguf/encoder-model.ts';
import { buildExpertModel, type ExpertModelOptions } from '../../../scripts/gguf/expert-model.ts';
import { NANO_SENTENCES } from '../../../scripts/gguf/nano-corpus.ts';
import { buildNanoModel, type NanoModelOptions } from '../../../scripts/gguf/nano-model.ts';

/** Test files share this module, and the first of them would take the folders of the others with it. */
const base = mkdtempSync(join(tmpdir(), 'rightsize-test-'));
process.once('exit', () => rmSync(base, { recursive: true, force: true }));

/** A new folder, gone when the process ends. */
export const temporaryFolder = (): string => mkdtempSync(join(base, 'x'));

/** A model file of its own: by default one that never ends an answer, so that something is running while a test looks. */
export const writeModel = (path: string, options: Partial<NanoModelOptions> = {}): string => {
  const defaults = { name: 'test', sentences: NANO_SENTENCES, seed: 1, maxMerges: 1000, isEnding: false };
  writeFileSync(path, buildNanoModel({ ...defaults, ...options }));
  return path;
};

/** A small model that was never trained: it picks words by chance, ends its sentences, and takes any length of prompt. */
export const untrainedNano: Buffer = buildNanoModel({
  name: 'rightsize-nano-untrained',
  sentences: NANO_SENTENCES,
  seed: 1,
  maxMerges: 1000,
  isEnding: true,
});

/** Its file, in a folder that is gone when the file's last test has ended. */
export const untrainedNanoFile = (): string => {
  const path = join(base, 'untrained-nano.gguf');
  if (!existsSync(path)) writeFileSync(path, untrainedNano);
  return path;
};

/** Nearly every character of its text takes several tokens, since it knows only single bytes. */
export const MULTIBYTE_SENTENCES = ['né ☃ 🙂', 'ü → 漢字 🙂 é'];

/** Words that the small encoders know. */
const WORDS =
  'the a of is what where capital france germany paris berlin cat dog cats sit sleeps on mat small large model answer gateway'.split(
    ' ',
  );

export const writeEncoder = (path: string, options: Partial<EncoderModelOptions> = {}): string => {
  writeFileSync(path, buildEncoderModel({ pooling: 'mean', words: WORDS, seed: 1, ...options }));
  return path;
};

export const writeExperts = (path: string, options: Partial<ExpertModelOptions> = {}): string => {
  writeFileSync(path, buildExpertModel({ seed: 1, ...options }));
  return path;
};
