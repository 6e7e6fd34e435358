import { readFileSync } from 'node:fs';
import type { Settings } from '../settings.ts';
import type { CliContext } from './context.ts';

/** The address that docs/clients.md is written with. */
const WRITTEN_ADDRESS = 'http://127.0.0.1:8787';
const DOCUMENT = new URL('../../docs/clients.md', import.meta.url);

/** Prints what to change in each client, with this gateway's own address. @returns 0. */
export const printClients = (settings: Settings, { stdout }: Pick<CliContext, 'stdout'>): number => {
  stdout.write(clientsDocument(settings));
  return 0;
};

/** docs/clients.md for a gateway that listens as the settings say; an address for all becomes one to call. */
export const clientsDocument = ({ host, port, apiKey }: Pick<Settings, 'host' | 'port' | 'apiKey'>): string => {
  const callable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const address = `http://${callable.includes(':') ? `[${callable}]` : callable}:${port}`;
  const key =
    apiKey === null ? 'This gateway asks for no key: any text will do.' : 'YOUR_KEY is your RIGHTSIZE_API_KEY.';
  return `${readFileSync(DOCUMENT, 'utf8').replaceAll(WRITTEN_ADDRESS, address)}\n${key}\n`;
};
