import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { ModelHostError } from './model-host-error.ts';
import { findLocalFiles, parseModelSpec } from './model-source.ts';

/** One model of the models' folder; `isComplete` is false while parts of it are still to be downloaded. */
export type LocalModel = { spec: string; paths: string[]; sizeBytes: number; isComplete: boolean };

const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

/** All models under `modelsDir`, by name; those in several parts once. */
export const listModels = (modelsDir: string): LocalModel[] => {
  if (!existsSync(modelsDir)) return [];
  const files = readdirSync(modelsDir, { recursive: true, encoding: 'utf8' });
  const found = files.filter((file) => file.endsWith('.gguf') || file.endsWith('.gguf.part')).sort();
  const models = new Map<string, LocalModel>();
  for (const file of found) {
    const complete = file.replace(/\.part$/, '');
    const [, stem, , count] = PART.exec(complete) ?? [];
    const first = stem ? `${stem}-00001-of-${count}.gguf` : complete;
    const path = join(modelsDir, file);
    const model = models.get(first) ?? { spec: specOf(modelsDir, first), paths: [], sizeBytes: 0, isComplete: true };
    model.paths.push(path);
    model.sizeBytes += statSync(path).size;
    models.set(first, model);
    if (file !== complete) model.isComplete = false;
    else if (stem) model.isComplete &&= existsAll(modelsDir, stem, Number(count));
  }
  return [...models.values()];
};

/** `owner/repo/file` is what the hub has; anything else somebody put there, and its path is its name. */
const specOf = (modelsDir: string, file: string): string => {
  const names = file.split(sep);
  return names.length >= 3 ? `hf:${names.join('/')}` : join(modelsDir, file);
};

const existsAll = (modelsDir: string, stem: string, count: number): boolean =>
  Array.from({ length: count }, (_, index) => String(index + 1).padStart(5, '0')).every((part) =>
    existsSync(join(modelsDir, `${stem}-${part}-of-${String(count).padStart(5, '0')}.gguf`)),
  );

/**
 * Deletes a model's files, unfinished ones too, and the folders that this empties.
 * @returns what was deleted.
 * @throws ModelHostError when there is no such model in `modelsDir`; a file elsewhere is never deleted.
 */
export const removeModel = (spec: string, modelsDir: string): string[] => {
  const inFolder = (path: string) => !relative(resolve(modelsDir), resolve(path)).startsWith('..');
  const parsed = parseModelSpec(spec);
  const named = findLocalFiles(parsed, modelsDir)?.filter((path) => inFolder(path) && existsSync(path)) ?? [];
  const unfinished = listModels(modelsDir)
    .filter(({ spec: listed, paths }) => listed === spec || paths.some((path) => named.includes(path)))
    .flatMap(({ paths }) => paths);
  const doomed = [...new Set([...named, ...unfinished])];
  if (doomed.length === 0) {
    throw new ModelHostError(`There is no model ${spec} in ${modelsDir}. See: rightsize models list`);
  }
  for (const path of doomed) {
    rmSync(path);
    removeEmptyFolders(dirname(path), resolve(modelsDir));
  }
  return doomed;
};

const removeEmptyFolders = (folder: string, root: string): void => {
  if (resolve(folder) === root || readdirSync(folder).length > 0) return;
  rmdirSync(folder);
  removeEmptyFolders(dirname(folder), root);
};
