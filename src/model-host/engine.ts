import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { skipLongLists } from './engine-header.ts';
import { hasGpuPrograms, leaveOutTools } from './engine-shortcuts.ts';
import { ModelHostError } from './model-host-error.ts';

/** The module of node-llama-cpp. Its types are known here, its code is loaded only in the model host's process. */
export type Engine = typeof import('node-llama-cpp');

export const GPU_CHOICES = ['auto', 'cuda', 'vulkan', 'metal', 'off'] as const;
export type GpuChoice = (typeof GPU_CHOICES)[number];

/** The only one that is used: it is driven below what it promises, see `engine-internals.ts`. */
export const ENGINE_VERSION = '3.22.1';

/** Whether `loadEngine` would find an engine, without loading it. */
export const hasEngine = (engineDir: string): boolean => findEngine(engineDir) !== null;

/** Whether the engine that was installed into `engineDir` has programs for a GPU beside RAM; a Mac's shares the RAM. */
export const hasGpuBinaries = (engineDir: string): boolean =>
  process.platform !== 'darwin' && hasGpuPrograms(join(engineDir, 'node_modules/@node-llama-cpp'));

export const installedPath = (engineDir: string): string =>
  join(engineDir, 'node_modules/node-llama-cpp/dist/index.js');

/** The module's file, wherever it is. @throws Error with the code `ERR_MODULE_NOT_FOUND` when it is nowhere. */
export const enginePath = (engineDir: string): string => {
  const path = findEngine(engineDir);
  if (path !== null) return path;
  throw Object.assign(new Error(`There is no node-llama-cpp ${ENGINE_VERSION}.`), { code: 'ERR_MODULE_NOT_FOUND' });
};

/** Whether `engineDir` itself has the engine, in the version that is used. */
export const isInstalled = (engineDir: string): boolean => isEngine(installedPath(engineDir));

const findEngine = (engineDir: string): string | null => {
  if (isInstalled(engineDir)) return installedPath(engineDir);
  try {
    const beside = fileURLToPath(import.meta.resolve('node-llama-cpp'));
    return isEngine(beside) ? beside : null;
  } catch {
    return null;
  }
};

/** @param path of `dist/index.js`. */
const isEngine = (path: string): boolean => {
  const manifest = join(dirname(path), '../package.json');
  return existsSync(path) && JSON.parse(readFileSync(manifest, 'utf8')).version === ENGINE_VERSION;
};

/**
 * Loads the engine: the one that `rightsize engine install` put into `engineDir`, else one that is installed beside us.
 * @throws ModelHostError when there is none, naming the command that installs it.
 */
export const loadEngine = async (engineDir: string, gpu: GpuChoice): Promise<Engine> => {
  try {
    const path = realpathSync(enginePath(engineDir));
    const end = leaveOutTools(path, gpu);
    try {
      const engine: Engine = await import(pathToFileURL(path).href);
      await skipLongLists(path);
      return engine;
    } finally {
      end();
    }
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const problem = isAbsent ? 'is not installed' : `cannot be loaded (${(error as Error).message})`;
    throw new ModelHostError(
      `The engine for local models, node-llama-cpp, ${problem}. Install it with: rightsize engine install`,
      { cause: error },
    );
  }
};
