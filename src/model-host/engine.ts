import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ModelHostError } from './model-host-error.ts';

/** The module of node-llama-cpp. Its types are known here, its code is loaded only in the model host's process. */
export type Engine = typeof import('node-llama-cpp');

export const GPU_CHOICES = ['auto', 'cuda', 'vulkan', 'metal', 'off'] as const;
export type GpuChoice = (typeof GPU_CHOICES)[number];

/**
 * Loads the engine: the one that `rightsize engine install` put into `engineDir`, else one that is installed beside us.
 * @throws ModelHostError when there is none, naming the command that installs it.
 */
export const loadEngine = async (engineDir: string): Promise<Engine> => {
  const installed = join(engineDir, 'node_modules/node-llama-cpp/dist/index.js');
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
