import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { LogLevel } from './lib/logger.ts';
import { parseRedisUrl } from './lib/redis-address.ts';
import type { RedisConnectionOptions } from './lib/redis-connection.ts';
import { UsageError } from './lib/usage-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Flags of `rightsize serve`; what is absent comes from the environment, then from the defaults. */
export type ServeFlags = {
  config?: string;
  host?: string;
  port?: string;
  dataDir?: string;
  insecure?: boolean;
  workers?: string;
};

export type Settings = {
  configFile: string;
  host: string;
  /** 0 lets the system choose. */
  port: number;
  dataDir: string;
  /** Where `rightsize engine install` puts the engine for local models. */
  engineDir: string;
  /** The key that clients must send; null when none is required. */
  apiKey: string | null;
  /** The key of the admin API; null to make one in the data directory. */
  adminKey: string | null;
  /** Where keys are kept for many gateways; null to keep them in the data directory. */
  databaseUrl: string | null;
  isInsecure: boolean;
  logLevel: LogLevel;
  maxBodyBytes: number;
  /** How many processes answer requests, 1 to 64. */
  workers: number;
  /** Null without `REDIS_URL`: everything is kept in this process then. */
  redis: RedisSettings | null;
};

export type RedisSettings = Pick<
  RedisConnectionOptions,
  'address' | 'prefix' | 'connectTimeoutMs' | 'commandTimeoutMs'
>;

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];
const DEFAULT_MAX_BODY_BYTES = 32 * 1024 * 1024;

/**
 * Flag before environment before default.
 * @throws UsageError for a value that makes no sense; Error for a key file that cannot be read.
 */
export const readSettings = (flags: ServeFlags, environment: Environment): Settings => {
  const logLevel = environment['RIGHTSIZE_LOG_LEVEL'] ?? 'warn';
  if (!LOG_LEVELS.includes(logLevel as LogLevel)) {
    throw new UsageError(`RIGHTSIZE_LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}, not "${logLevel}"`);
  }
  return {
    configFile: configFileOf(flags.config, environment),
    host: flags.host ?? environment['RIGHTSIZE_HOST'] ?? '127.0.0.1',
    port: wholeNumber('the port', flags.port ?? environment['RIGHTSIZE_PORT'] ?? environment['PORT'] ?? '8787', 65_535),
    dataDir: dataDirOf(flags.dataDir, environment),
    engineDir: engineDirOf(flags.dataDir, environment),
    apiKey: readSecret('RIGHTSIZE_API_KEY', environment),
    adminKey: readSecret('RIGHTSIZE_ADMIN_KEY', environment),
    databaseUrl: readSecret('DATABASE_URL', environment),
    isInsecure: flags.insecure ?? false,
    logLevel: logLevel as LogLevel,
    maxBodyBytes: wholeNumber(
      'RIGHTSIZE_MAX_BODY_BYTES',
      environment['RIGHTSIZE_MAX_BODY_BYTES'] ?? String(DEFAULT_MAX_BODY_BYTES),
      1024 * 1024 * 1024,
    ),
    workers: readWorkers(flags.workers ?? environment['RIGHTSIZE_WORKERS'] ?? '1'),
    redis: readRedis(environment),
  };
};

const MAX_WORKERS = 64;

const readWorkers = (text: string): number => {
  const count = wholeNumber('the number of workers', text, MAX_WORKERS);
  if (count > 0) return count;
  throw new UsageError('the number of workers must be at least 1');
};

const readRedis = (environment: Environment): RedisSettings | null => {
  const url = readSecret('REDIS_URL', environment);
  if (url === null) return null;
  const address = parseRedisUrl(url);
  const prefix = environment['RIGHTSIZE_REDIS_PREFIX'] ?? 'rightsize';
  if (!/^[\w.-]{1,64}$/.test(prefix)) {
    throw new UsageError('RIGHTSIZE_REDIS_PREFIX takes at most 64 letters, digits, dots, dashes and underscores');
  }
  const limit = (name: string) => wholeNumber(name, environment[name] ?? '50', 10_000);
  return {
    address: { ...address, password: readSecret('REDIS_PASSWORD', environment) ?? address.password },
    prefix,
    connectTimeoutMs: limit('RIGHTSIZE_REDIS_CONNECT_TIMEOUT_MS'),
    commandTimeoutMs: limit('RIGHTSIZE_REDIS_TIMEOUT_MS'),
  };
};

/** The rules that come with the program, for a folder without a routes.yaml of its own. */
const SHIPPED_CONFIG = join(import.meta.dirname, '../routes.yaml');

/** The routes.yaml to use: by flag, by `RIGHTSIZE_CONFIG`, in the working directory, else the shipped one. */
export const configFileOf = (flag: string | undefined, environment: Environment): string => {
  const chosen = flag ?? environment['RIGHTSIZE_CONFIG'];
  if (chosen !== undefined) return resolve(chosen);
  return existsSync('routes.yaml') ? resolve('routes.yaml') : SHIPPED_CONFIG;
};

/** Where the gateway keeps its files. */
export const dataDirOf = (flag: string | undefined, environment: Environment): string =>
  resolve(flag ?? environment['RIGHTSIZE_DATA_DIR'] ?? 'data');

export const engineDirOf = (dataDirFlag: string | undefined, environment: Environment): string =>
  resolve(environment['RIGHTSIZE_ENGINE_DIR'] ?? join(dataDirOf(dataDirFlag, environment), 'engine'));

/** Whether only this machine can reach the address. */
export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host);

const wholeNumber = (what: string, text: string, max: number): number => {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= max) return value;
  throw new UsageError(`${what} must be a whole number up to ${max}, not "${text}"`);
};

/** A secret from `NAME`, or from the file that `NAME_FILE` names, as container platforms mount them. */
const readSecret = (name: string, environment: Environment): string | null => {
  const file = environment[`${name}_FILE`];
  if (environment[name]) return environment[name];
  if (!file) return null;
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new Error(`${name}_FILE: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`);
  }
  if (secret === '') throw new Error(`${name}_FILE: ${file} is empty`);
  return secret;
};
