import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ENGINE_VERSION, type GpuChoice, installedPath, isInstalled } from './engine.ts';
import { withInstallLock } from './install-lock.ts';
import { ModelHostError } from './model-host-error.ts';
import { runNpm } from './npm.ts';

export type InstallOptions = {
  /** Made if absent; `loadEngine` finds the engine in it. */
  engineDir: string;
  /** Which accelerator's binaries come with the CPU's; `metal` is part of every Mac's. */
  gpu: Exclude<GpuChoice, 'auto'>;
  /** Lines of npm's output, and what is done before and after. */
  onProgress: (line: string) => void;
  timeoutMs?: number;
  /** For npm; this process's own by default. */
  environment: NodeJS.ProcessEnv;
};

/** The CUDA binaries alone have 540 MB. */
const TIMEOUT_MS = 30 * 60_000;
const LOOK_TIMEOUT_MS = 20_000;
const WAITING = 'another process is installing it';

/** All that node-llama-cpp would fetch for every machine; see `optionalDependencies` of its package.json. */
const PLATFORM_PACKAGES = [
  ...['linux-x64', 'linux-x64-cuda', 'linux-x64-cuda-ext', 'linux-x64-vulkan', 'linux-arm64', 'linux-armv7l'],
  ...['linux-riscv64', 'mac-arm64-metal', 'mac-x64', 'win-arm64', 'win-x64', 'win-x64-cuda', 'win-x64-cuda-ext'],
  'win-x64-vulkan',
];
const GPU_SUFFIXES = { off: [], metal: [], cuda: ['-cuda', '-cuda-ext'], vulkan: ['-vulkan'] } as const;

/**
 * Installs the engine with npm, as few packages as this machine needs and no install scripts: 85 MB for the CPU, some
 * hundred more with a GPU. It is built beside its place and then moved there, so that a broken install leaves what was
 * there before; of several processes that install at once, one does and the others wait for it.
 * @throws ModelHostError in words when there is no npm, no network (within seconds), no such binaries, or no end within
 * the limit.
 */
export const installEngine = async (options: InstallOptions): Promise<void> => {
  const manifest = describeInstall(options.gpu, process.platform, process.arch);
  await withInstallLock(
    options.engineDir,
    () => options.onProgress(WAITING),
    () => installInto(options, manifest),
  );
};

/** As `installEngine`, for the CPU, unless an engine is there by the time that it is this process's turn. */
export const installEngineIfAbsent = async (options: Omit<InstallOptions, 'gpu'>): Promise<void> => {
  const manifest = describeInstall('off', process.platform, process.arch);
  await withInstallLock(
    options.engineDir,
    () => options.onProgress(WAITING),
    async () => {
      if (!isInstalled(options.engineDir)) await installInto({ ...options, gpu: 'off' }, manifest);
    },
  );
};

const installInto = async (options: InstallOptions, manifest: object): Promise<void> => {
  const { engineDir, onProgress, timeoutMs = TIMEOUT_MS, environment } = options;
  const npm = { cwd: dirname(engineDir), onLine: onProgress, environment };
  removeLeftovers(engineDir);
  // Without a network npm would try for minutes; this asks for one small document first.
  const look = ['view', `node-llama-cpp@${ENGINE_VERSION}`, 'version', '--fetch-timeout=10000'];
  await runNpm(look, { ...npm, onLine: () => {}, timeoutMs: LOOK_TIMEOUT_MS });
  const stage = `${engineDir}.new-${process.pid}`;
  mkdirSync(join(stage, 'absent'), { recursive: true });
  write(join(stage, 'absent/package.json'), { name: 'absent', version: '0.0.0' });
  write(join(stage, 'package.json'), manifest);
  try {
    onProgress('fetching node-llama-cpp from the package registry');
    const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock'];
    await runNpm(['install', ...flags], { ...npm, cwd: stage, timeoutMs });
    if (!existsSync(installedPath(stage))) {
      throw new ModelHostError(`npm ended well but left no engine. Delete ${engineDir} and try again.`);
    }
    const old = `${engineDir}.old-${process.pid}`;
    if (existsSync(engineDir)) renameSync(engineDir, old);
    renameSync(stage, engineDir);
  } finally {
    removeLeftovers(engineDir);
  }
};

/** Halves of installs, our own and those of processes that died; only ever called by the holder of the lock. */
const removeLeftovers = (engineDir: string): void => {
  for (const name of readdirSync(dirname(engineDir))) {
    const isOurs = name.startsWith(`${basename(engineDir)}.new-`) || name.startsWith(`${basename(engineDir)}.old-`);
    if (isOurs) rmSync(join(dirname(engineDir), name), { recursive: true, force: true });
  }
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

const write = (path: string, content: object): void => writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
