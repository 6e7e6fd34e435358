import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { GpuChoice } from './engine.ts';
import { ModelHostError } from './model-host-error.ts';

export type InstallOptions = {
  /** Made if absent; `loadEngine` finds the engine in it. */
  engineDir: string;
  /** Which accelerator's binaries come with the CPU's; `metal` is part of every Mac's. */
  gpu: Exclude<GpuChoice, 'auto'>;
  /** Lines of npm's output. */
  onProgress: (line: string) => void;
  timeoutMs?: number;
};

export const ENGINE_VERSION = '3.22.1';
/** The CUDA binaries alone have 540 MB. */
const TIMEOUT_MS = 30 * 60_000;

/** All that node-llama-cpp would fetch for every machine; see `optionalDependencies` of its package.json. */
const PLATFORM_PACKAGES = [
  ...['linux-x64', 'linux-x64-cuda', 'linux-x64-cuda-ext', 'linux-x64-vulkan', 'linux-arm64', 'linux-armv7l'],
  ...['linux-riscv64', 'mac-arm64-metal', 'mac-x64', 'win-arm64', 'win-x64', 'win-x64-cuda', 'win-x64-cuda-ext'],
  'win-x64-vulkan',
];
const GPU_SUFFIXES = { off: [], metal: [], cuda: ['-cuda', '-cuda-ext'], vulkan: ['-vulkan'] } as const;

/**
 * Installs the engine with npm, as few packages as this machine needs and no install scripts: 85 MB for the CPU, some
 * hundred more with a GPU. Running it again with another `gpu` replaces what is there.
 * @throws ModelHostError in words when there is no npm, no network, no such binaries, or no end within the limit.
 */
export const installEngine = async (options: InstallOptions): Promise<void> => {
  mkdirSync(join(options.engineDir, 'absent'), { recursive: true });
  write(join(options.engineDir, 'absent/package.json'), { name: 'absent', version: '0.0.0' });
  write(join(options.engineDir, 'package.json'), describeInstall(options.gpu, process.platform, process.arch));
  await runNpm(options);
  if (existsSync(join(options.engineDir, 'node_modules/node-llama-cpp/dist/index.js'))) return;
  throw new ModelHostError(`npm ended well but ${options.engineDir} has no engine. Delete the folder and try again.`);
};

/**
 * The package.json of the engine's folder: what this machine does not need is replaced by an empty package.
 * @throws ModelHostError when there are no binaries for the machine or its accelerator.
 */
export const describeInstall = (gpu: InstallOptions['gpu'], platform: string, arch: string) => {
  const system = { linux: 'linux', darwin: 'mac', win32: 'win' }[platform as string] ?? platform;
  const machine =
    system === 'mac' && arch === 'arm64' ? 'mac-arm64-metal' : `${system}-${arch === 'arm' ? 'armv7l' : arch}`;
  const wanted = [machine, ...GPU_SUFFIXES[gpu].map((suffix) => machine + suffix)];
  const isMissing = wanted.some((name) => !PLATFORM_PACKAGES.includes(name)) || (gpu === 'metal' && system !== 'mac');
  if (isMissing)
    throw new ModelHostError(`There is no engine with gpu ${gpu} for ${platform} on ${arch}. Use gpu off.`);
  const unwanted = PLATFORM_PACKAGES.filter((name) => !wanted.includes(name));
  return {
    name: 'rightsize-engine',
    private: true,
    dependencies: { 'node-llama-cpp': ENGINE_VERSION },
    overrides: Object.fromEntries(unwanted.map((name) => [`@node-llama-cpp/${name}`, 'file:absent'])),
  };
};

const runNpm = ({ engineDir, onProgress, timeoutMs = TIMEOUT_MS }: InstallOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    const [command, ...args] = findNpm();
    const flags = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock', '--fetch-retries=1'];
    const npm = spawn(command!, [...args, ...flags], {
      cwd: engineDir,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
    });
    const lines: string[] = [];
    for (const output of [npm.stdout, npm.stderr]) {
      createInterface({ input: output }).on('line', (line) => {
        lines.push(line);
        onProgress(line);
      });
    }
    const fail = (reason: string) => reject(new ModelHostError(`The engine could not be installed: ${reason}`));
    npm.once('error', () => fail('npm was not found. Install Node with npm, then try again.'));
    npm.once('close', (code, signal) => {
      if (code === 0) return resolve();
      if (signal) return fail(`npm did not end within ${timeoutMs / 1000} s. Check the network and try again.`);
      const isOffline = /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ECONNRESET|ENETUNREACH/.test(lines.join('\n'));
      if (isOffline) return fail("the package registry cannot be reached. Check the network or npm's proxy settings.");
      fail(lines.filter((line) => line.startsWith('npm error')).join(' ') || `npm exited with code ${code}`);
    });
  });

/** The npm that came with this Node; one on the path where Node came without. */
const findNpm = (): string[] => {
  const folder = dirname(process.execPath);
  const bundled = ['../lib/node_modules/npm/bin/npm-cli.js', 'node_modules/npm/bin/npm-cli.js']
    .map((path) => join(folder, path))
    .find((path) => existsSync(path));
  return bundled ? [process.execPath, bundled] : ['npm'];
};

const write = (path: string, content: object): void => writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
