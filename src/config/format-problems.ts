import type { ConfigProblem } from './loaded-config.ts';

type Options = {
  /** What to count: `problem`, or `warning`, which also stands in each line. */
  noun?: 'problem' | 'warning';
};

/**
 * Problems for a terminal, as compilers print them:
 * ```
 * routes.yaml:12:5: unknown key `thresold`; did you mean `threshold`?
 *       thresold: 0.55
 *       ^
 * 1 problem
 * ```
 * Ends without a line break; empty for no problems. `file` is shown as given.
 */
export const formatProblems = (file: string, problems: ConfigProblem[], { noun = 'problem' }: Options = {}): string => {
  if (problems.length === 0) return '';
  const label = noun === 'warning' ? 'warning: ' : '';
  const findings = problems.flatMap((problem) => [
    formatProblem(file, { ...problem, message: label + problem.message }),
    ...problem.excerpt.split('\n').flatMap((line) => (line === '' ? [] : [`  ${line}`])),
  ]);
  return [...findings, `${problems.length} ${noun}${problems.length === 1 ? '' : 's'}`].join('\n');
};

/** One problem in one line, for logs: `routes.yaml:12:5: unknown key …`. */
export const formatProblem = (file: string, { position, message }: ConfigProblem): string =>
  `${file}:${position.line}:${position.column}: ${message}`;
