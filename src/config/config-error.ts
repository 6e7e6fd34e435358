import { formatProblems } from './format-problems.ts';
import type { ConfigProblem } from './loaded-config.ts';

/** A routes.yaml that cannot be used, where there is no older one to keep. Its message is for the terminal, whole. */
export class ConfigError extends Error {
  readonly file: string;
  readonly problems: ConfigProblem[];

  constructor(file: string, problems: ConfigProblem[]) {
    super(formatProblems(file, problems));
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }
}
