import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { request } from 'undici';
import type { ChatCompletion, ChatCompletionChunk } from '../contract/openai.ts';
import { HEADERS } from '../contract/vocabulary.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { dataDirOf, readSettings, type ServeFlags, type Settings } from '../settings.ts';
import { createSimulatedProvider } from '../upstreams/simulated-provider.ts';
import type { CliContext } from './context.ts';
import { DEMO_PROMPTS } from './demo-prompts.ts';
import { withKeys } from './open-keys.ts';
import { printBanner, untilStopped } from './serve-gateway.ts';

const DEMO_CONFIG = join(import.meta.dirname, '../../demo/routes.yaml');
const READY_LIMIT_MS = 60_000;
const REQUEST_LIMIT_MS = 60_000;
const SAMPLE_MAX_TOKENS = 48;
const SAMPLES_KEY_MS = 10 * 60_000;

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
    stdout.write(`\n${row('tier', 'way', 'cost USD', 'prompt', 'answer', 'reason')}\n`);
    const samples: Sample[] = [];
    for (const [index, prompt] of DEMO_PROMPTS.entries()) {
      const sample = await ask(gateway, apiKey, prompt, index % 2 === 1);
      samples.push(sample);
      const { tier, way, costUsd, answer, reason } = sample;
      stdout.write(`${row(tier, way, costUsd.toFixed(6), prompt, answer, reason)}\n`);
    }
    stdout.write(
      `\n${summaryOf(samples)}\n\nAnswers of the small tier are those of a tiny model that runs here; answers of the large tier are simulated.\n` +
        `Now try it yourself:\n\n  curl -si ${gateway.url}/v1/chat/completions -H 'content-type: application/json' \\\n` +
        (apiKey === null ? '' : `    -H 'authorization: Bearer <your key>' \\\n`) +
        `    -d '{"model":"auto","messages":[{"role":"user","content":"What is 2+2?"}]}'\n\n`,
    );
  } catch (error) {
    stderr.write(`The sample requests failed: ${(error as Error).message}\n`);
  }
};

type Sample = { tier: string; way: Way; costUsd: number; savedUsd: number; answer: string; reason: string };
type Way = 'kept' | 'at once' | 'escalated';

/** Who answered how many, and what that cost and saved by the ledger's count. */
const summaryOf = (samples: readonly Sample[]): string => {
  const count = (way: Way) => samples.filter((sample) => sample.way === way).length;
  const costUsd = samples.reduce((sum, sample) => sum + sample.costUsd, 0);
  const savedUsd = samples.reduce((sum, sample) => sum + sample.savedUsd, 0);
  return (
    `${samples.length} prompts: ${count('kept')} answered by the small model, ${count('at once')} sent to the large one at once, ` +
    `${count('escalated')} handed on to it because the small one was unsure.\n` +
    `Cost ${costUsd.toFixed(6)} USD, saved ${savedUsd.toFixed(6)} USD against asking the large model for each.`
  );
};

const ask = async ({ url }: Gateway, apiKey: string | null, prompt: string, isStream: boolean): Promise<Sample> => {
  const { headers, body } = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(apiKey && { authorization: `Bearer ${apiKey}` }) },
    body: JSON.stringify({
      model: 'auto',
      messages: [{ role: 'user', content: prompt }],
      temperature: 0,
      max_tokens: SAMPLE_MAX_TOKENS,
      stream: isStream,
    }),
    signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
  });
  const text = await body.text();
  // A stream learns its price at its end, and tells it in a comment.
  const told = (name: string) => String(headers[name] ?? new RegExp(`: ${name}: (.*)`).exec(text)?.[1] ?? '');
  const tier = told(HEADERS.tier);
  const reason = told(HEADERS.reason);
  return {
    tier,
    way: tier === 'small' ? 'kept' : reason.includes('escalated: ') ? 'escalated' : 'at once',
    costUsd: Number(told(HEADERS.cost)),
    savedUsd: Number(told(HEADERS.saved)),
    answer: isStream ? streamedText(text) : plainText(text),
    reason,
  };
};

const plainText = (text: string): string =>
  (JSON.parse(text) as Partial<ChatCompletion>).choices?.[0]?.message.content ?? text;

const streamedText = (text: string): string =>
  [...text.matchAll(/^data: (\{.*)$/gm)]
    .map(([, chunk]) => (JSON.parse(chunk!) as ChatCompletionChunk).choices[0]?.delta.content ?? '')
    .join('');

const row = (tier: string, way: string, cost: string, prompt: string, answer: string, reason: string): string =>
  `${tier.padEnd(6)} ${way.padEnd(9)} ${cost.padEnd(9)} ${cut(prompt, 40)}  ${cut(answer, 36)}  ${reason}`;

const cut = (text: string, width: number): string => text.replace(/\s+/g, ' ').slice(0, width).padEnd(width);

/** Waits for the model in the box, so that the first sample shows it; goes on without it after a limit. */
const untilReady = async ({ app }: Gateway): Promise<void> => {
  const isStarting = () =>
    [...app.runtime().upstreams.values()].some((upstream) => upstream.state().state === 'starting');
  const deadline = Date.now() + READY_LIMIT_MS;
  while (isStarting() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
};
