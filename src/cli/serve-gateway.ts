import { formatProblems } from '../config/format-problems.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import type { Settings } from '../settings.ts';
import type { UpstreamState } from '../upstreams/upstream.ts';
import type { CliContext } from './context.ts';
import { DRAIN_MS, STOPPING } from './stopping.ts';

/** Runs the gateway in this process until it is told to stop. @returns the exit code. */
export const serveGateway = async (settings: Settings, context: CliContext): Promise<number> => {
  const gateway = await startGateway(settings, context);
  printBanner(gateway, context);
  const stopTelling = tellWhenReady(gateway, context);
  const code = await untilStopped(gateway, context);
  stopTelling();
  return code;
};

/** Resolves when the gateway has stopped: the first signal drains, the second stops at once, SIGHUP reloads. */
export const untilStopped = (
  gateway: Gateway,
  { onSignal, stderr }: Pick<CliContext, 'onSignal'> & { stderr: { write(text: string): unknown } },
): Promise<number> =>
  new Promise((resolve) => {
    let isStopping = false;
    const stop = () => {
      if (isStopping) gateway.app.server.closeAllConnections();
      else {
        isStopping = true;
        stderr.write(STOPPING);
        gateway.close(DRAIN_MS).then(
          () => finish(0),
          () => finish(1),
        );
      }
    };
    const finish = (code: number) => {
      for (const end of ends) end();
      resolve(code);
    };
    const ends = [
      onSignal('SIGINT', stop),
      onSignal('SIGTERM', stop),
      onSignal('SIGHUP', () => void gateway.config.reload()),
    ];
  });

/** What a newcomer needs to see: where it listens, what answers there, and what does not and why. */
export const printBanner = (gateway: Gateway, { stderr }: Pick<CliContext, 'stderr'>): void => {
  const { config, table, upstreams } = gateway.app.runtime();
  stderr.write(`Rightsize listens on ${gateway.url}/v1 (${config.file}, version ${config.version})\n`);
  for (const { name, candidates } of table.tiers) {
    for (const { upstream, model } of candidates) {
      stderr.write(
        `  ${name.padEnd(8)} ${`${upstream}/${model}`.padEnd(36)} ${show(upstreams.get(upstream)?.state())}\n`,
      );
    }
  }
  if (gateway.adminKeyFile !== null)
    stderr.write(`Admin key, for ${gateway.url}/admin/api: in ${gateway.adminKeyFile}\n`);
  const warnings = formatProblems(config.file, config.warnings, { noun: 'warning' });
  if (warnings !== '') stderr.write(`${warnings}\n`);
  const withoutModel = table.tiers.filter(({ candidates }) =>
    candidates.every(({ upstream }) => upstreams.get(upstream)?.state().state === 'disabled'),
  );
  for (const { name } of withoutModel) {
    stderr.write(`Tier "${name}" has no model that can be asked: its requests go to the other tiers, and say so.\n`);
  }
};

/** How often to look whether what was starting has changed. */
const LOOK_EVERY_MS = 500;

/** Prints each change of an upstream that was still starting, a download's progress included, until all are settled. */
export const tellWhenReady = (gateway: Gateway, { clock, stderr }: CliContext): (() => void) => {
  const told = new Map<string, string>();
  let cancel = () => {};
  const look = () => {
    let isAnyStarting = false;
    for (const [name, upstream] of gateway.app.runtime().upstreams) {
      const state = upstream.state();
      const before = told.get(name);
      told.set(name, show(state));
      isAnyStarting ||= state.state === 'starting';
      if (before !== undefined && before !== show(state)) stderr.write(`  ${name} is ${show(state)}\n`);
    }
    if (isAnyStarting) cancel = clock.after(LOOK_EVERY_MS, look);
  };
  look();
  return () => cancel();
};

const show = (state: UpstreamState | undefined): string =>
  state === undefined ? 'not configured' : `${state.state}: ${state.detail}`;
