import type { ConfigHistory } from './config/config-history.ts';
import type { ConfigSource } from './config/config-source.ts';
import { readConfigText } from './config/config-text.ts';
import { diffConfig } from './config/diff.ts';
import { loadConfig } from './config/load.ts';
import type { ConfigProblem, LoadedConfig } from './config/loaded-config.ts';
import { readFileBounded } from './config/read-text.ts';
import { writeConfig } from './config/write-config.ts';
import type { ConfigFinding } from './contract/admin/config.ts';
import type { ConfigCheck } from './contract/admin/config-change.ts';
import { GatewayError } from './contract/errors.ts';
import type { DifficultyClassifier } from './difficulty/classifier.ts';
import { classifierOf } from './difficulty/load-classifier.ts';
import { parseWeights } from './difficulty/weights.ts';
import type { Clock } from './lib/clock.ts';
import { runConfigTests } from './run-config-tests.ts';

export type ConfigEditorOptions = {
  source: ConfigSource;
  history: ConfigHistory;
  environment: Readonly<Record<string, string | undefined>>;
  /** The shipped classifier. */
  classifier: DifficultyClassifier;
  clock: Pick<Clock, 'now'>;
};

/** What a save is about to do. */
export type ConfigChange = { file: string; before: string; after: string; changes: string[] };

/** Checks a text for routes.yaml as a load would, its tests included, and saves it. One save at a time. */
export class ConfigEditor {
  readonly #options: ConfigEditorOptions;
  #saving: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigEditorOptions) {
    this.#options = options;
  }

  async check(text: string): Promise<ConfigCheck> {
    return (await this.#load(text)).check;
  }

  /**
   * @param expected the version of the text that was edited.
   * @param note told before the file is written; when it rejects nothing is.
   * @returns the check; only where it is `ok` has the text been saved, and is it in force.
   * @throws GatewayError `changed_meanwhile` when the file is another one by now; `not_allowed` when it cannot be written.
   */
  save(
    text: string,
    expected: string,
    author: string,
    note: (change: ConfigChange) => Promise<void>,
  ): Promise<ConfigCheck> {
    const saving = this.#saving.then(() => this.#save(text, expected, author, note));
    this.#saving = saving.catch(() => {});
    return saving;
  }

  async #save(
    text: string,
    expected: string,
    author: string,
    note: (change: ConfigChange) => Promise<void>,
  ): Promise<ConfigCheck> {
    const { source, history, clock } = this.#options;
    const { file } = source.current();
    await refuseChanged(file, expected);
    const { check, config } = await this.#load(text);
    if (!check.ok || config === null) return check;
    const changes = diffConfig(source.current(), config);
    await note({ file, before: expected, after: config.version, changes });
    await history.saving(config.version, clock.now(), author);
    // The check may have taken a while.
    await refuseChanged(file, expected);
    await writeConfig(file, text).catch((cause: NodeJS.ErrnoException) => {
      throw new GatewayError('not_allowed', `This process cannot write ${file} (${cause.code}).`, { cause });
    });
    await source.reload();
    return check;
  }

  async #load(text: string): Promise<{ check: ConfigCheck; config: LoadedConfig | null }> {
    const { source, environment, classifier, clock } = this.#options;
    const { file } = source.current();
    const loaded = await loadConfig({
      file,
      environment,
      checkModel: parseWeights,
      readFile: async (path) => (path === file ? Buffer.from(text) : readFileBounded(path)),
    });
    if (!loaded.ok) {
      const problems = loaded.problems.map(toFinding);
      return { check: { ok: false, problems, warnings: [], tests: 0, failedTests: [] }, config: null };
    }
    const { config } = loaded;
    const failedTests = await runConfigTests(config, classifierOf(config, classifier), clock.now());
    const check = {
      ok: failedTests.length === 0,
      problems: [],
      warnings: config.warnings.map(toFinding),
      tests: config.routes.tests.length,
      failedTests,
    };
    return { check, config };
  }
}

export const toFinding = ({ path, message, position, excerpt }: ConfigProblem): ConfigFinding => ({
  path,
  message,
  ...position,
  excerpt,
});

const refuseChanged = async (file: string, expected: string): Promise<void> => {
  const found = await readConfigText(file);
  if (found?.version === expected) return;
  throw new GatewayError('changed_meanwhile', 'The file was changed meanwhile: read it again.', { param: 'if-match' });
};
