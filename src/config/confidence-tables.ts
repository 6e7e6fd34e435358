import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ConfidenceTable, ConfidenceTableSchema } from '../contract/confidence-table.ts';
import type { ReadFile } from './api-keys.ts';
import type { ConfigProblem } from './loaded-config.ts';
import type { RoutesFile } from './schema.ts';
import type { YamlSource } from './yaml-source.ts';

/** In `src/config` and in `dist/config` alike, the package's root is two folders up. */
const NANO_TABLE = fileURLToPath(new URL('../../models/nano/rightsize-nano.confidence.json', import.meta.url));

type Input = { file: string; routes: RoutesFile; source: YamlSource; readFile: ReadFile };

/**
 * Reads the calibration files that tier models name, relative to routes.yaml or `builtin:nano`. By their name as it is
 * written there.
 * Never throws: a file that is not there or no calibration is a problem at the place that names it.
 */
export const readConfidenceTables = async ({ file, routes, source, readFile }: Input) => {
  const tables: Record<string, ConfidenceTable> = {};
  const problems: ConfigProblem[] = [];
  for (const [tier, { models }] of routes.tiers.entries()) {
    for (const [position, { confidence }] of models.entries()) {
      if (confidence === undefined) continue;
      const path = confidence === 'builtin:nano' ? NANO_TABLE : resolve(dirname(file), confidence);
      const table = await readTable(path, readFile);
      if (typeof table !== 'string') tables[confidence] = table;
      else problems.push(source.problem(['tiers', tier, 'models', position, 'confidence'], table));
    }
  }
  return { tables, problems };
};

const readTable = async (path: string, readFile: ReadFile): Promise<ConfidenceTable | string> => {
  const content = await readFile(path).catch((error: NodeJS.ErrnoException) => error.code ?? error.message);
  if (typeof content === 'string') return `the calibration cannot be read (${content})`;
  try {
    return ConfidenceTableSchema.parse(JSON.parse(new TextDecoder().decode(content)));
  } catch {
    return 'this file is no calibration of `rightsize calibrate --confidence`';
  }
};
