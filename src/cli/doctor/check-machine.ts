import { once } from 'node:events';
import { accessSync, constants, existsSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { request } from 'undici';
import { isLoopback, type Settings } from '../../settings.ts';
import { broken, type Finding, ok, warning } from './finding.ts';

/** The Node that runs this, against what package.json asks for. @param version such as `24.21.0`. */
export const checkNode = (version: string): Finding => {
  const { engines } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const [least = ''] = /[\d.]+/.exec(engines.node) ?? [];
  if (isAtLeast(version, least)) return ok('node', `Node ${version}`);
  return broken('node', `Node ${version} is older than ${least}`, `install Node ${least} or later`);
};

const isAtLeast = (version: string, least: string): boolean => {
  const [a = [], b = []] = [version, least].map((text) => text.split('.').map(Number));
  const index = b.findIndex((part, i) => (a[i] ?? 0) !== part);
  return index < 0 || (a[index] ?? 0) > (b[index] ?? 0);
};

const LEAST_ROOM_BYTES = 100 * 1024 * 1024;

/** Whether ledger and models can be written; where the folder is not there yet, whether it can be made. */
export const checkDataDir = (directory: string): Finding => {
  const check = 'data';
  const advice = 'choose another with --data-dir or RIGHTSIZE_DATA_DIR, or change who may write there';
  let existing = directory;
  while (!existsSync(existing)) existing = dirname(existing);
  if (!statSync(existing).isDirectory()) return broken(check, `${existing} is no folder`, advice);
  try {
    accessSync(existing, constants.W_OK);
    if (existing === directory) {
      const file = join(directory, `.doctor-${process.pid}`);
      writeFileSync(file, '');
      rmSync(file);
    }
  } catch (error) {
    return broken(check, `${directory} cannot be written (${(error as NodeJS.ErrnoException).code})`, advice);
  }
  const { bavail, bsize } = statfsSync(existing);
  if (bavail * bsize < LEAST_ROOM_BYTES) {
    const left = `${Math.round((bavail * bsize) / 1e6)} MB`;
    return warning(check, `the disk of ${directory} has ${left} left`, 'make room: the ledger needs some');
  }
  return ok(
    check,
    existing === directory ? `${directory} can be written` : `${directory} will be made at the first start`,
  );
};

/** Without a key, nobody but this machine may reach the gateway. */
export const checkDoor = ({ host, apiKey, isInsecure }: Settings): Finding => {
  if (apiKey !== null) return ok('key', 'clients need RIGHTSIZE_API_KEY');
  if (isLoopback(host)) return ok('key', `no key needed: ${host} is this machine alone`);
  const detail = `${host} can be reached from other machines, and no key is required`;
  return isInsecure
    ? warning('key', detail, 'set RIGHTSIZE_API_KEY')
    : broken('key', detail, 'set RIGHTSIZE_API_KEY, or say --insecure');
};

/** Whether the port is free, or a gateway of ours has it. */
export const checkPort = async ({ host, port }: Settings, limitMs: number): Promise<Finding> => {
  const place = `${host}:${port}`;
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return ok('port', `${place} is free`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') {
      return broken('port', `cannot listen on ${place} (${code})`, 'choose another with --host and --port');
    }
    const status = await readStatus(host, port, limitMs);
    if (status !== null) return ok('port', `a gateway listens on ${place} already: ${status}`);
    return broken('port', `${place} is taken by another program`, 'stop it, or choose another port with --port');
  } finally {
    server.close();
  }
};

/** The status of a running gateway; null where something else answers, or nothing. */
const readStatus = async (host: string, port: number, limitMs: number): Promise<string | null> => {
  try {
    const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
    const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}/readyz`;
    const { body } = await request(url, { signal: AbortSignal.timeout(limitMs) });
    const { status, tiers } = (await body.json()) as { status?: unknown; tiers?: unknown };
    return typeof status === 'string' && typeof tiers === 'object' ? status : null;
  } catch {
    return null;
  }
};

const MOST_SKEW_MS = 5 * 60_000;
/** This program was not there before. */
const FIRST_YEAR = 2025;

/** Whether the clock agrees with what upstreams say the time is. @param dates their `date` headers. */
export const checkClock = (now: number, dates: readonly string[]): Finding => {
  const shown = new Date(now).toISOString();
  const advice = 'set the clock (NTP): certificates, budgets and reports go by it';
  if (new Date(now).getUTCFullYear() < FIRST_YEAR) return broken('clock', `it is not ${shown}`, advice);
  const skews = dates.map((date) => now - Date.parse(date)).filter((skew) => Number.isFinite(skew));
  const least = Math.min(...skews.map(Math.abs));
  if (skews.length > 0 && least > MOST_SKEW_MS) {
    return warning('clock', `${shown} is ${Math.round(least / 60_000)} minutes from the time of the upstreams`, advice);
  }
  return ok('clock', skews.length === 0 ? shown : `${shown}, as the upstreams say`);
};
