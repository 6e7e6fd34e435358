import { relative } from 'node:path';
import { formatProblem } from '../../config/format-problems.ts';
import { loadConfig } from '../../config/load.ts';
import type { LoadedConfig } from '../../config/loaded-config.ts';
import { parseWeights } from '../../difficulty/weights.ts';
import { readSettings, type ServeFlags } from '../../settings.ts';
import { printClients } from '../clients.ts';
import type { CliContext } from '../context.ts';
import { checkClock, checkDataDir, checkDoor, checkNode, checkPort } from './check-machine.ts';
import { checkPostgres, checkRedis } from './check-stores.ts';
import { checkEngine, checkUpstreams } from './check-upstreams.ts';
import { broken, type Finding, ok, warning } from './finding.ts';

export type DoctorOptions = ServeFlags & { json?: boolean; clients?: boolean };

/** For each thing that is asked over a network. */
const LIMIT_MS = 5_000;

/**
 * `rightsize doctor`: looks at everything that the gateway needs and says what to do about what is missing. Asks
 * upstreams for their list of models, which costs nothing, and changes nothing. @returns 1 when something is broken.
 */
export const doctorCommand = async (options: DoctorOptions, context: CliContext): Promise<number> => {
  const { environment, clock, stdout } = context;
  const settings = readSettings(options, environment);
  if (options.clients) return printClients(settings, context);
  const loaded = await loadConfig({ file: settings.configFile, environment, checkModel: parseWeights });
  const config = loaded.ok ? loaded.config : null;
  const [upstreams, port, redis, postgres] = await Promise.all([
    config === null ? { findings: [], able: new Set<string>(), dates: [] } : checkUpstreams(config, settings, LIMIT_MS),
    settings.port === 0 ? null : checkPort(settings, LIMIT_MS),
    checkRedis(settings, clock, LIMIT_MS),
    checkPostgres(settings, LIMIT_MS),
  ]);
  const shown = relative('.', settings.configFile) || settings.configFile;
  const routes = loaded.ok
    ? ok('routes', `${shown} is valid (version ${loaded.config.version})`)
    : broken(
        'routes',
        `${shown} has ${loaded.problems.length} problem(s); the first: ${formatProblem(shown, loaded.problems[0]!).split('\n')[0]}`,
        `rightsize check ${shown}`,
      );
  const hasLocalModel = Object.values(config?.routes.upstreams ?? {}).some(({ kind }) => kind === 'llama');
  const findings: Finding[] = [
    checkNode(process.versions.node),
    checkClock(clock.now(), upstreams.dates),
    checkDataDir(settings.dataDir),
    checkDoor(settings),
    ...(port === null ? [] : [port]),
    routes,
    ...upstreams.findings,
    ...(hasLocalModel ? [checkEngine(settings, environment)] : []),
    ...(config === null ? [] : checkTiers(config, upstreams.able)),
    ...redis,
    ...postgres,
  ];
  const isBroken = findings.some(({ state }) => state === 'broken');
  if (options.json) stdout.write(`${JSON.stringify({ ok: !isBroken, findings }, null, 2)}\n`);
  else stdout.write(findings.map(show).join(''));
  return isBroken ? 1 : 0;
};

/** A tier all of whose upstreams are left out hands its requests to the others; without any tier nothing is answered. */
const checkTiers = (config: LoadedConfig, able: ReadonlySet<string>): Finding[] => {
  const { tiers } = config.routes;
  const out = tiers.filter(({ models }) => !models.some(({ upstream }) => able.has(upstream))).map(({ name }) => name);
  const advice = 'see the upstreams above';
  if (out.length === tiers.length) return [broken('tiers', 'no tier has a model that can answer', advice)];
  if (out.length === 0)
    return [ok('tiers', `${tiers.map(({ name }) => name).join(', ')}: each has a model that can answer`)];
  return out.map((name) =>
    warning('tiers', `${name} has no model that can answer; the other tiers answer for it`, advice),
  );
};

const show = ({ check, state, detail, advice }: Finding): string => {
  const line = `${state.padEnd(8)} ${check.padEnd(20)} ${detail}`.replace(/\p{Cc}/gu, '?');
  return advice === undefined ? `${line}\n` : `${line}\n${' '.repeat(30)}-> ${advice}\n`;
};
