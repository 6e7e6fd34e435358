import { readFile } from 'node:fs/promises';
import { UsageError } from '../lib/usage-error.ts';
import type { DifficultyClassifier } from './classifier.ts';
import { createLinearClassifier } from './linear-classifier.ts';
import { parseWeights, shippedWeights } from './weights.ts';

/**
 * The classifier in a weights file, or the shipped one without a path.
 * @throws UsageError when the file cannot be read or is not JSON; Error when it is another model (see `parseWeights`).
 */
export const loadClassifier = async (path?: string): Promise<DifficultyClassifier> => {
  if (path === undefined) return createLinearClassifier(shippedWeights());
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`the model ${path} cannot be read: ${(error as Error).message}`);
  }
  return createLinearClassifier(parseWeights(value, path));
};
