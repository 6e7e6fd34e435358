import { dirname, resolve } from 'node:path';
import type { ConfigProblem, LoadedConfig } from './loaded-config.ts';
import type { References } from './references.ts';
import type { Environment, Substitution } from './substitute.ts';
import { defaultsOf } from './upstream-defaults.ts';
import type { YamlSource } from './yaml-source.ts';

export type ReadFile = (path: string) => Promise<Uint8Array>;

export type ApiKeys = {
  /** By upstream; undefined: asked for by the file, but not there. An upstream that is absent keeps what it has. */
  keys: Map<string, string | undefined>;
  missing: LoadedConfig['missingKeys'];
  problems: ConfigProblem[];
};

type Input = {
  file: string;
  references: References;
  source: YamlSource;
  substitution: Substitution;
  environment: Environment;
  readFile: ReadFile;
};

/**
 * Finds the key of each upstream: `apiKey`, the content of `apiKeyFile`, or the variable that is usual for its kind
 * where neither is written and the default URL is used. Keys are trimmed. Never throws.
 */
export const resolveApiKeys = async (input: Input): Promise<ApiKeys> => {
  const { file, references, source, substitution, environment, readFile } = input;
  const result: ApiKeys = { keys: new Map(), missing: [], problems: [] };

  for (const [upstream, { kind, url, apiKey, apiKeyFile }] of Object.entries(references.upstreams)) {
    const path = ['upstreams', upstream];
    const defaults = defaultsOf(kind);
    const report = (key: string, message: string) => result.problems.push(source.problem([...path, key], message));
    const keep = (key: string, value: string) => {
      if (/^[\x21-\x7e]+$/.test(value.trim())) result.keys.set(upstream, value.trim());
      else report(key, 'the key is empty, has several lines, or has characters that no key has');
    };

    if (apiKey !== undefined && apiKeyFile !== undefined) {
      report('apiKeyFile', 'an upstream has either `apiKey` or `apiKeyFile`, not both');
    } else if (apiKeyFile !== undefined) {
      const content = await readFile(resolve(dirname(file), apiKeyFile)).catch(toCode);
      if (typeof content === 'string') report('apiKeyFile', `the key file cannot be read (${content})`);
      else keep('apiKeyFile', new TextDecoder().decode(content));
    } else if (apiKey !== undefined) {
      const variable = substitution.unsetKeys.get(source.nodeAt([...path, 'apiKey']));
      if (variable === undefined) keep('apiKey', apiKey);
      else result.keys.set(upstream, undefined);
      if (variable !== undefined && !defaults?.isLocal) result.missing.push({ upstream, variable });
    } else if (defaults?.keyVariable && defaults.needsKey && url === undefined && defaults.url !== undefined) {
      const value = environment[defaults.keyVariable]?.trim();
      if (value) result.keys.set(upstream, value);
      else result.missing.push({ upstream, variable: defaults.keyVariable });
    }
  }
  return result;
};

const toCode = (error: unknown): string => String((error as NodeJS.ErrnoException).code ?? 'unknown error');
