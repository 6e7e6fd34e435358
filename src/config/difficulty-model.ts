import { dirname, resolve } from 'node:path';
import type { ReadFile } from './api-keys.ts';
import type { ConfigProblem } from './loaded-config.ts';
import type { RoutesFile } from './schema.ts';
import type { YamlSource } from './yaml-source.ts';

/** Throws, in one line, when the content of a model file is no model that this build can use. */
export type CheckModel = (content: unknown, path: string) => void;

type Input = { file: string; routes: RoutesFile; source: YamlSource; readFile: ReadFile; checkModel: CheckModel };

/**
 * Reads the difficulty model that `difficulty.model` names, relative to routes.yaml; null where it names none.
 * Never throws: what is wrong with the file is a problem at the place that names it.
 */
export const readDifficultyModel = async ({ file, routes, source, readFile, checkModel }: Input) => {
  const named = routes.difficulty?.model;
  const problems: ConfigProblem[] = [];
  if (named === undefined) return { model: null, problems };
  const path = resolve(dirname(file), named);
  try {
    const content: unknown = JSON.parse(new TextDecoder().decode(await readFile(path)));
    checkModel(content, named);
    return { model: { path, content }, problems };
  } catch (error) {
    const message = `the difficulty model cannot be used: ${(error as Error).message}`;
    problems.push(source.problem(['difficulty', 'model'], message));
    return { model: null, problems };
  }
};
