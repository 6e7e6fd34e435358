import { UsageError } from '../lib/usage-error.ts';
import { installEngine } from '../model-host/engine-install.ts';
import { engineDirOf } from '../settings.ts';
import type { CliContext } from './context.ts';

const GPUS = ['off', 'cuda', 'vulkan', 'metal'] as const;

/** `rightsize engine install`: brings the local engine, with a GPU's binaries on request. @returns the exit code. */
export const engineInstallCommand = async (
  options: { gpu: string; dataDir?: string },
  { environment, stderr }: CliContext,
): Promise<number> => {
  const gpu = GPUS.find((name) => name === options.gpu);
  if (gpu === undefined) throw new UsageError(`--gpu must be one of ${GPUS.join(', ')}, not "${options.gpu}"`);
  const engineDir = engineDirOf(options.dataDir, environment);
  await installEngine({ engineDir, gpu, environment, onProgress: (line) => stderr.write(`${line}\n`) });
  stderr.write(`The engine is in ${engineDir}; a running gateway takes it at the next start of its model host.\n`);
  return 0;
};
