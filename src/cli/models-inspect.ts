import { judgeFit, thisMachine } from '../model-host/fit.ts';
import { inspectModel } from '../model-host/inspect.ts';
import { toGigabytes } from '../model-host/machine-memory.ts';
import type { CliContext } from './context.ts';
import {
  hubOf,
  type MemoryOptions,
  type ModelsOptions,
  memoryOptions,
  modelsDirOf,
  printJson,
  toSpec,
} from './models-options.ts';

/**
 * `rightsize models inspect`: what a model is and what it takes, from its header alone; of one that is still on a hub a
 * few megabytes are fetched. @returns the exit code.
 */
export const modelsInspectCommand = async (
  name: string,
  options: ModelsOptions & MemoryOptions,
  context: CliContext,
): Promise<number> => {
  const wanted = memoryOptions(options);
  const spec = toSpec(name);
  const modelsDir = modelsDirOf(options, context);
  const { facts, memory, sizeBytes, files, isLocal } = await inspectModel(spec, {
    ...hubOf(context),
    ...wanted,
    modelsDir,
  });
  const fit = judgeFit(memory.totalBytes, await thisMachine());
  const { shape: _, ...shown } = facts;
  if (options.json) {
    printJson(context, { spec, ...shown, sizeBytes, ...wanted, memory, fit, files, isLocal });
    return 0;
  }
  const isSparse = facts.experts > 0;
  const lines: [label: string, value: string][] = [
    ['model', `${facts.name ?? spec} (${facts.architecture}, for ${facts.task})`],
    ['parameters', billions(facts.parameters)],
    ...(isSparse
      ? ([
          ['active', `${billions(facts.activeParameters)} of them for each token`],
          ['experts', `${facts.experts}, of which ${facts.expertsUsed} are used for each token`],
        ] as [string, string][])
      : []),
    ['quantisation', `${facts.quantisation}, ${toGigabytes(sizeBytes)} in ${files.length} file(s)`],
    ['context', `trained on ${facts.trainedContextTokens} tokens`],
    ['chat template', facts.hasChatTemplate ? `yes; tool calls: ${facts.toolSyntax ?? 'none'}` : 'none'],
    ['licence', facts.license ?? 'not said in the file'],
    [
      'memory',
      `about ${toGigabytes(memory.totalBytes)} for ${wanted.parallel} x ${wanted.contextTokens} tokens: weights ${toGigabytes(memory.weightBytes)}, context ${toGigabytes(memory.contextBytes)}, working memory ${toGigabytes(memory.overheadBytes)}`,
    ],
    ['fits', `${fit.fits ? 'yes' : 'no'}: ${fit.why}`],
    [isLocal ? 'files' : 'to download', files.join('\n               ')],
  ];
  const clean = (text: string) => text.replace(/(?!\n)\p{Cc}/gu, '?');
  context.stdout.write(lines.map(([label, value]) => `${label.padEnd(15)}${clean(value)}\n`).join(''));
  return 0;
};

const billions = (count: number): string =>
  count >= 1e9 ? `${(count / 1e9).toFixed(2)} B` : `${(count / 1e6).toFixed(count >= 1e7 ? 0 : 2)} M`;
