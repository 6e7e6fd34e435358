import { removeModel } from '../model-host/local-models.ts';
import type { CliContext } from './context.ts';
import { type ModelsOptions, modelsDirOf, printJson, toSpec } from './models-options.ts';

/** `rightsize models rm`: deletes a model from the models' folder. Prints what was deleted. @returns the exit code. */
export const modelsRmCommand = async (name: string, options: ModelsOptions, context: CliContext): Promise<number> => {
  const deleted = removeModel(toSpec(name), modelsDirOf(options, context));
  if (options.json) printJson(context, { deleted });
  else context.stdout.write(`${deleted.join('\n')}\n`);
  return 0;
};
