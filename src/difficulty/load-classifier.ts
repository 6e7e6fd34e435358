import { readFile } from 'node:fs/promises';
import type { LoadedConfig } from '../config/loaded-config.ts';
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

/** The classifier that a routes.yaml asks for: of the model it names, checked when it was loaded, else the `shipped` one. */
export const classifierOf = (
  { difficultyModel }: Pick<LoadedConfig, 'difficultyModel'>,
  shipped: DifficultyClassifier,
): DifficultyClassifier =>
  difficultyModel === null
    ? shipped
    : createKindClassifier(parseWeights(difficultyModel.content, difficultyModel.path));

/** The weights in a model file, or the shipped ones; errors as `loadClassifier`. */
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
