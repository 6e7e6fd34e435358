import { type Logger as PinoLogger, pino } from 'pino';

/** Structured logs as JSON lines. Never give it prompts, answers, keys or headers. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A logger that writes to stderr at once: stdout is data. @param fields on every line. */
export const createLogger = (level: LogLevel, fields: Record<string, number> | null = null): Logger =>
  pino({ level, base: fields }, pino.destination({ fd: 2, sync: true }));
