import { relative } from 'node:path';
import { formatProblems } from '../config/format-problems.ts';
import { loadConfig } from '../config/load.ts';
import { classifierOf, loadClassifier } from '../difficulty/load-classifier.ts';
import { parseWeights } from '../difficulty/weights.ts';
import { systemClock } from '../lib/clock.ts';
import { runConfigTests } from '../run-config-tests.ts';
import { configFileOf } from '../settings.ts';
import type { CliContext } from './context.ts';

/** `rightsize check [file]`: every problem of a routes.yaml at once, then its `tests:`. @returns the exit code. */
export const checkCommand = async (
  path: string | undefined,
  options: { json?: boolean },
  { environment, stdout, stderr }: CliContext,
): Promise<number> => {
  const file = configFileOf(path, environment);
  const shown = relative('.', file) || file;
  const loaded = await loadConfig({ file, environment, checkModel: parseWeights });
  const problems = loaded.ok ? [] : loaded.problems;
  const warnings = loaded.ok ? loaded.config.warnings : [];
  const failures = loaded.ok
    ? await runConfigTests(loaded.config, classifierOf(loaded.config, await loadClassifier()), systemClock.now())
    : [];
  const isGood = loaded.ok && failures.length === 0;
  if (options.json) {
    stdout.write(`${JSON.stringify({ ok: isGood, problems, warnings, failedTests: failures })}\n`);
    return isGood ? 0 : 1;
  }
  const lines = [
    formatProblems(shown, problems),
    formatProblems(shown, warnings, { noun: 'warning' }),
    ...failures.map(({ prompt, message }) => `${shown}: test ${JSON.stringify(prompt)} failed: ${message}`),
  ].filter((line) => line !== '');
  if (lines.length > 0) stderr.write(`${lines.join('\n')}\n`);
  if (loaded.ok && isGood) {
    const { version, routes } = loaded.config;
    stdout.write(`${shown} is valid (version ${version}); ${routes.tests.length} of its tests passed.\n`);
  }
  return isGood ? 0 : 1;
};
