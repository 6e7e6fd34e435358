import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress, RedisNode } from './redis-address.ts';

export type RedisClientLimits = {
  /** Longest wait for a connection. */
  connectTimeoutMs: number;
  /** Longest wait for the answers to a login and to the question whether it is ready. */
  handshakeTimeoutMs: number;
};

/**
 * A client that reconnects by itself for ever, queues nothing while it is not connected, and never sends a command a
 * second time. Errors of the connection are events of it: listen to `error`.
 * @throws Error when a PEM file cannot be read.
 */
export const createRedisClient = (address: RedisAddress, limits: RedisClientLimits): Redis | Cluster => {
  const options = { ...commonOptions(address, limits), retryStrategy: reconnectDelayMs };
  if (address.kind !== 'cluster') return new Redis({ ...options, ...placeOf(address) });
  return new Cluster(address.nodes, {
    enableOfflineQueue: false,
    clusterRetryStrategy: reconnectDelayMs,
    // A node that moved or failed over is asked for again at once, not sixteen times.
    maxRedirections: 3,
    slotsRefreshTimeout: limits.handshakeTimeoutMs,
    redisOptions: options,
    // Certificates name the host; the address that a name resolves to would not match.
    ...(address.tls && { dnsLookup: (host: string, done: (error: null, address: string) => void) => done(null, host) }),
  });
};

/**
 * A connection for one subscriber, which does not reconnect: whoever holds it opens the next. In a cluster every message
 * reaches every node, so any of them will do: `turn` counts connections, and each goes to another one.
 */
export const createSubscriberClient = (address: RedisAddress, limits: RedisClientLimits, turn: number): Redis => {
  const options: RedisOptions = { ...commonOptions(address, limits), retryStrategy: null };
  if (address.kind !== 'cluster') return new Redis({ ...options, ...placeOf(address), db: 0 });
  return new Redis({ ...options, ...(address.nodes[turn % address.nodes.length] as RedisNode) });
};

const FIRST_RECONNECT_MS = 50;
const LONGEST_RECONNECT_MS = 1_000;

/** Waits before the next try to connect: doubling, with up to a quarter of chance so that gateways do not march in step. */
export const reconnectDelayMs = (times: number): number => {
  const delay = Math.min(FIRST_RECONNECT_MS * 2 ** (times - 1), LONGEST_RECONNECT_MS);
  return delay + Math.floor((Math.random() * delay) / 4);
};

const commonOptions = ({ username, password, tls }: RedisAddress, limits: RedisClientLimits): RedisOptions => ({
  username,
  password,
  ...(tls && { tls: readTls(tls) }),
  connectTimeout: limits.connectTimeoutMs,
  commandTimeout: limits.handshakeTimeoutMs,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  connectionName: 'rightsize',
  // After a failover the old master is a replica: only a new connection finds the new one.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
});

const placeOf = (address: Exclude<RedisAddress, { kind: 'cluster' }>): RedisOptions => {
  const { database: db } = address;
  if (address.kind === 'server') return { host: address.host, port: address.port, db };
  if (address.kind === 'socket') return { path: address.path, db };
  const tls = address.tls && readTls(address.tls);
  return {
    sentinels: address.nodes,
    name: address.master,
    sentinelUsername: address.sentinelUsername,
    sentinelPassword: address.sentinelPassword,
    db,
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
  };
};

const readTls = ({ caFile, certFile, keyFile }: NonNullable<RedisAddress['tls']>): ConnectionOptions => ({
  ...(caFile && { ca: readPem(caFile) }),
  ...(certFile && { cert: readPem(certFile) }),
  ...(keyFile && { key: readPem(keyFile) }),
});

const readPem = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`REDIS_URL: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`);
  }
};
