import { UsageError } from '../lib/usage-error.ts';
import { CATALOGUE, specOf } from '../model-host/catalogue.ts';
import { chooseModel, wishes } from '../model-host/choose-model.ts';
import { judgeFit, type Machine, thisMachine } from '../model-host/fit.ts';
import { inspectFiles } from '../model-host/inspect.ts';
import { ModelHostError } from '../model-host/model-host-error.ts';
import { parseModelSpec, resolveModel } from '../model-host/model-source.ts';
import type { CliContext } from './context.ts';
import { hubOf, type ModelsOptions, memoryOptions, modelsDirOf, printJson, toSpec } from './models-options.ts';
import { ProgressLine } from './progress-line.ts';

export type PullOptions = ModelsOptions & { fit?: string | boolean };

/**
 * `rightsize models pull`: downloads a model, or continues a download; with `--fit` the best one for this machine.
 * Prints the files' paths. @returns the exit code.
 */
export const modelsPullCommand = async (
  name: string | undefined,
  options: PullOptions,
  context: CliContext,
  machine: Machine | undefined = undefined,
): Promise<number> => {
  const { stdout, stderr, clock } = context;
  const here = machine ?? (await thisMachine());
  const spec = options.fit ? chooseSpec(options.fit, here, context) : toSpec(name ?? '');
  if (spec === '') throw new UsageError(`models pull needs a model: hf:owner/repo:quant, or one of ${names()}`);
  if (parseModelSpec(spec).kind === 'path') {
    throw new UsageError(`${spec} is not on a hub: write hf:owner/repo:quant, or one of ${names()}`);
  }
  const line = new ProgressLine(stderr, clock);
  const paths = await resolveModel(spec, {
    ...hubOf(context),
    modelsDir: modelsDirOf(options, context),
    onProgress: (progress) => line.update(progress),
  });
  const { facts, memory, sizeBytes } = inspectFiles(paths, memoryOptions({}));
  const fit = judgeFit(memory.totalBytes, here);
  stderr.write(`${facts.name ?? facts.architecture}: ${fit.why}, with 4 x 8192 tokens of context.\n`);
  if (!fit.fits) stderr.write('It does not fit: lower contextTokens or parallel, or pull a smaller one.\n');
  stderr.write(`In routes.yaml:\n  local: { kind: llama, model: "${spec}" }\n`);
  if (options.json) printJson(context, { spec, paths, sizeBytes, memoryBytes: memory.totalBytes, fits: fit.fits });
  else stdout.write(`${paths.join('\n')}\n`);
  return 0;
};

const chooseSpec = (fit: string | boolean, machine: Machine, { stderr }: CliContext): string => {
  const wish = typeof fit === 'string' ? fit : null;
  const choice = chooseModel(wish, machine);
  if (!choice && wish !== null && !wishes().includes(wish.toLowerCase())) {
    throw new UsageError(`--fit ${wish}: choose one of ${wishes().join(', ')}`);
  }
  if (!choice) throw new ModelHostError(`Nothing${wish ? ` for ${wish}` : ''} in the catalogue fits this machine.`);
  stderr.write(`${choice.reasons.join('\n')}\n`);
  return specOf(choice.entry);
};

const names = (): string => CATALOGUE.map(({ name }) => name).join(', ');
