import { acceleratorMemory, type Memory, machineMemory, toGigabytes } from './machine-memory.ts';

export type Machine = { ram: Memory; accelerator: Memory | null };

export type Fit = {
  fits: boolean;
  /** `both`: some layers on the accelerator, the others on the CPU. */
  where: 'accelerator' | 'ram' | 'both' | 'nowhere';
  /** In words. */
  why: string;
};

/** The rest of it is for the system and other programs. */
const RAM_SHARE = 0.8;
const ACCELERATOR_SHARE = 0.9;

export const thisMachine = async (): Promise<Machine> => ({
  ram: machineMemory(),
  accelerator: await acceleratorMemory(),
});

/** Whether a model of so many bytes has room in the memory that the machine has, whatever else runs there now. */
export const judgeFit = (bytes: number, { ram, accelerator }: Machine): Fit => {
  const ramBytes = ram.totalBytes * RAM_SHARE;
  const acceleratorBytes = (accelerator?.totalBytes ?? 0) * ACCELERATOR_SHARE;
  const needs = `needs about ${toGigabytes(bytes)}`;
  if (bytes <= acceleratorBytes) {
    return { fits: true, where: 'accelerator', why: `${needs} of the GPU's ${toGigabytes(acceleratorBytes)}` };
  }
  if (accelerator && bytes <= ramBytes + acceleratorBytes) {
    const why = `${needs}, more than the GPU's ${toGigabytes(acceleratorBytes)}: the rest runs on the CPU`;
    return { fits: true, where: 'both', why };
  }
  if (bytes <= ramBytes) return { fits: true, where: 'ram', why: `${needs} of ${toGigabytes(ramBytes)} of RAM` };
  const most = toGigabytes(ramBytes + acceleratorBytes);
  return { fits: false, where: 'nowhere', why: `${needs}, and this machine has room for ${most}` };
};
