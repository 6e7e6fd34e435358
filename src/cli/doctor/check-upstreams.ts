import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { LoadedConfig } from '../../config/loaded-config.ts';
import { UPSTREAM_DEFAULTS } from '../../config/upstream-defaults.ts';
import type { HttpUpstreamConfig, LlamaUpstreamConfig } from '../../config/upstream-schema.ts';
import { hasEngine } from '../../model-host/engine.ts';
import { judgeFit, type Machine, thisMachine } from '../../model-host/fit.ts';
import { inspectFiles } from '../../model-host/inspect.ts';
import { findLocalFiles, parseModelSpec } from '../../model-host/model-source.ts';
import type { Settings } from '../../settings.ts';
import { presetOf } from '../../upstreams/presets/preset.ts';
import { probeServer } from '../probe-server.ts';
import { broken, type Finding, ok, warning } from './finding.ts';

export type UpstreamFindings = {
  findings: Finding[];
  /** The names of those that can answer, or could once what they lack has been fetched. */
  able: Set<string>;
  /** The `date` headers that came. */
  dates: string[];
};

/** Each upstream by its name: reachable, its key accepted, its models there; a local model's file, memory and engine. */
export const checkUpstreams = async (
  config: LoadedConfig,
  settings: Settings,
  limitMs: number,
  machineOf: () => Promise<Machine> = thisMachine,
): Promise<UpstreamFindings> => {
  const dates: string[] = [];
  const keyless = new Set(config.missingKeys.map(({ upstream }) => upstream));
  const entries = Object.entries(config.routes.upstreams);
  const machine = entries.some(([, { kind }]) => kind === 'llama') ? await machineOf() : null;
  const findings = await Promise.all(
    entries.map(([name, upstream]) =>
      upstream.kind === 'llama'
        ? checkLocal(name, upstream, { config, settings, machine: machine as Machine })
        : checkServer(name, upstream, { config, limitMs, sawDate: (date) => dates.push(date) }),
    ),
  );
  const able = entries.filter(([name], index) => findings[index]?.state !== 'broken' && !keyless.has(name));
  return { findings, able: new Set(able.map(([name]) => name)), dates };
};

type ServerOptions = { config: LoadedConfig; limitMs: number; sawDate(date: string): void };

const checkServer = async (
  name: string,
  upstream: HttpUpstreamConfig,
  { config, limitMs, sawDate }: ServerOptions,
): Promise<Finding> => {
  const { kind, apiKey, headers = {} } = upstream;
  const check = `upstream ${name}`;
  const missing = config.missingKeys.find((each) => each.upstream === name);
  if (missing) return warning(check, 'no key, so it is left out', `set ${missing.variable}`);
  const url = upstream.url ?? (UPSTREAM_DEFAULTS[kind].url as string);
  const { host } = new URL(url);
  const probe = await probeServer(url, { ...headers, ...keyHeaders(kind, apiKey) }, limitMs);
  if (probe.kind === 'unreachable') {
    const advice = UPSTREAM_DEFAULTS[kind].isLocal
      ? `start it, or correct its url in ${config.file}`
      : 'check its url, the network and the proxy';
    return broken(check, `${host} cannot be reached: ${probe.why}`, advice);
  }
  if (probe.date !== null) sawDate(probe.date);
  if (probe.kind === 'refused') {
    if (probe.status === 401 || probe.status === 403) {
      const advice = apiKey ? 'check the key: expired, revoked, or of another provider' : 'give it an apiKey';
      return broken(
        check,
        `${host} rejects ${apiKey ? 'the key' : 'requests without a key'} (${probe.status})`,
        advice,
      );
    }
    // Some servers have no list; that they answer is all that can be known without spending anything.
    return ok(check, `${host} answers, with status ${probe.status} for its list of models: key and models not checked`);
  }
  const wanted = config.routes.tiers.flatMap(({ models }) => models.filter((each) => each.upstream === name));
  const known = new Set(
    probe.models.flatMap(({ id }) => [id, id.replace(/^models\//, ''), id.replace(/:latest$/, '')]),
  );
  const absent = wanted.map(({ model }) => model ?? '').filter((model) => !known.has(model));
  if (absent.length > 0) {
    const some = probe.models.slice(0, 5).map(({ id }) => id);
    const advice = `use one that it has (${some.join(', ')}${probe.models.length > 5 ? ', …' : ''}), or load that one there`;
    return warning(check, `${host} does not list ${absent.join(', ')} among its ${probe.models.length} models`, advice);
  }
  return ok(check, `${host} answers${apiKey ? ', accepts the key' : ''} and has ${probe.models.length} models`);
};

/** Anthropic's list of models is of its native API (https://docs.claude.com/en/api/models-list). */
const keyHeaders = (kind: HttpUpstreamConfig['kind'], apiKey: string | undefined): Record<string, string> => {
  if (!apiKey) return {};
  if (kind === 'anthropic') return { 'x-api-key': apiKey, 'anthropic-version': '2023-06-01' };
  return presetOf(kind).keyHeader === 'api-key' ? { 'api-key': apiKey } : { authorization: `Bearer ${apiKey}` };
};

type LocalOptions = { config: LoadedConfig; settings: Settings; machine: Machine };

const checkLocal = async (
  name: string,
  { model, contextTokens, parallel }: LlamaUpstreamConfig,
  { config, settings, machine }: LocalOptions,
): Promise<Finding> => {
  const check = `upstream ${name}`;
  const isSpec = /^(builtin|hf):/.test(model);
  const spec = isSpec || isAbsolute(model) ? model : resolve(dirname(config.file), model);
  try {
    const files = findLocalFiles(parseModelSpec(spec), join(settings.dataDir, 'models'));
    if (files === null) {
      return warning(
        check,
        `${model} is not on this machine yet; the first start downloads it`,
        `rightsize models pull ${model}`,
      );
    }
    const { memory } = inspectFiles(files, { contextTokens, parallel });
    const { fits, why } = judgeFit(memory.totalBytes, machine);
    if (!fits) {
      return broken(
        check,
        `${model} ${why}`,
        'take a smaller model or quantisation, or lower contextTokens or parallel',
      );
    }
    return ok(check, `${model} is here; ${why}`);
  } catch (error) {
    return broken(check, (error as Error).message, `correct \`model\` of upstream "${name}" in ${config.file}`);
  }
};

/** The engine of local models; asked only where there is such a model. */
export const checkEngine = (
  { engineDir }: Settings,
  environment: Readonly<Record<string, string | undefined>>,
): Finding => {
  if (hasEngine(engineDir)) return ok('engine', 'the engine for local models is installed');
  const advice = 'rightsize engine install';
  return environment['RIGHTSIZE_ENGINE_INSTALL'] === 'never'
    ? broken('engine', 'there is no engine for local models, and RIGHTSIZE_ENGINE_INSTALL is never', advice)
    : warning('engine', 'there is no engine for local models yet; the first start installs it (85 MB)', advice);
};
