import type { ConfidenceTable } from '../contract/confidence-table.ts';
import type { RoutesFile } from './schema.ts';

/** One place in routes.yaml; `line` and `column` start at 1. */
export type ConfigPosition = { line: number; column: number };

/** One finding in routes.yaml. `message` is one sentence; `excerpt` shows the line with a caret under the column. */
export type ConfigProblem = { path: string; message: string; position: ConfigPosition; excerpt: string };

/** A routes.yaml that was read, checked and is fit to decide with. Immutable; a reload makes another. */
export type LoadedConfig = {
  /** Absolute path of the file. */
  file: string;
  routes: RoutesFile;
  /** The first 12 hex digits of the SHA-256 of the file's bytes; sent as `x-rightsize-config`. */
  version: string;
  /** Upstreams whose key's variable, as written or usual for their kind, is unset: they are left out of every tier. */
  missingKeys: { upstream: string; variable: string }[];
  /** What is accepted but will not work as the file's author may expect. */
  warnings: ConfigProblem[];
  /** The calibrations that tier models name, by the path as it is written. */
  confidenceTables: Record<string, ConfidenceTable>;
  /** The difficulty model that the file names, parsed and found fit; null: the shipped one decides. */
  difficultyModel: { path: string; content: unknown } | null;
  /** Line of each route, for explanations. */
  routeLines: Record<string, number>;
};
