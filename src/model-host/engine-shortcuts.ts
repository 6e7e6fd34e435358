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

/**
 * Makes the next import of the engine leave out what a model host never uses: its tools, and the try of its program
 * where there is only the CPU's. Then there is no other to fall back to, and a crash is told as well: this process is
 * one of its own. Its own two hundred files are found without asking the disk about each. To be called before the engine
 * is imported for the first time.
 * @param engineFile the module's `dist/index.js`, without symbolic links on the way.
 * @returns to be called when it has been imported.
 */
export const leaveOutTools = (engineFile: string, gpu: GpuChoice): (() => void) => {
  const root = join(dirname(engineFile), '..');
  const rootUrl = pathToFileURL(root).href;
  const left = new Map(Object.entries(TOOLS).map(([name, names]) => [name, toUrl(absentModule(names))]));
  if (gpu === 'off' || !hasChoiceOfPrograms(root)) {
    left.set(rootUrl + TRY, toUrl('export const testBindingBinary = async () => true;'));
  }
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      if (!context.parentURL?.startsWith(rootUrl)) return next(specifier, context);
      const url = specifier.startsWith('.') ? new URL(specifier, context.parentURL).href : specifier;
      const instead = left.get(url) ?? (isOwnFile(url, `${rootUrl}/dist/`) ? url : null);
      return instead === null ? next(specifier, context) : { url: instead, format: 'module', shortCircuit: true };
    },
  });
  return () => hooks.deregister();
};

const isOwnFile = (url: string, folder: string): boolean => url.startsWith(folder) && url.endsWith('.js');

const toUrl = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;

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
