import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * Threads for the engine when nobody chose: physical cores less one, at least 1. The engine's threads spin while they
 * wait for each other, so one thread more than there are free cores costs far more than one thread fewer.
 */
export const defaultThreads = (): number => Math.max(1, physicalCores() - 1);

const physicalCores = (): number => {
  const usable = availableParallelism();
  try {
    const cores = new Set<string>();
    for (const processor of readFileSync('/proc/cpuinfo', 'utf8').split('\n\n')) {
      const core = /^core id\s*: (\d+)/m.exec(processor)?.[1];
      if (core !== undefined) cores.add(`${/^physical id\s*: (\d+)/m.exec(processor)?.[1]}/${core}`);
    }
    if (cores.size > 0) return Math.min(usable, cores.size);
  } catch {
    // Not Linux: fall through to the guess.
  }
  return process.arch === 'x64' ? Math.ceil(usable / 2) : usable;
};
