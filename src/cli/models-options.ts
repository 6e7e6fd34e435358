import { join } from 'node:path';
import { UsageError } from '../lib/usage-error.ts';
import { findInCatalogue, specOf } from '../model-host/catalogue.ts';
import type { HubRequest } from '../model-host/hub.ts';
import { dataDirOf } from '../settings.ts';
import type { CliContext } from './context.ts';

export type ModelsOptions = { dataDir?: string; json?: boolean };
export type MemoryOptions = { context?: string; parallel?: string };

export const modelsDirOf = ({ dataDir }: ModelsOptions, { environment }: CliContext): string =>
  join(dataDirOf(dataDir, environment), 'models');

export const hubOf = ({ environment }: CliContext): HubRequest => ({
  endpoint: (environment['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, ''),
  token: environment['HF_TOKEN'] || null,
});

/** A name of the catalogue as the spec that it stands for; anything else as it is. */
export const toSpec = (nameOrSpec: string): string => {
  const entry = findInCatalogue(nameOrSpec);
  return entry ? specOf(entry) : nameOrSpec;
};

/** @throws UsageError */
export const memoryOptions = ({ context = '8192', parallel = '4' }: MemoryOptions) => ({
  contextTokens: wholeNumber('--context', context),
  parallel: wholeNumber('--parallel', parallel),
});

const wholeNumber = (flag: string, text: string): number => {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= 1) return value;
  throw new UsageError(`${flag} must be a whole number of at least 1, not "${text}"`);
};

export const printJson = ({ stdout }: CliContext, value: unknown): void => {
  stdout.write(`${JSON.stringify(value, null, 2)}\n`);
};
