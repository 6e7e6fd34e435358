import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import { demoCommand } from '../../src/cli/demo.ts';
import { DEMO_PROMPTS } from '../../src/cli/demo-prompts.ts';
import { keysCreateCommand } from '../../src/cli/keys.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { temporaryDirectory } from '../support/run-cli.ts';
import { until } from '../support/until.ts';

const folder = temporaryDirectory();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Both tiers are the simulated provider: what runs on a machine's own model is shown with the engine elsewhere. */
const routes = {
  version: 1,
  upstreams: { simulated: { kind: 'openai-compatible', url: `\${RIGHTSIZE_SIMULATED_URL}`, free: true } },
  tiers: [{ name: 'small', models: [{ upstream: 'simulated', model: 'simulated-large' }] }],
  routes: [{ name: 'default', match: { model: 'auto' }, tier: 'small' }],
};
const config = join(folder, 'routes.yaml');
writeFileSync(config, JSON.stringify(routes));

/** The demo until its samples are shown, then told to stop. */
const watchDemo = async (flags: { dataDir?: string }, environment: Record<string, string>) => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let shown = '';
  let errors = '';
  stdout.on('data', (text) => (shown += text));
  stderr.on('data', (text) => (errors += text));
  let stop = () => {};
  const onSignal = (name: string, callback: () => void) => {
    if (name === 'SIGTERM') stop = callback;
    return () => {};
  };
  const context = { environment, stdin: new PassThrough(), stdout, stderr, clock: systemClock, onSignal };
  const ended = demoCommand({ port: '0', config, ...flags }, context);
  await until(() => shown.includes('Now try it yourself') || errors.includes('failed'), 20_000, 'the samples');
  stop();
  await ended;
  return { shown, errors };
};

test('its samples are answered where keys are required, with a key of their own', async () => {
  const dataDir = join(folder, 'keyed');
  mkdirSync(dataDir);
  const quiet = { environment: {}, stdin: new PassThrough(), clock: systemClock, onSignal: () => () => {} };
  const outputs = { stdout: new PassThrough(), stderr: new PassThrough() };
  await keysCreateCommand('Ada', { route: [], tier: [], model: [], tag: [], dataDir }, { ...quiet, ...outputs });
  const { shown, errors } = await watchDemo({ dataDir }, {});
  expect(errors).not.toContain('failed');
  expect(shown.split('\n').filter((line) => line.startsWith('small '))).toHaveLength(DEMO_PROMPTS.length);
  expect(shown).toContain('authorization: Bearer <your key>');
}, 30_000);

test('simulated money is in no ledger but its own, whatever the environment names', async () => {
  const usual = join(folder, 'usual');
  const environment = {
    RIGHTSIZE_DATA_DIR: usual,
    DATABASE_URL: 'postgres://127.0.0.1:1/x',
    REDIS_URL: 'redis://127.0.0.1:1',
  };
  const { shown } = await watchDemo({}, environment);
  expect(shown.split('\n').filter((line) => line.startsWith('small '))).toHaveLength(DEMO_PROMPTS.length);
  expect(existsSync(join(usual, 'demo', 'ledger.sqlite'))).toBe(true);
  expect(existsSync(join(usual, 'ledger.sqlite'))).toBe(false);
}, 30_000);
