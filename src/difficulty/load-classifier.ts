import { readFile } from 'node:fs/promises';
import { UsageError } from '../lib/usage-error.ts';
import type { DifficultyClassifier } from './classifier.ts';
import { createKindClassifier } from './kind-classifier.ts';
import { parseWeights, shippedWeights, type Weights } from './weights.ts';

/**
 * The classifier in a model file, trained or calibrated, or the shipped one without a path.
 * @throws UsageError when the file cannot be read or is not JSON; Error when it is another model (see `parseWeights`).
 */
export const loadClassifier = async (path?: string): Promise<DifficultyClassifier> =>
  createKindClassifier(await loadWeights(path));

/** The same, as weights. */
export const loadWeights = async (path?: string): Promise<Weights> => {
  if (path === undefined) return shippedWeights();
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`the model ${path} cannot be read: ${(error as Error).message}`);
  }
  return parseWeights(value, path);
};
