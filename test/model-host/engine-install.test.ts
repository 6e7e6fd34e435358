import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasGpuBinaries } from '../../src/model-host/engine.ts';
import { describeInstall } from '../../src/model-host/engine-install.ts';
import { temporaryFolder } from './support/test-models.ts';

const kept = (gpu: 'off' | 'cuda' | 'vulkan' | 'metal', platform: string, arch: string): string[] => {
  const { overrides } = describeInstall(gpu, platform, arch);
  const all = Object.keys(describeInstall('off', 'linux', 'x64').overrides).concat('@node-llama-cpp/linux-x64');
  return all.filter((name) => !(name in overrides)).map((name) => name.slice('@node-llama-cpp/'.length));
};

test.each([
  ['off', 'linux', 'x64', ['linux-x64']],
  ['cuda', 'linux', 'x64', ['linux-x64', 'linux-x64-cuda', 'linux-x64-cuda-ext']],
  ['vulkan', 'win32', 'x64', ['win-x64', 'win-x64-vulkan']],
  ['off', 'linux', 'arm', ['linux-armv7l']],
  ['metal', 'darwin', 'arm64', ['mac-arm64-metal']],
] as const)('gpu %s on %s %s keeps only what that machine needs', (gpu, platform, arch, packages) => {
  expect(kept(gpu, platform, arch).sort()).toEqual([...packages].sort());
});

test.each([
  ['cuda', 'darwin', 'arm64'],
  ['metal', 'linux', 'x64'],
  ['off', 'aix', 'ppc64'],
] as const)('gpu %s on %s %s does not exist and says so', (gpu, platform, arch) => {
  expect(() => describeInstall(gpu, platform, arch)).toThrow(`There is no engine with gpu ${gpu} for ${platform}`);
});

test('binaries for a GPU are seen where they are, and not in the empty packages that stand for them', () => {
  const engineDir = temporaryFolder();
  const packages = join(engineDir, 'node_modules/@node-llama-cpp');
  expect(hasGpuBinaries(engineDir)).toBe(false);
  mkdirSync(join(packages, 'linux-x64/bins'), { recursive: true });
  mkdirSync(join(packages, 'linux-x64-cuda'));
  expect(hasGpuBinaries(engineDir)).toBe(false);
  mkdirSync(join(packages, 'linux-x64-cuda/bins'));
  expect(hasGpuBinaries(engineDir)).toBe(true);
});
