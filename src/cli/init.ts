import { existsSync, writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { UsageError } from '../lib/usage-error.ts';
import type { CliContext } from './context.ts';
import { findServers } from './found-servers.ts';
import { providersOf, starterRoutes } from './starter-routes.ts';

export type InitOptions = { force?: boolean; stdout?: boolean };

/** A server on this machine that says nothing for so long is not there. */
const LIMIT_MS = 700;

/**
 * `rightsize init [file]`: writes a routes.yaml for the keys in the environment and the model servers on this machine.
 * @returns 0. @throws UsageError where a file is there and nobody said `--force`.
 */
export const initCommand = async (
  path: string | undefined,
  options: InitOptions,
  { environment, stdout, stderr }: CliContext,
  find: () => ReturnType<typeof findServers> = () => findServers(LIMIT_MS),
): Promise<number> => {
  const file = resolve(path ?? 'routes.yaml');
  const shown = relative('.', file) || file;
  if (!options.stdout && !options.force && existsSync(file)) {
    throw new UsageError(`${shown} is there already; --force replaces it, --stdout prints instead`);
  }
  const variables = new Set(Object.entries(environment).flatMap(([name, value]) => (value?.trim() ? [name] : [])));
  const servers = await find();
  const text = starterRoutes({ variables, servers });
  for (const { kind, url, models } of servers) {
    stderr.write(
      `found ${kind} at ${url} with ${models.length} models${models.length === 0 ? ', so it is left out' : ''}\n`,
    );
  }
  for (const kind of providersOf(variables)) stderr.write(`found a key for ${kind}\n`);
  if (options.stdout) stdout.write(text);
  else {
    writeFileSync(file, text);
    stderr.write(`wrote ${shown}; next: rightsize doctor, then rightsize serve\n`);
  }
  return 0;
};
