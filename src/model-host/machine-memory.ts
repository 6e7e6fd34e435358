import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';

export type Memory = { totalBytes: number; freeBytes: number };

/** What this process may use of the machine's RAM: a container's limit counts, and what is free without swapping. */
export const machineMemory = (): Memory => {
  const limit = process.constrainedMemory();
  const totalBytes = limit > 0 ? Math.min(totalmem(), limit) : totalmem();
  // macOS counts as used what it gives back at once, so there its own figure would refuse nearly everything.
  const freeBytes = process.platform === 'darwin' ? totalBytes * 0.75 : Math.max(freemem(), process.availableMemory());
  return { totalBytes, freeBytes: Math.min(totalBytes, freeBytes) };
};

const TOOL_TIMEOUT_MS = 3_000;
const MIB = 2 ** 20;

/**
 * Memory of the accelerators, apart from RAM, all of them together: of NVIDIA's by `nvidia-smi`, of AMD's on Linux by
 * the driver's files. Null where there is none, it cannot be seen, or (as on a Mac) it is the RAM itself.
 */
export const acceleratorMemory = async (): Promise<Memory | null> => (await nvidiaMemory()) ?? amdMemory();

const nvidiaMemory = (): Promise<Memory | null> =>
  new Promise((resolve) => {
    const args = ['--query-gpu=memory.total,memory.free', '--format=csv,noheader,nounits'];
    execFile('nvidia-smi', args, { timeout: TOOL_TIMEOUT_MS }, (error, stdout) =>
      resolve(error ? null : parseNvidia(stdout)),
    );
  });

/** One line for each device, in MiB: `81559, 80994`. */
export const parseNvidia = (text: string): Memory | null => {
  const devices = [...text.matchAll(/^(\d+), (\d+)$/gm)];
  if (devices.length === 0) return null;
  const sum = (column: number) => devices.reduce((total, device) => total + Number(device[column]) * MIB, 0);
  return { totalBytes: sum(1), freeBytes: sum(2) };
};

const amdMemory = (folder = '/sys/class/drm'): Memory | null => {
  let totalBytes = 0;
  let usedBytes = 0;
  try {
    for (const card of readdirSync(folder).filter((name) => /^card\d+$/.test(name))) {
      const read = (name: string) => Number(readFileSync(join(folder, card, 'device', name), 'utf8'));
      if (!existsSync(join(folder, card, 'device/mem_info_vram_total'))) continue;
      totalBytes += read('mem_info_vram_total');
      usedBytes += read('mem_info_vram_used');
    }
  } catch {
    return null;
  }
  return totalBytes > 0 ? { totalBytes, freeBytes: totalBytes - usedBytes } : null;
};

/** For an engine that found no accelerator: which one the machine has all the same, and the command that helps. */
export const missingGpuBinaries = (): string | null =>
  existsSync('/proc/driver/nvidia/version')
    ? 'there is an NVIDIA GPU, which the engine cannot use yet: rightsize engine install --gpu cuda'
    : null;

/** `1.2 GB`, or `850 MB` below one. */
export const toGigabytes = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
