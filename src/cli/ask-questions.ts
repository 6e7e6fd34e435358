import { once } from 'node:events';
import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config/load.ts';
import type { LoadedConfig } from '../config/loaded-config.ts';
import { parseChatRequest } from '../contract/chat-request.ts';
import { CERTAINTY_FIGURES } from '../contract/confidence-table.ts';
import { isRight } from '../execution/answer-key.ts';
import { askWithCertainty } from '../execution/ask-with-certainty.ts';
import type { Certainty } from '../execution/confidence.ts';
import { createLogger } from '../lib/logger.ts';
import { UsageError } from '../lib/usage-error.ts';
import { compileRoutingTable } from '../routing/routing-table.ts';
import { readSettings } from '../settings.ts';
import { UpstreamRegistry } from '../upstream-registry.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import type { CliContext } from './context.ts';
import type { Question } from './labelled-answers.ts';

export type AskedModel = { config: LoadedConfig; upstream: string; model: string };

export type AskQuestionsOptions = AskedModel & {
  tokens: number;
  maxTokens: number;
  dataDir?: string | undefined;
  signal: AbortSignal;
};

export type AnsweredQuestion = { id: string | number; prompt: string; good: number; certainty: Certainty };

/** How many questions a model is asked at a time where its upstream says nothing of it. */
const PARALLEL = 4;
const LOOK_EVERY_MS = 100;

/**
 * The model of routes.yaml to be calibrated.
 * @throws ConfigError for a file that does not load; UsageError for an upstream it has not, or one of several models.
 */
export const findModel = async (
  { upstream, model, config }: { upstream: string; model?: string | undefined; config: string },
  { environment }: CliContext,
): Promise<AskedModel> => {
  const loaded = await loadConfig({ file: config, environment });
  if (!loaded.ok) throw new ConfigError(config, loaded.problems);
  const { upstreams } = loaded.config.routes;
  if (upstreams[upstream] === undefined) {
    throw new UsageError(`${config} has no upstream ${upstream}; it has ${Object.keys(upstreams).join(', ')}`);
  }
  if (model !== undefined) return { config: loaded.config, upstream, model };
  const candidates = compileRoutingTable(loaded.config).candidates;
  const models = new Set(candidates.filter((other) => other.upstream === upstream).map((other) => other.model));
  const [only] = models;
  if (only !== undefined && models.size === 1) return { config: loaded.config, upstream, model: only };
  throw new UsageError(
    models.size === 0
      ? `no tier has a model of ${upstream}: name one with --model`
      : `${upstream} has several models, choose one with --model: ${[...models].join(', ')}`,
  );
};

/**
 * Asks a model every question, as many at a time as it answers side by side, and judges the answers. Starts its model
 * host where it needs one, and ends it again. Ends with the first failure that asking again did not mend.
 * @param onAnswer called once for each question, as its answer comes.
 * @throws GatewayError of that failure, or the signal's reason; Error when the upstream tells no certainty.
 */
export const askQuestions = async (
  questions: readonly Question[],
  options: AskQuestionsOptions,
  { environment, clock, stderr }: CliContext,
  onAnswer: (index: number, answer: AnsweredQuestion) => void,
): Promise<void> => {
  const settings = readSettings({ ...(options.dataDir && { dataDir: options.dataDir }) }, environment);
  const { dataDir, engineDir } = settings;
  // What a host has to say is said below; its log is for who asks for it.
  const logger = createLogger(environment['RIGHTSIZE_LOG_LEVEL'] === undefined ? 'silent' : settings.logLevel);
  const registry = new UpstreamRegistry({ clock, logger, dataDir, engineDir, environment });
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  // The clock's timers keep no process alive, and a pause may be all that there is to wait for.
  const alive = setInterval(() => {}, 60_000);
  try {
    const upstream = registry.apply(onlyWith(options)).get(options.upstream)!;
    await untilReady(upstream, signal, (detail) => stderr.write(`${options.upstream}: ${detail}\n`));
    let next = 0;
    const work = async (): Promise<void> => {
      for (let index = next++; index < questions.length; index = next++) {
        const answer = await askOne(questions[index]!, upstream, { ...options, signal }, clock);
        if (answer !== null) onAnswer(index, answer);
      }
    };
    const workers = Array.from({ length: parallelOf(options) }, () =>
      work().catch((error: unknown) => failed.abort(error)),
    );
    await Promise.all(workers);
    signal.throwIfAborted();
  } finally {
    clearInterval(alive);
    await registry.close();
  }
};

const askOne = async (
  { id, prompt, messages, key }: Question,
  upstream: Upstream,
  { model, tokens, maxTokens, signal }: AskQuestionsOptions,
  clock: CliContext['clock'],
): Promise<AnsweredQuestion | null> => {
  const body = { model, messages, temperature: 0, max_tokens: maxTokens, stream: true };
  const request = parseChatRequest(Buffer.from(JSON.stringify(body)));
  const session = `calibration ${id}`;
  const options = { upstream, model, request, tokens, session, signal, clock, random: Math.random };
  const { text, certainty } = await askWithCertainty(options);
  if (certainty !== null) return { id, prompt, good: isRight(text, key) ? 1 : 0, certainty: bounded(certainty) };
  if (text === '') return null;
  throw new Error(`${upstream.name} sends no log-probabilities with ${model}, so its certainty cannot be read`);
};

/** Some upstreams round log-probabilities past 0, and without a second alternative a margin may be below 0. */
const bounded = (certainty: Certainty): Certainty =>
  Object.fromEntries(
    CERTAINTY_FIGURES.map((figure) => [figure, Math.min(1, Math.max(0, certainty[figure]))]),
  ) as Certainty;

/** The file with the one upstream that is asked, loaded at once: no other model host is to start. */
const onlyWith = ({ config, upstream }: AskedModel): LoadedConfig => {
  const chosen = config.routes.upstreams[upstream]!;
  const eager = chosen.kind === 'llama' ? { ...chosen, load: 'eager' as const, keepAlive: 'always' as const } : chosen;
  return { ...config, routes: { ...config.routes, upstreams: { [upstream]: eager } } };
};

const parallelOf = ({ config, upstream }: AskedModel): number => {
  const chosen = config.routes.upstreams[upstream]!;
  return chosen.kind === 'llama' ? chosen.parallel : PARALLEL;
};

/** Waits as long as it takes, downloads included. @throws Error when it is down or lacks a key. */
const untilReady = async (upstream: Upstream, signal: AbortSignal, say: (detail: string) => void): Promise<void> => {
  let said = '';
  while (upstream.state().state !== 'ready') {
    const { state, detail } = upstream.state();
    if (state !== 'starting') throw new Error(`${upstream.name} cannot be asked: ${detail}`);
    if (detail !== said) say(detail);
    said = detail;
    await sleep(LOOK_EVERY_MS, signal);
  }
};

const sleep = async (ms: number, signal: AbortSignal): Promise<void> => {
  const timer = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  if (!timer.aborted) await once(timer, 'abort');
  signal.throwIfAborted();
};
