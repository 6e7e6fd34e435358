import { UsageError } from '../lib/usage-error.ts';
import { acceleratorMemory, machineMemory } from './machine-memory.ts';

/** The rest is for the system, the gateway and what the estimates miss. */
const SHARE = 0.8;
const UNITS: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, ki: 2 ** 10, mi: 2 ** 20, gi: 2 ** 30 };

/**
 * How much memory all local models together may take: `RIGHTSIZE_MODEL_MEMORY`, else 80 % of what is free now, of the
 * accelerators where a model may use one and there is one, else of RAM.
 * @throws UsageError at once, for a setting that is not an amount of memory.
 */
export const modelMemoryBudget = (usesAccelerator: boolean, environment: NodeJS.ProcessEnv): Promise<number> => {
  const setting = environment['RIGHTSIZE_MODEL_MEMORY'];
  return setting ? Promise.resolve(parseBytes(setting)) : shareOfFreeMemory(usesAccelerator);
};

const shareOfFreeMemory = async (usesAccelerator: boolean): Promise<number> => {
  const memory = (usesAccelerator ? await acceleratorMemory() : null) ?? machineMemory();
  return memory.freeBytes * SHARE;
};

/** `8GB`, `7.5 GiB`, `900MB`, or a number of bytes. @throws UsageError for anything else. */
export const parseBytes = (text: string): number => {
  const [, amount, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*$/i.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  if (amount !== undefined && factor !== undefined) return Number(amount) * factor;
  throw new UsageError(`RIGHTSIZE_MODEL_MEMORY must be an amount of memory such as 8GB or 6.5GiB, not "${text}"`);
};
