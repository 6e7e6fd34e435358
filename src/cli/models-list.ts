import { CATALOGUE, estimatedFileBytes, estimatedMemoryBytes, specOf } from '../model-host/catalogue.ts';
import { judgeFit, type Machine, thisMachine } from '../model-host/fit.ts';
import { inspectFiles } from '../model-host/inspect.ts';
import { type LocalModel, listModels } from '../model-host/local-models.ts';
import { toGigabytes } from '../model-host/machine-memory.ts';
import type { CliContext } from './context.ts';
import { type ModelsOptions, memoryOptions, modelsDirOf, printJson } from './models-options.ts';
import { table } from './table.ts';

export type ListOptions = ModelsOptions & { catalogue?: boolean };

/**
 * `rightsize models list`: the models of this machine, or with `--catalogue` those that can be had by name, and whether
 * each fits into memory. @returns the exit code.
 */
export const modelsListCommand = async (options: ListOptions, context: CliContext): Promise<number> => {
  const machine = await thisMachine();
  if (options.catalogue) return listCatalogue(machine, options, context);
  const modelsDir = modelsDirOf(options, context);
  const rows = listModels(modelsDir).map((model) => describe(model, machine));
  if (options.json) printJson(context, rows);
  else {
    context.stdout.write(
      table([
        ['name', 'size', 'quant', 'fits', 'path'],
        ...rows.map(({ spec, sizeBytes, quantisation, why, paths }) => [
          ...[spec, toGigabytes(sizeBytes), quantisation ?? '?', why, paths[0] ?? ''],
        ]),
      ]),
    );
    if (rows.length === 0) context.stderr.write(`No models in ${modelsDir}. Try: rightsize models pull --fit\n`);
  }
  return 0;
};

const describe = (model: LocalModel, machine: Machine) => {
  const unknown = { quantisation: null, memoryBytes: null, fits: null };
  if (!model.isComplete) return { ...model, ...unknown, why: 'not complete: pull it again' };
  try {
    const { facts, memory } = inspectFiles(model.paths, memoryOptions({}));
    const { fits, why } = judgeFit(memory.totalBytes, machine);
    const { quantisation } = facts;
    return { ...model, quantisation, memoryBytes: memory.totalBytes, fits, why: `${fits ? 'yes' : 'no'}: ${why}` };
  } catch (error) {
    return { ...model, ...unknown, why: (error as Error).message };
  }
};

const listCatalogue = (machine: Machine, options: ListOptions, context: CliContext): number => {
  const rows = CATALOGUE.map((entry) => ({
    ...entry,
    spec: specOf(entry),
    estimatedFileBytes: Math.round(estimatedFileBytes(entry)),
    estimatedMemoryBytes: Math.round(estimatedMemoryBytes(entry)),
    fits: judgeFit(estimatedMemoryBytes(entry), machine).fits,
  }));
  if (options.json) printJson(context, rows);
  else {
    const cells = rows.map((row) => [
      ...[row.name, `${row.parametersB}B`, row.activeB < row.parametersB ? `${row.activeB}B` : '', row.quant],
      ...[`~${toGigabytes(row.estimatedMemoryBytes)}`, row.fits ? 'yes' : 'no', row.license, row.strengths.join(', ')],
    ]);
    const header = ['name', 'parameters', 'active', 'quant', 'memory', 'fits', 'licence', 'strengths'];
    context.stdout.write(table([header, ...cells]));
  }
  return 0;
};
