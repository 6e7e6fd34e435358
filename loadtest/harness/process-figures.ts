import { readFileSync } from 'node:fs';
import { outputOf } from './processes.ts';

const TICKS_PER_SECOND = 100;

/** Resident memory of a process, in MB (10^6 bytes). */
export const residentMegabytes = async (pid: number): Promise<number> => {
  const status = tryRead(`/proc/${pid}/status`);
  const kibibytes = status
    ? /VmRSS:\s+(\d+) kB/.exec(status)?.[1]
    : await outputOf('ps', ['-o', 'rss=', '-p', `${pid}`]);
  return (Number(kibibytes) * 1024) / 1_000_000;
};

/** Processor time that a process has used so far, in ms; null where the system has no `/proc`. */
export const processorMs = (pid: number): number | null => {
  const stat = tryRead(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The second field, the name, may hold spaces; utime and stime are the fourteenth and fifteenth (proc_pid_stat(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
};

const tryRead = (file: string): string | null => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
};
