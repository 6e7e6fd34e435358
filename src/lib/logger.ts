import { type Logger as PinoLogger, pino } from 'pino';

/** Structured logs as JSON lines. Never give it prompts, answers, keys or headers. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A logger that writes to stderr at once: stdout is data. */
export const createLogger = (level: LogLevel): Logger =>
  pino({ level, base: null }, pino.destination({ fd: 2, sync: true }));
