import type { LoadedConfig } from './config/loaded-config.ts';
import { toGatewayError } from './contract/errors.ts';
import type { DifficultyClassifier } from './difficulty/classifier.ts';
import { dryRun } from './dry-run.ts';

export type TestFailure = { prompt: string; message: string };

/** Runs the `tests:` of a routes.yaml, which send nothing. @param now Unix milliseconds, for tests that name no moment. */
export const runConfigTests = async (
  config: LoadedConfig,
  classifier: DifficultyClassifier,
  now: number,
): Promise<TestFailure[]> => {
  const failures = config.routes.tests.map(async ({ prompt, model, team = 'default', at, expect }) => {
    const fail = (message: string): TestFailure[] => [{ prompt: prompt.slice(0, 60), message }];
    try {
      const moment = at === undefined ? now : Date.parse(at);
      const { tier, route, reasons } = await dryRun(config, classifier, { prompt, model, team, at: moment });
      const because = `(${reasons.join('; ')})`;
      if (expect.tier !== undefined && tier !== expect.tier) return fail(`tier ${tier}, not ${expect.tier} ${because}`);
      if (expect.route !== undefined && route !== expect.route) return fail(`route ${route}, not ${expect.route}`);
      return [];
    } catch (error) {
      return fail(toGatewayError(error).message);
    }
  });
  return (await Promise.all(failures)).flat();
};
