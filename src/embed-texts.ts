import { embeddingKeyIn } from './cache/embedding-cache.ts';
import { EmbeddingsAnswerSchema } from './contract/embeddings.ts';
import { GatewayError, toGatewayError } from './contract/errors.ts';
import type { AttemptMeter } from './ledger/attempt-meter.ts';
import { NO_TOKENS } from './ledger/tokens.ts';
import { acquire } from './limits/acquire.ts';
import type { Passage } from './passage.ts';
import type { Ports, Runtime } from './ports.ts';
import type { Candidate } from './routing/routing-table.ts';
import { toVectorBytes } from './translate/vectors.ts';
import { readForwarded, refusalOf } from './upstreams/read-forwarded.ts';

/** Longest wait for vectors: a model that answers is worth more than one that is searched for. */
export const EMBEDDING_LIMIT_MS = 300;
const CHARACTERS_PER_TOKEN = 4;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Its circuit is that of clients who ask for embeddings themselves. */
const healthOf = ({ upstream, model }: Candidate) => ({ upstream, model: `${model} at /embeddings` });

export type EmbedOptions = {
  /** Name of a model of `models` in routes.yaml. */
  model: string;
  team: string;
  requestId: string;
  /** How long vectors are kept, where the model itself does not say. */
  ttlMs: number;
  signal: AbortSignal;
};

/**
 * Vectors of length 1 for texts, from the cache of embeddings or from the first deployment that answers in time; each
 * call is an attempt of the passage. Null where there are none. Never rejects.
 */
export const embedTexts = async (
  texts: string[],
  options: EmbedOptions,
  passage: Passage,
  runtime: Runtime,
  ports: Ports,
): Promise<Float32Array[] | null> => {
  const deployments = runtime.table.models.get(options.model) ?? [];
  const keyOf = embeddingKeyIn({
    team: options.team,
    deployments: deployments.map(({ upstream, model }) => `${upstream}/${model}`),
    dimensions: null,
  });
  const keys = texts.map(keyOf);
  const found = await ports.embeddings.get(keys).catch(() => []);
  if (texts.every((_, index) => found[index] != null)) return found.map((vector) => toUnit(vector!.bytes));
  const limit = new AbortController();
  const cancel = ports.clock.after(EMBEDDING_LIMIT_MS, () => limit.abort(TOO_LATE));
  const signal = AbortSignal.any([options.signal, limit.signal]);
  try {
    for (const candidate of deployments) {
      const vectors = await ask(candidate, texts, { ...options, signal }, passage, runtime, ports);
      if (vectors === null) continue;
      const ttlMs = candidate.cacheTtlMs ?? options.ttlMs;
      const entries = vectors.map(({ bytes, tokens }, index) => ({
        key: keys[index] as string,
        vector: { bytes, tokens },
      }));
      await ports.embeddings.set(entries, ttlMs).catch(() => {});
      return vectors.map(({ bytes }) => toUnit(bytes));
    }
    return null;
  } finally {
    cancel();
  }
};

const TOO_LATE = new GatewayError('upstream_total_timeout', 'No embedding came in time.', { isRetryable: true });

type Vector = { bytes: Buffer; tokens: number };

const ask = async (
  candidate: Candidate,
  texts: string[],
  { requestId, team, signal }: EmbedOptions,
  passage: Passage,
  runtime: Runtime,
  { health, counters, logger }: Ports,
): Promise<Vector[] | null> => {
  const upstream = runtime.upstreams.get(candidate.upstream);
  const state = upstream?.state().state ?? 'down';
  if (upstream === undefined || state === 'down' || state === 'disabled' || signal.aborted) return null;
  const key = healthOf(candidate);
  if (!health.tryAcquire(key)) return null;
  const estimate = {
    promptTokens: Math.ceil(texts.join('').length / CHARACTERS_PER_TOKEN),
    completionTokens: 0,
    isGuessed: false,
  };
  const limits = runtime.config.routes.upstreams[candidate.upstream]?.limits;
  let meter: AttemptMeter | null = null;
  try {
    const place = await acquire(requestId, candidate.upstream, limits, estimate, counters);
    if (place.refusal !== null) throw place.refusal;
    meter = passage.beginAside(candidate, place.hold);
    // Our own host is known to speak base64, which takes a tenth of the time to write and to read.
    const format = upstream.kind === 'llama' ? 'base64' : 'float';
    const answer = await upstream.forward({
      method: 'POST',
      path: '/embeddings',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(upstream.kind === 'llama' && { 'x-rightsize-partition': team }),
      },
      body: JSON.stringify({ model: candidate.model, input: texts, encoding_format: format }),
      isStream: false,
      signal,
    });
    if (answer.status !== 200) throw await refusalOf(candidate.upstream, answer);
    const { data, usage } = EmbeddingsAnswerSchema.parse(
      JSON.parse(await readForwarded(candidate.upstream, answer, MAX_ANSWER_BYTES)),
    );
    const told = usage?.prompt_tokens ?? usage?.total_tokens ?? 0;
    const promptTokens = told > 0 ? told : estimate.promptTokens;
    meter.firstToken();
    meter.finish({
      outcome: 'ok',
      upstreamStatus: 200,
      tokens: { ...NO_TOKENS, promptTokens, isEstimated: told <= 0 },
    });
    const byIndex = new Map(data.map(({ index, embedding }) => [index, toVectorBytes(embedding)]));
    const vectors = texts.map((_, index): Vector => {
      const bytes = byIndex.get(index);
      if (bytes == null) throw new Error('a vector is missing, or is none');
      return { bytes, tokens: Math.round(promptTokens / texts.length) };
    });
    health.succeeded(key, meter.record().firstTokenMs);
    return vectors;
  } catch (thrown) {
    const error = thrown instanceof GatewayError ? thrown : toInvalid(thrown, candidate);
    const { code, upstreamStatus = null } = error;
    meter?.finish({ outcome: code === 'client_closed_request' ? 'aborted' : 'error', errorCode: code, upstreamStatus });
    health.ended(key, error);
    logger.debug({ id: requestId, upstream: candidate.upstream, code }, 'no embedding for the semantic cache');
    return null;
  }
};

const toInvalid = (thrown: unknown, { upstream }: Candidate): GatewayError =>
  thrown instanceof SyntaxError || (thrown as Error).name === 'ZodError'
    ? new GatewayError('upstream_invalid_response', `Upstream "${upstream}" sent no embeddings.`, { isRetryable: true })
    : toGatewayError(thrown);

const toUnit = (bytes: Buffer): Float32Array => {
  const vector = new Float32Array(bytes.length / 4);
  let sum = 0;
  for (let i = 0; i < vector.length; i++) {
    const value = bytes.readFloatLE(i * 4);
    vector[i] = value;
    sum += value * value;
  }
  const length = Math.sqrt(sum);
  if (length > 0) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
  return vector;
};
