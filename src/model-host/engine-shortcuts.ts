import { existsSync, readdirSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { GpuChoice } from './engine.ts';

/** Packages for downloading, building and drawing on a terminal, with the names that the engine imports from each. */
const TOOLS: Record<string, string[]> = {
  ipull: ['downloadFile', 'downloadSequence', 'DownloadStatus'],
  'simple-git': ['simpleGit'],
  chmodrp: ['chmodr'],
  ...{ ora: [], 'stdout-update': [], 'slice-ansi': [], 'log-symbols': [], 'cross-spawn': [] },
};
/** Tries a program of the engine in a process of its own, so that another can be taken where it crashes. */
const TRY = '/dist/bindings/utils/testBindingBinary.js';
const SCHEME = 'rightsize-absent:';

/**
 * Makes the next import of the engine leave out what a model host never uses: its tools, and the try of its program
 * where there is only the CPU's. Then there is no other to fall back to, and a crash is told as well: this process is
 * one of its own. To be called before the engine is imported for the first time.
 * @param engineFile the module's `dist/index.js`, without symbolic links on the way.
 * @returns to be called when it has been imported.
 */
export const leaveOutTools = (engineFile: string, gpu: GpuChoice): (() => void) => {
  const root = join(dirname(engineFile), '..');
  const rootUrl = pathToFileURL(root).href;
  const skipsTry = gpu === 'off' || !hasChoiceOfPrograms(root);
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      const isTool = specifier in TOOLS && context.parentURL?.startsWith(rootUrl);
      if (isTool) return { url: SCHEME + specifier, format: 'module', shortCircuit: true };
      return next(specifier, context);
    },
    load: (url, context, next) => {
      const source = url.startsWith(SCHEME)
        ? absentModule(TOOLS[url.slice(SCHEME.length)]!)
        : skipsTry && url === rootUrl + TRY
          ? 'export const testBindingBinary = async () => true;'
          : null;
      return source === null ? next(url, context) : { source, format: 'module', shortCircuit: true };
    },
  });
  return () => hooks.deregister();
};

/** Stands for a package: whoever calls something of it is told why that fails. */
const absentModule = (names: string[]): string =>
  [
    `const absent = () => { throw new Error('A model host neither downloads nor builds the engine.'); };`,
    'export default absent;',
    ...names.map((name) => `export const ${name} = absent;`),
  ].join('\n');

/** Whether the engine has a program for an accelerator, or one that was built on this machine. */
const hasChoiceOfPrograms = (root: string): boolean =>
  existsSync(join(root, 'llama/localBuilds')) || hasGpuPrograms(join(root, '../@node-llama-cpp'));

/** @param folder of the engine's packages, of which those that a machine does not need are empty. */
export const hasGpuPrograms = (folder: string): boolean =>
  existsSync(folder) &&
  readdirSync(folder).some((name) => /-(cuda|vulkan|metal)/.test(name) && existsSync(join(folder, name, 'bins')));
