import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ModelHostError } from './model-host-error.ts';

/** The module of node-llama-cpp. Its types are known here, its code is loaded only in the model host's process. */
export type Engine = typeof import('node-llama-cpp');

export const GPU_CHOICES = ['auto', 'cuda', 'vulkan', 'metal', 'off'] as const;
export type GpuChoice = (typeof GPU_CHOICES)[number];

/** Whether `loadEngine` would find an engine, without loading it. */
export const hasEngine = (engineDir: string): boolean => {
  if (existsSync(installedPath(engineDir))) return true;
  try {
    import.meta.resolve('node-llama-cpp');
    return true;
  } catch {
    return false;
  }
};

/** Whether the engine that was installed into `engineDir` has programs for a GPU beside RAM; a Mac's shares the RAM. */
export const hasGpuBinaries = (engineDir: string): boolean => {
  const folder = join(engineDir, 'node_modules/@node-llama-cpp');
  if (!existsSync(folder)) return false;
  // What this machine does not need is there as an empty package.
  return readdirSync(folder).some((name) => /-(cuda|vulkan)/.test(name) && existsSync(join(folder, name, 'bins')));
};

export const installedPath = (engineDir: string): string =>
  join(engineDir, 'node_modules/node-llama-cpp/dist/index.js');

/**
 * Loads the engine: the one that `rightsize engine install` put into `engineDir`, else one that is installed beside us.
 * @throws ModelHostError when there is none, naming the command that installs it.
 */
export const loadEngine = async (engineDir: string): Promise<Engine> => {
  const installed = installedPath(engineDir);
  try {
    return await (existsSync(installed) ? import(pathToFileURL(installed).href) : import('node-llama-cpp'));
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const problem = isAbsent ? 'is not installed' : `cannot be loaded (${(error as Error).message})`;
    throw new ModelHostError(
      `The engine for local models, node-llama-cpp, ${problem}. Install it with: rightsize engine install`,
      { cause: error },
    );
  }
};
