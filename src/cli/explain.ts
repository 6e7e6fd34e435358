import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config/load.ts';
import { reasonInWords } from '../difficulty/explain-features.ts';
import { classifierOf, loadClassifier } from '../difficulty/load-classifier.ts';
import { parseWeights } from '../difficulty/weights.ts';
import { dryRun } from '../dry-run.ts';
import { systemClock } from '../lib/clock.ts';
import { configFileOf } from '../settings.ts';
import type { CliContext } from './context.ts';

export type ExplainOptions = { config?: string; model?: string; team?: string; json?: boolean };

/** `rightsize explain "prompt"`: prints the decision for a prompt and why; sends nothing. @returns the exit code. */
export const explainCommand = async (
  prompt: string,
  options: ExplainOptions,
  { environment, stdout }: CliContext,
): Promise<number> => {
  const file = configFileOf(options.config, environment);
  const loaded = await loadConfig({ file, environment, checkModel: parseWeights });
  if (!loaded.ok) throw new ConfigError(file, loaded.problems);
  const result = await dryRun(loaded.config, classifierOf(loaded.config, await loadClassifier()), {
    prompt,
    model: options.model ?? 'auto',
    team: options.team ?? 'default',
    at: systemClock.now(),
  });
  if (options.json) {
    stdout.write(`${JSON.stringify({ ...result, config: loaded.config.version })}\n`);
    return 0;
  }
  const line = loaded.config.routeLines[result.route];
  const rows: [string, string][] = [
    ['route', `${result.route}${line === undefined ? '' : ` (${file}:${line})`}`],
    ['tier', result.tier],
    [
      'difficulty',
      `${result.difficulty.toFixed(3)}${result.threshold === null ? '' : ` (threshold ${result.threshold})`}`,
    ],
    ['reason', result.reasons.join('; ')],
    ['models', result.attempts.join(', then ')],
    ['because', result.because.map(reasonInWords).join(', ')],
    ...(result.alternative === null ? [] : ([['otherwise', result.alternative]] as [string, string][])),
  ];
  stdout.write(rows.map(([key, value]) => `${key.padEnd(12)}${value}\n`).join(''));
  return 0;
};
