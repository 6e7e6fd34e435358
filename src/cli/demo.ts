import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { request } from 'undici';
import { HEADERS } from '../contract/vocabulary.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { dataDirOf, readSettings, type ServeFlags, type Settings } from '../settings.ts';
import { createSimulatedProvider } from '../upstreams/simulated-provider.ts';
import type { CliContext } from './context.ts';
import { withKeys } from './open-keys.ts';
import { printBanner, untilStopped } from './serve.ts';

const DEMO_CONFIG = join(import.meta.dirname, '../../demo/routes.yaml');
const READY_LIMIT_MS = 60_000;
const REQUEST_LIMIT_MS = 60_000;
const SAMPLE_MAX_TOKENS = 48;
const SAMPLES_KEY_MS = 10 * 60_000;

const SAMPLES: readonly string[] = [
  'What is 2+2?',
  'What is the capital of France?',
  'Say hello in Spanish.',
  'Is the sky blue on a clear day?',
  'Prove that there are infinitely many primes congruent to 3 modulo 4, and then explain step by step why the same argument fails for primes congruent to 1 modulo 4.',
  'Translate "good morning" into French.',
  'Refactor the following module into small pure functions, keep its public API, handle every error path, and write unit tests with full branch coverage:\n```ts\nexport class Cache { private m = new Map(); get(k, load) { if (!this.m.has(k)) { this.m.set(k, load(k)); setTimeout(() => this.m.delete(k), 1000); } return this.m.get(k); } }\n```',
  'How many days are in a week?',
];

/**
 * `rightsize demo`: a gateway with the model in the box and a simulated large provider; sends some sample requests,
 * prints where each went and why, and goes on serving. It keeps to a data directory of its own (`demo` in the usual one,
 * unless a flag names one), and to no Redis and no Postgres: simulated money is in nobody's ledger. @returns the exit code.
 */
export const demoCommand = async (flags: ServeFlags, context: CliContext): Promise<number> => {
  const settings = settingsOf(flags, context);
  const provider = createSimulatedProvider().listen(0, '127.0.0.1');
  await once(provider, 'listening');
  const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1`;
  try {
    const environment = { ...context.environment, RIGHTSIZE_SIMULATED_URL: url };
    const gateway = await startGateway(settings, { ...context, environment });
    const apiKey = settings.apiKey ?? (await keyIfRequired(settings, context));
    printBanner(gateway, context);
    const stopped = untilStopped(gateway, context);
    await Promise.race([stopped, showSamples(gateway, apiKey, context)]);
    return await stopped;
  } finally {
    provider.closeAllConnections();
    provider.close();
  }
};

const settingsOf = (flags: ServeFlags, { environment }: CliContext): Settings => ({
  ...readSettings({ config: DEMO_CONFIG, ...flags }, environment),
  ...(flags.dataDir === undefined && { dataDir: join(dataDirOf(undefined, environment), 'demo') }),
  databaseUrl: null,
  redis: null,
});

/** A key for the samples where somebody has made keys in this data directory: then none goes without. */
const keyIfRequired = ({ dataDir }: Settings, context: CliContext): Promise<string | null> => {
  const {
    DATABASE_URL: _,
    DATABASE_URL_FILE: __,
    REDIS_URL: ___,
    REDIS_URL_FILE: ____,
    ...environment
  } = context.environment;
  return withKeys({ dataDir }, { ...context, environment }, async ({ registry, manager, actor }) => {
    if (!(await registry.hasEver('client'))) return null;
    const expiresAt = new Date(context.clock.now() + SAMPLES_KEY_MS).toISOString();
    const { secret } = await manager.create({ kind: 'client', name: 'samples of the demo', expiresAt }, actor);
    return secret;
  });
};

const showSamples = async (gateway: Gateway, apiKey: string | null, { stdout, stderr }: CliContext): Promise<void> => {
  try {
    await untilReady(gateway);
    stdout.write(`\n${row('tier', 'model', 'cost USD', 'prompt', 'reason')}\n`);
    for (const [index, prompt] of SAMPLES.entries())
      stdout.write(`${await ask(gateway, apiKey, prompt, index % 2 === 1)}\n`);
    stdout.write(
      '\nThe small model is untrained: where it answers is real, what it says means nothing. Answers of the large tier\n' +
        `are simulated. Now try it yourself:\n\n  curl -si ${gateway.url}/v1/chat/completions -H 'content-type: application/json' \\\n` +
        (apiKey === null ? '' : `    -H 'authorization: Bearer <your key>' \\\n`) +
        `    -d '{"model":"auto","messages":[{"role":"user","content":"What is 2+2?"}]}'\n\n`,
    );
  } catch (error) {
    stderr.write(`The sample requests failed: ${(error as Error).message}\n`);
  }
};

const ask = async ({ url }: Gateway, apiKey: string | null, prompt: string, isStream: boolean): Promise<string> => {
  const { headers, body } = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(apiKey && { authorization: `Bearer ${apiKey}` }) },
    body: JSON.stringify({
      model: 'auto',
      messages: [{ role: 'user', content: prompt }],
      max_tokens: SAMPLE_MAX_TOKENS,
      stream: isStream,
    }),
    signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
  });
  const text = await body.text();
  const cost = headers[HEADERS.cost] ?? new RegExp(`: ${HEADERS.cost}: (.*)`).exec(text)?.[1] ?? '';
  const show = (name: string) => String(headers[name] ?? '');
  const shownPrompt = prompt.replace(/\s+/g, ' ').slice(0, 40);
  return row(show(HEADERS.tier), show(HEADERS.model), String(cost), shownPrompt, show(HEADERS.reason));
};

const row = (tier: string, model: string, cost: string, prompt: string, reason: string): string =>
  `${tier.padEnd(6)} ${model.padEnd(25)} ${cost.padEnd(12)} ${prompt.padEnd(40)}  ${reason}`;

/** Waits for the model in the box, so that the first sample shows it; goes on without it after a limit. */
const untilReady = async ({ app }: Gateway): Promise<void> => {
  const isStarting = () =>
    [...app.runtime().upstreams.values()].some((upstream) => upstream.state().state === 'starting');
  const deadline = Date.now() + READY_LIMIT_MS;
  while (isStarting() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
};
